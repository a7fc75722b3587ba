//! The smallest bot: it answers every message with its text, wherever it was added. Give it a token of its own:
//! `TINYCHAT_TOKEN=$(tinychat-client token --create echo) cargo run --example echo`

use std::env;

use tinychat::{
    client::{Link, LinkEvent, LinkOptions, Patience, Security, Session, Target},
    pb::event::Body,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = env::var("TINYCHAT_SERVER").unwrap_or_else(|_| "127.0.0.1:7777".to_owned());
    let session = Session::open(&server.parse()?, &Security::Plaintext)?;
    let session = session.with_token(&env::var("TINYCHAT_TOKEN")?)?;
    let me = session.who_am_i(Patience::Endless).await?.user;
    let mut link = Link::new(session.clone(), LinkOptions::default());
    loop {
        match link.next().await {
            LinkEvent::Event(event) => {
                if let Some(Body::Message(message)) = event.body
                    && !message.deleted
                    && message.sender.as_ref().map(|it| &it.id) != me.as_ref().map(|it| &it.id)
                {
                    let to = Target::Conversation(message.conversation_id.clone());
                    let to = to.replying_to(message.seq);
                    session.send(to, message.text(), Patience::Endless).await?;
                }
                // Only now: a bot that ends before it has answered gets the message again.
                link.acknowledge(event.cursor);
            }
            LinkEvent::Ended(error) => return Err(error.into()),
            _ => {}
        }
    }
}
