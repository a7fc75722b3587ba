//! Every message of the schema: bytes that decode encode to bytes that decode to the same, and what a server makes of a
//! request never panics.

use prost::Message;
use tinychat::{convert::request, pb};

/// Decodes, encodes, decodes.
fn round_trip<M: Message + Default + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Option<M> {
    let message = M::decode(bytes).ok()?;
    let encoded = message.encode_to_vec();
    assert_eq!(encoded.len(), message.encoded_len());
    let again = M::decode(encoded.as_slice()).expect("what was encoded decodes");
    assert!(again == message, "{again:?} is not {message:?}");
    Some(message)
}

/// The first byte says which message, the rest is the message.
pub fn run(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else {
        return;
    };
    match which % 16 {
        0 => drop(round_trip::<pb::ChatRequest>(bytes).map(|frame| frame.request)),
        1 => drop(round_trip::<pb::ChatResponse>(bytes)),
        2 => drop(round_trip::<pb::SubscribeRequest>(bytes)),
        3 => drop(round_trip::<pb::SubscribeResponse>(bytes)),
        4 => {
            if let Some(asked) = round_trip::<pb::SendRequest>(bytes)
                && let Ok(send) = request::send(&asked)
            {
                assert_eq!(send.text.as_str(), asked.text);
            }
        }
        5 => {
            if let Some(asked) = round_trip::<pb::UsersRequest>(bytes) {
                let _ = request::presence(asked.presence);
                let _ = request::page_token::<tinychat::domain::name::UserName>(&asked.page_token);
            }
        }
        6 => {
            if let Some(asked) = round_trip::<pb::RegisterRequest>(bytes) {
                let _ = request::user_name("user_name", &asked.user_name);
                let _ = request::password("password", &asked.password);
                let _ = request::device_name(&asked.device_name);
            }
        }
        7 => drop(round_trip::<pb::LoginRequest>(bytes)),
        8 => {
            if let Some(asked) = round_trip::<pb::CreateTokenRequest>(bytes) {
                let _ = request::scopes(&asked.scopes);
                let _ = request::expire_time(asked.expire_time);
                let _ = request::token_name(&asked.name);
            }
        }
        9 => {
            if let Some(asked) = round_trip::<pb::ListMessagesRequest>(bytes) {
                let _ = request::conversation_id(&asked.conversation_id);
                let _ = request::position(asked.position);
            }
        }
        10 => drop(round_trip::<pb::ListConversationsRequest>(bytes)),
        11 => drop(round_trip::<pb::ChangePasswordRequest>(bytes)),
        12 => {
            if let Some(asked) = round_trip::<pb::RevokeDeviceRequest>(bytes) {
                let _ = request::device_id(&asked.device_id);
            }
        }
        13 => drop(round_trip::<pb::GetServerInfoResponse>(bytes)),
        14 => drop(round_trip::<pb::ListMessagesResponse>(bytes)),
        _ => drop(round_trip::<pb::Event>(bytes)),
    }
}
