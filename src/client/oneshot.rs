//! The sub-commands for scripts that ask one thing and end. Nothing but the result goes to standard output.

use std::io::Write;

use serde_json::{Value, json};

use crate::{
    domain::{
        clock::{Clock as _, SystemClock, TimeMs},
        ids::ClientMessageId,
        text::MessageText,
    },
    pb,
};

use super::{
    app::{
        blocked::Blocked,
        line::{self, Zone, counted},
        listing::listed_line,
        password::{NewPassword, Next, PasswordProblem, Talk, done_line},
        room::Room,
        untrusted::Untrusted,
    },
    cache,
    cli::HistoryOptions,
    exit::Failure,
    input::{self, Typed},
    journal,
    json::Format,
    login::{LoggedIn, LoginOptions, ask, ask_password, log_out, tell},
    net::{
        connect::ServerAddress,
        devices::TokenWish,
        history::Position,
        outbox::{Outgoing, Target},
        session::{Patience, Session},
    },
    oneshot_links,
    output::Output,
    recipient::Recipient,
    state::{self, Logins},
    transfer::records,
    translate,
    trust::KnownServers,
};

/// Prints everybody, a line each.
pub async fn users(session: &Session, out: &mut Output<impl Write>) -> Result<(), Failure> {
    for user in session.users(Patience::None).await? {
        out.message(&user, |user| {
            let user = translate::user(user.clone());
            line::user(&user.name, user.presence)
        })?;
    }
    out.flush()
}

/// Prints the server's time.
pub async fn time(session: &Session, out: &mut Output<impl Write>) -> Result<(), Failure> {
    let answer = session.time(Patience::None).await?;
    out.message(&answer, |answer| {
        Zone::Local.stamp(translate::time(answer.time))
    })?;
    out.flush()
}

/// Prints who is logged in, for programs; people asked for a login, not for words.
pub async fn who_am_i(session: &Session, out: &mut Output<impl Write>) -> Result<(), Failure> {
    let answer = session.who_am_i(Patience::None).await?;
    out.line(&super::json::line(&answer))?;
    out.flush()
}

/// Prints the conversations, a line each.
pub async fn conversations(session: &Session, out: &mut Output<impl Write>) -> Result<(), Failure> {
    let now = SystemClock.now();
    let blocked = oneshot_links::blocked(session, out.format()).await?;
    for conversation in session.conversations(Patience::None).await? {
        out.message(&conversation, |it| conversation_line(it, &blocked, now))?;
    }
    out.flush()
}

fn conversation_line(conversation: &pb::Conversation, blocked: &Blocked, now: TimeMs) -> String {
    let listed = translate::listed(conversation.clone());
    listed_line(&listed, blocked, now, Zone::Local)
}

/// Writes a message for people.
pub(super) fn message_line(message: &pb::Message) -> String {
    let message = translate::message(message.clone());
    line::message(&message, None, Zone::Local)
}

/// Writes a message of a history, perhaps with its number and what became of it.
fn history_line(message: &pb::Message, options: &HistoryOptions, hides: &Hides) -> String {
    let message = translate::message(message.clone());
    let shown = hides.blocked.shown(hides.room.as_ref(), &message);
    if !options.numbers {
        return line::message(&shown, None, Zone::Local);
    }
    let line = line::numbered(&shown, Zone::Local);
    match message.reply_to {
        0 => line,
        seq => format!("{}\n{line}", line::quotation_of_number(seq)),
    }
}

/// What of a history is hidden.
struct Hides {
    blocked: Blocked,
    room: Option<Room>,
}

impl Hides {
    /// Asks only as far as it is needed.
    async fn of(
        session: &Session,
        place: &Recipient,
        id: &str,
        format: Format,
    ) -> Result<Self, Failure> {
        let nothing = Self {
            blocked: Blocked::default(),
            room: None,
        };
        if matches!(place, Recipient::User(_)) {
            return Ok(nothing);
        }
        let blocked = oneshot_links::blocked(session, format).await?;
        let room = match place {
            Recipient::Conversation(_) if !blocked.is_empty() => {
                let conversation = session.conversation(id, Patience::None).await?;
                Some(translate::named_room(conversation))
            }
            _ => None,
        };
        Ok(Self { blocked, room })
    }
}

