//! Issuing the codes of invite links. Whom they let in is the store's to say.

use crate::domain::secret::InviteCode;

/// Makes a code of 128 random bits. Fails only if the system has no randomness to give.
pub fn issue() -> Result<InviteCode, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(InviteCode::new(bits))
}
