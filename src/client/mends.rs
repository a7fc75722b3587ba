//! What to do about a refusal, in the words of the line mode: the server names calls of the schema, which people do not
//! type.

/// The command that mends it, where the server's own sentence names none that can be typed.
const MENDS: [(&str, &str); 21] = [
    // People know of no streams.
    ("NO_OPEN_STREAM", "try again in a moment"),
    ("USER_NOT_FOUND", "/users lists everybody"),
    (
        "CONVERSATION_NOT_FOUND",
        "/start NAME opens one that you are in",
    ),
    ("DIRECT_CONVERSATION", "/group NAME USER… makes a group"),
    ("CHANNEL_NOT_FOUND", "/channels lists them all"),
    ("NOT_IN_CHANNEL", "/join #NAME makes you a member"),
    ("MEMBER_NOT_FOUND", "/members lists who is"),
    ("ROLE_TOO_LOW", "ask an owner, as /members lists them"),
    (
        "READ_ONLY",
        "to change that, ask an owner or admin, as /members lists them",
    ),
    (
        "LAST_OWNER",
        "make one of them owner first, with /role USER owner",
    ),
    (
        "MESSAGE_NOT_FOUND",
        "/history shows the numbers of those that you can",
    ),
    (
        "REPLY_TO_UNKNOWN",
        "/history shows the numbers of those that you can",
    ),
    (
        "USER_BLOCKED",
        "/unblock NAME ends that, /blocked lists whom you block",
    ),
    (
        "BLOCKED_BY_USER",
        "nothing was done, and you cannot change that",
    ),
    (
        "INVITE_LINK_VOID",
        "ask whoever gave it for a new one, which /link makes",
    ),
    ("INVITE_LINK_NOT_FOUND", "/links lists those that are"),
    (
        "TOO_MANY_INVITE_LINKS",
        "/links lists them, /unlink ID makes one void",
    ),
    (
        "TOO_MANY_BLOCKED",
        "/blocked lists them, /unblock NAME ends one",
    ),
    ("BLOCKS_ONESELF", "name another user"),
    ("RATE_LIMITED", "try again in a moment"),
    (
        "SCOPE_MISSING",
        "log in without it, or ask for a token that may",
    ),
];

/// What is said instead of the whole sentence, where that speaks of what people do not know.
const SENTENCES: [(&str, &str); 3] = [
    (
        "NO_OPEN_STREAM",
        "the connection to the server is just being made",
    ),
    (
        "INVITE_CODE_INVALID",
        "that is no code of an invite link; such a code has 26 characters and begins with tci_",
    ),
    (
        "METHOD_UNKNOWN",
        "this server is too old for that; ask who runs it for a newer one",
    ),
];

/// Returns a refusal as the line mode tells it: what happened as the server says it, and the mend as it is typed here.
pub(super) fn mended(reason: &str, sentence: &str) -> Option<String> {
    let of = |all: &[(&str, &'static str)]| {
        let found = all.iter().find(|(known, _)| *known == reason);
        found.map(|(_, text)| *text)
    };
    let (told, mend) = (of(&SENTENCES), of(&MENDS));
    let Some(mend) = mend else {
        return told.map(ToOwned::to_owned);
    };
    let first = sentence.split(';').next().unwrap_or_default();
    Some(format!("{}; {mend}", told.unwrap_or(first)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::app::command;

    #[test]
    fn what_happened_is_the_servers_word_and_the_mend_is_a_command() {
        for (reason, sentence, told) in [
            (
                "USER_BLOCKED",
                "you have blocked bob; unblock bob to do that",
                "you have blocked bob; /unblock NAME ends that, /blocked lists whom you block",
            ),
            (
                "INVITE_LINK_NOT_FOUND",
                "there is no invite link i7 here, or it is not yours to revoke; list the invite links to see yours",
                "there is no invite link i7 here, or it is not yours to revoke; /links lists those that are",
            ),
            (
                "CHANNEL_NOT_FOUND",
                "there is no channel news; ListChannels lists them all",
                "there is no channel news; /channels lists them all",
            ),
            (
                "NO_OPEN_STREAM",
                "this device has no open stream; open Chat or Subscribe first",
                "the connection to the server is just being made; try again in a moment",
            ),
            (
                "INVITE_CODE_INVALID",
                "",
                "that is no code of an invite link; such a code has 26 characters and begins with tci_",
            ),
        ] {
            assert_eq!(mended(reason, sentence).as_deref(), Some(told), "{reason}");
        }
        assert_eq!(mended("", "it is late; sleep"), None);
        assert_eq!(mended("UNKNOWN", "too fast; wait"), None);
    }

    #[test]
    fn every_command_that_is_named_is_one() {
        let words = MENDS.iter().flat_map(|(_, mend)| mend.split([' ', ',']));
        let commands: Vec<&str> = words.filter_map(|word| word.strip_prefix('/')).collect();
        assert!(commands.len() > 10);
        for word in commands {
            assert!(command::find(word).is_ok(), "/{word}");
        }
    }
}