/// Prints messages of a conversation in their order.
pub(super) async fn history(
    session: &Session,
    options: &HistoryOptions,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let id = options.of.find(session, Patience::None).await?;
    let position = Position::from(options);
    let messages = session
        .history(&id, position, options.limit, Patience::None)
        .await?;
    let hides = Hides::of(session, &options.of, &id, out.format()).await?;
    let is_before = |message: &&pb::Message| {
        let end = options.until;
        end.is_none_or(|end| translate::time(message.sent_time) < end)
    };
    for message in messages.iter().take_while(is_before) {
        out.message(message, |message| history_line(message, options, &hides))?;
    }
    out.flush()
}

/// Prints the devices of the account, a line each.
pub async fn devices(session: &Session, out: &mut Output<impl Write>) -> Result<(), Failure> {
    let answer = session.devices(Patience::None).await?;
    for device in &answer.devices {
        let this = device.id == answer.current_device_id;
        out.message(device, |device| device_line(device, this))?;
    }
    out.flush()
}

fn device_line(device: &pb::Device, this: bool) -> String {
    let id = Untrusted::from(device.id.as_str()).render_line();
    let mut name = Untrusted::from(device.name.as_str()).render_line();
    if name.is_empty() {
        name = "(no name)".to_owned();
    }
    let stamp = |time: Option<prost_types::Timestamp>| Zone::Local.stamp(translate::time(time));
    let kind = match device.kind() {
        pb::DeviceKind::Token => "TOKEN",
        _ => "LOGIN",
    };
    let mut words = vec![kind.to_owned()];
    if kind == "TOKEN" {
        let scopes: Vec<&str> = device.scopes().filter_map(scope_word).collect();
        words.push(format!("may {}", scopes.join(" and ")));
    }
    if device.streams_count > 0 {
        words.push("ONLINE".to_owned());
    }
    if this {
        words.push("this one".to_owned());
    }
    let mut line = format!(
        "{id} <{}> {name}, since {}",
        words.join(", "),
        stamp(device.created_time)
    );
    if device.last_seen_time.is_some() {
        line += &format!(", used {}", stamp(device.last_seen_time));
    }
    if device.expire_time.is_some() {
        line += &format!(", ends {}", stamp(device.expire_time));
    }
    line
}

fn scope_word(scope: pb::Scope) -> Option<&'static str> {
    match scope {
        pb::Scope::Unspecified => None,
        pb::Scope::Read => Some("read"),
        pb::Scope::Send => Some("send"),
        pb::Scope::Admin => Some("admin"),
    }
}

/// Ends a device of the account, and says so.
pub async fn revoke(
    session: &Session,
    device_id: &str,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    session.revoke_device(device_id).await?;
    let id = Untrusted::from(device_id).render_line();
    done(&format!("{id} is ended; its token is void"), out)
}

/// Sends one text, under an id of the caller's if there is one.
pub async fn send(
    session: &Session,
    to: Target,
    text: &str,
    id: Option<ClientMessageId>,
    patience: Patience,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let text: MessageText = text.parse().map_err(|error| {
        let error: crate::domain::text::MessageTextError = error;
        Failure::refused(error.to_string())
    })?;
    let message = Outgoing {
        id: id.unwrap_or_else(ClientMessageId::mint),
        target: to,
        text: text.as_str().to_owned(),
        attachments: Vec::new(),
        store: None,
    };
    let answer = session.send_again(&message, patience).await?;
    if out.format() == Format::Json {
        out.line(&super::json::line(&answer))?;
    }
    out.flush()
}

