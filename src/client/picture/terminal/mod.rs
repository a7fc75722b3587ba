//! What the terminal can show: what it is asked, how its answers are read, and which way is taken.
//!
//! Promises that an answer, however long or false, costs a few hundred bytes, that what was typed meanwhile is given back,
//! and that in doubt half blocks are drawn, which cannot harm a screen. Reads neither the environment nor the terminal.

mod answers;
mod choice;

pub use answers::{Answers, Report};
pub use choice::{Images, Surroundings, Way, choose};

/// What is sent to a terminal: whether it knows kitty's graphics, its name, how large a cell is, and last what every
/// terminal answers, so that nobody waits for the others. Terminals leave out what they do not know; only where
/// [`Surroundings::should_ask`] says so, in raw mode and before anything else reads. A poor terminal may draw some of it: ask
/// on the alternate screen, before the first frame.
pub const QUESTIONS: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>0q\x1b[16t\x1b[c";
