//! What `/help` prints: the table of the commands, and the rules that no row of it says.

use super::{command, line, update::lines};

/// Returns it, in lines.
pub(super) fn help() -> String {
    let rules = [
        "Lines you type go to the conversation that /start opened. Several can be open: /start \
         changes between them, and messages of all are shown as they come.",
        "A message to somebody who is offline waits for them. //text sends a text that starts \
         with a slash. Commands may be written in capitals.",
        "/text begins a text of several lines: all that follows is one message, up to a line of just a dot; .. forgets it. \
         A line that ends in a backslash is a line like any other.",
        "What you type on a terminal may name an emoji, as :heart: does, and is sent with the emoji itself; code, addresses, and \
         what comes from a pipe or a script stay as they are. /react takes such names everywhere.",
        "Everybody may join a channel, #NAME; a group, \"NAME\", is for those who were added. /reply, /edit, \
         /delete and /react take the number of a message, which /history shows.",
        "/link makes a code by which others join a channel or group, /join CODE. /block is not told to the other; both can \
         still be in the same channels and groups.",
        "/search also takes in:#NAME, in:NAME, in:this, from:NAME, since:TIME and until:TIME; \"words in quotes\" must \
         stand so together. A TIME is 2026-11-20 or 2026-11-20T14:00. /history [7] shows what stands around message 7.",
        "/send takes paths as a shell does, with quotes; what is dropped on the terminal can be pasted behind it. A picture goes with a \
         small copy; the original goes as it is, with the place and the camera that may stand in it, unless \
         --strip-metadata stands before the paths.",
    ];
    lines(command::list().into_iter().chain(rules.map(line::system)))
}