/// Sends each line of standard input as one text, in order; stops at the first that fails.
pub async fn send_lines(
    session: &Session,
    to: &Target,
    patience: Patience,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let started = input::lines();
    let mut lines =
        started.map_err(|error| Failure::other(format!("cannot read the input: {error}")))?;
    let mut number = 0_u64;
    while let Some(line) = lines.recv().await {
        number += 1;
        let sent = match line {
            Typed::Ended => break,
            // Output of other programs has empty lines; a message has at least a byte.
            Typed::Line(text) if text.is_empty() => continue,
            Typed::Line(text) => send(session, to.clone(), &text, None, patience, out).await,
            Typed::Undecodable => Err(Failure::refused("it is not UTF-8; give the text in UTF-8")),
            Typed::TooLong => Err(Failure::refused(
                "it is longer than any text; send it in parts",
            )),
            Typed::Failed(error) => Err(Failure::other(format!("it cannot be read: {error}"))),
            Typed::Interrupted => Err(Failure::other("it was interrupted")),
        };
        match sent {
            // Nobody reads the answers any more; that is no reason to send less.
            Ok(()) | Err(Failure::OutputClosed) => {}
            Err(failure @ Failure::Told { code: 4, .. }) => {
                return Err(failure.within(&format!(
                    "no answer came for line {number}, which may have arrived; none after it was sent"
                )));
            }
            Err(failure) => {
                return Err(
                    failure.within(&format!("line {number} was not sent, nor those after it"))
                );
            }
        }
    }
    Ok(())
}

/// Ends a login, and says so.
pub async fn logout(
    session: &Session,
    options: &LoginOptions<'_>,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    done(&log_out(session, options).await?, out)
}

/// Forgets the certificate of a server, and the logins there: their tokens were for that certificate alone.
pub fn forget(server: &ServerAddress, out: &mut Output<impl Write>) -> Result<(), Failure> {
    // The tokens first: should the rest fail, none is left for whoever is trusted next.
    let logins = Logins::of_user()?.forget_all(server)?;
    let known = KnownServers::of_user()?.forget(server)?;
    let waiting = journal::drop_all(&state::folder_of_user()?, server)
        .map_err(|error| Failure::other(format!("cannot drop what waits to be sent: {error}")))?;
    records::drop_all(&state::folder_of_user()?, server).map_err(|error| {
        Failure::other(format!("cannot remove what is noted of uploads: {error}"))
    })?;
    let removed = cache::removal::remove(&state::folder_of_user()?, server, None);
    let removed = removed
        .map_err(|error| Failure::other(format!("cannot remove what was said there: {error}")))?;
    let server = server.as_str();
    let mut text = match (known, logins) {
        (true, _) => format!(
            "the certificate of {server} and the logins there are forgotten; the next contact over TLS asks again"
        ),
        (false, 0) => format!("nothing is known of {server}"),
        (false, _) => format!("the logins at {server} are forgotten"),
    };
    if waiting > 0 {
        let messages = counted(waiting, "message", "messages");
        text += &format!("; {messages} that waited to be sent there dropped");
    }
    if removed.count > 0 {
        text += "; what was said there is removed from this machine";
    }
    done(&text, out)
}

/// What is said where nobody can be asked for a password.
pub(super) const NO_TERMINAL: &str =
    "a password is asked for on a terminal only, and not with --no-input; start this there";

/// Asks for another password, changes it, and says so.
pub(super) async fn password(
    session: &Session,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let mut talk = Talk::default();
    loop {
        let wish = wished(&mut talk)?;
        let error = match session.change_password(&wish).await {
            Ok(ended) => return done(&done_line(wish.ends_others, ended), out),
            Err(error) => error,
        };
        let problem = translate::password_problem(&error);
        if problem == PasswordProblem::Wrong {
            tell(&talk.was_wrong());
            continue;
        }
        return Err(match Failure::from(error) {
            Failure::Told { code, reason, .. } => Failure::Told {
                code,
                reason,
                text: format!("not changed: {}", problem.words()),
            },
            Failure::OutputClosed => Failure::OutputClosed,
        });
    }
}

/// Asks until there is something to ask of the server.
fn wished(talk: &mut Talk) -> Result<NewPassword, Failure> {
    loop {
        let field = talk.field();
        let line = match field.is_hidden() {
            true => ask_password(field.question()),
            false => ask(field.question()).map(Into::into),
        };
        match talk.answer(line.map_err(|failure| failure.within("not changed"))?) {
            Next::More => {}
            Next::Again(told) => tell(&told),
            Next::Wish(wish) => return Ok(wish),
            Next::Over(why) => return Err(Failure::refused(format!("not changed: {why}"))),
        }
    }
}

