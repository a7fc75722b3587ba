//! What is drawn: one table of roles, each with its glyph in two sets.
//!
//! Promises that a role that carries state (read or not, sent or failed, there or away) is told by a glyph or a
//! modifier, never by colour alone; tests hold that those of one group differ without colour. Knows no colours.

macro_rules! roles {
    ($($role:ident $name:literal $state:ident $unicode:literal $ascii:literal $doc:literal)*) => {
        /// What is drawn.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role {
            $(#[doc = $doc] $role,)*
        }

        /// All roles.
        pub const ROLES: &[Spec] = &[
            $(Spec {
                role: Role::$role,
                name: $name,
                group: Group::$state,
                unicode: $unicode,
                ascii: $ascii,
                doc: $doc,
            },)*
        ];
    };
}

/// Which roles are told from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// It carries no state.
    Look,
    /// How much a conversation calls.
    Call,
    /// Which row is meant.
    Row,
    /// Lines between messages.
    Rule,
    /// How bad a notice is.
    Notice,
    /// Whether somebody is there.
    Presence,
    /// How far an own message has come.
    Delivery,
    /// How the connection is.
    Link,
    /// What happened to a message.
    Mark,
    /// Whose reaction it is.
    Reaction,
    /// Which pane has the keys.
    Border,
}

/// One row of the table.
#[derive(Debug)]
pub struct Spec {
    /// What is drawn.
    pub role: Role,
    /// The word for it in a theme file.
    pub name: &'static str,
    /// What it must be told from.
    pub group: Group,
    /// The glyph before it; empty when it has none.
    pub unicode: &'static str,
    /// The same for terminals that draw ASCII only.
    pub ascii: &'static str,
    /// What it is.
    pub doc: &'static str,
}

roles! {
    Text "text" Look "" "" "what people say"
    Dim "dim" Look "" "" "what matters less: times, hints"
    Title "title" Look "" "" "the head of a pane"
    OwnName "own-name" Look "" "" "the user's own name"
    OtherName "other-name" Look "" "" "names of others; the colour comes from the palette"
    Strong "strong" Look "" "" "bold text"
    Emphasis "emphasis" Look "" "" "italic text"
    Link "link" Look "" "" "a link in a text"
    Code "code" Look "" "" "code in a text"
    Quote "quote" Look "▎" "|" "a quoted text, or what is replied to"
    File "file" Look "▤" "+" "the mark of a file in a message"
    Key "key" Look "" "" "a key in a hint or the help"
    Typing "typing" Look "…" "..." "who is typing"
    Status "status" Look "" "" "the status line"
    Composer "composer" Look "" "" "the line being written"
    Hit "hit" Look "" "" "the words that were searched for"
    Channel "channel" Look "#" "#" "the sign of a channel"
    Group "group" Look "&" "&" "the sign of a group"
    Read "read-conversation" Call "" "" "a conversation in which all is read"
    Unread "unread" Call "•" "*" "a conversation with unread messages, and their number"
    Mention "mention" Call "@" "@" "a conversation or message that mentions the user"
    Muted "muted" Call "⊘" "-" "a muted conversation"
    Draft "draft" Call "✎" "%" "a conversation with a draft"
    Selection "selection" Row "▌" ">" "the row that a key would act on"
    Front "front" Row "▸" "=" "the conversation that is open"
    DayLine "day-line" Rule "─" "-" "the line where a day begins"
    UnreadLine "unread-line" Rule "━" "=" "the line above the first unread message"
    NewBelow "new-below" Rule "↓" "v" "how many new messages are below"
    Error "error" Notice "✗" "x" "what went wrong"
    Warning "warning" Notice "!" "!" "what may go wrong"
    Notice "notice" Notice "›" ">" "what is good to know"
    Online "online" Presence "●" "*" "somebody who is there"
    Away "away" Presence "◐" "~" "somebody who is away"
    Dnd "dnd" Presence "⊖" "x" "somebody who does not want to be disturbed"
    Offline "offline" Presence "○" "." "somebody who is not there"
    Pending "pending" Delivery "·" "." "an own message that waits"
    Sent "sent" Delivery "✓" ">" "one that the server has"
    Delivered "delivered" Delivery "✓✓" ">>" "one that has reached a device of the other"
    Seen "seen" Delivery "✓✓" "R" "one that was read; bold tells it from delivered"
    Failed "failed" Delivery "!" "!" "one that could not be sent"
    Connected "connected" Link "◆" "=" "there is a connection"
    Connecting "connecting" Link "◇" "~" "one is being made"
    Disconnected "disconnected" Link "✗" "x" "there is none"
    Edited "edited" Mark "(edited)" "(edited)" "the mark of an edited message"
    Deleted "deleted" Mark "×" "x" "a deleted message"
    Reaction "reaction" Reaction "" "" "a reaction of others"
    OwnReaction "own-reaction" Reaction "" "" "a reaction that the user gave, too"
    Border "border" Border "" "" "the lines between panes"
    BorderFocused "border-focused" Border "" "" "those of the pane that has the keys"
}

impl Role {
    /// Returns its row. Every role has one: the table makes them.
    pub fn spec(self) -> &'static Spec {
        // The table and the enum are one list, so the place in one is the place in the other.
        &ROLES[self as usize]
    }

    /// Returns the role with this name.
    pub fn find(name: &str) -> Option<Self> {
        let row = ROLES.iter().find(|spec| spec.name == name)?;
        Some(row.role)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::text::Span;

    use super::*;

    #[test]
    fn every_row_is_found_by_its_role_and_by_its_name() {
        for spec in ROLES {
            assert_eq!(spec.role.spec().name, spec.name);
            assert_eq!(Role::find(spec.name), Some(spec.role));
        }
    }

    #[test]
    fn glyphs_are_narrow_and_the_ascii_ones_are_ascii() {
        for spec in ROLES {
            assert!(
                spec.ascii.chars().all(|c| c.is_ascii_graphic()),
                "{}",
                spec.name
            );
            assert_eq!(
                spec.unicode.is_empty(),
                spec.ascii.is_empty(),
                "{}",
                spec.name
            );
            // One cell for each character: none is drawn wide.
            let cells = Span::raw(spec.unicode).width();
            assert_eq!(cells, spec.unicode.chars().count(), "{}", spec.name);
        }
    }
}