/// Prints the access token of a login.
pub fn token(login: &LoggedIn, out: &mut Output<impl Write>) -> Result<(), Failure> {
    out.object(
        "access_token",
        Value::from(login.token.as_str()),
        &login.token,
    )?;
    out.flush()
}

/// Makes a token of its own and prints it.
pub async fn create_token(
    session: &Session,
    wish: &TokenWish,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let answer = session.create_token(wish).await?;
    out.message(&answer, |answer| {
        Untrusted::from(answer.access_token.as_str()).render_line()
    })?;
    out.flush()
}

/// Says that something is done.
pub(super) fn done(text: &str, out: &mut Output<impl Write>) -> Result<(), Failure> {
    out.object("done", json!(text), text)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_says_what_it_is() {
        let mut device = pb::Device {
            id: "d3".to_owned(),
            name: "ci \u{1b}[2J".to_owned(),
            created_time: Some(prost_types::Timestamp::default()),
            kind: pb::DeviceKind::Token.into(),
            scopes: vec![pb::Scope::Read.into(), pb::Scope::Send.into(), 99],
            ..pb::Device::default()
        };
        let line = device_line(&device, false);
        assert!(
            line.starts_with("d3 <TOKEN, may read and send> ci ␛[2J, since 19"),
            "{line}"
        );
        device.kind = pb::DeviceKind::Login.into();
        device.streams_count = 2;
        let line = device_line(&device, true);
        assert!(line.starts_with("d3 <LOGIN, ONLINE, this one> "), "{line}");
    }

    #[test]
    fn a_long_last_message_is_cut() {
        let conversation = pb::Conversation {
            name: "bob".to_owned(),
            unread: 2,
            last_message: Some(pb::Message {
                content: Some(pb::message::Content::Text("x\n".repeat(100))),
                ..pb::Message::default()
            }),
            ..pb::Conversation::default()
        };
        let now = TimeMs::new(1000);
        let line = conversation_line(&conversation, &Blocked::default(), now);
        assert!(line.starts_with("bob <2 UNREAD> <"), "{line}");
        assert!(
            line.chars().count() < 90 && !line.contains('\n'),
            "{line:?}"
        );
    }

    #[test]
    fn a_last_message_of_one_who_is_blocked_is_hidden_among_others() {
        let line = |kind: pb::ConversationKind| {
            let bob = pb::UserRef {
                name: "bob".to_owned(),
                ..pb::UserRef::default()
            };
            let conversation = pb::Conversation {
                kind: kind.into(),
                last_message: Some(pb::Message {
                    sender: Some(bob.clone()),
                    content: Some(pb::message::Content::Text("hi".to_owned())),
                    ..pb::Message::default()
                }),
                ..pb::Conversation::default()
            };
            conversation_line(
                &conversation,
                &translate::blocked(vec![bob]),
                TimeMs::new(0),
            )
        };
        assert!(line(pb::ConversationKind::Group).contains("> (hidden: you have"));
        assert!(line(pb::ConversationKind::Direct).ends_with("> hi"));
    }

    #[test]
    fn a_conversation_says_what_calls_and_what_does_not() {
        let line = |mentions, marked_unread, level: pb::NotifyLevel, until: Option<i64>| {
            let conversation = pb::Conversation {
                name: "bob".to_owned(),
                mentions,
                marked_unread,
                notify: Some(pb::NotifySettings {
                    level: level.into(),
                    until_time: until.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
                }),
                ..pb::Conversation::default()
            };
            conversation_line(&conversation, &Blocked::default(), TimeMs::new(1000))
        };
        use pb::NotifyLevel::{All, Mentions, None as Never};
        assert_eq!(line(0, false, All, None), "bob <0 UNREAD>");
        assert_eq!(
            line(1, true, Never, None),
            "bob <0 UNREAD, 1 MENTION, ASIDE, MUTED>"
        );
        assert_eq!(line(2, false, Never, Some(1)), "bob <0 UNREAD, 2 MENTIONS>");
        assert_eq!(
            line(0, false, Mentions, Some(2)),
            "bob <0 UNREAD, MENTIONS ONLY>"
        );
    }
}
