//! Whom a user blocks. What follows from it for messages and members is the store's to keep; here it is told to the hub,
//! so that neither of the two goes on seeing how the other can be reached.

use tokio::sync::MutexGuard;

use super::{Engine, Error};
use crate::{
    auth::Principal,
    domain::{
        ids::UserId, limits::EPHEMERAL_MEMBERS_MAX, name::UserName, scope::Scope, user::UserRef,
    },
};

/// Calls that can change blocks at one moment, at the most: those of one pair take turns, and now and then two pairs do.
pub(super) const BLOCKING_STRIPES: usize = 64;

impl Engine {
    /// Blocks a user. Once the store has it, the call must run to its end, or the hub would not hear of it.
    pub async fn block_user(&self, principal: &Principal, name: UserName) -> Result<(), Error> {
        let user = self.actor(principal)?.id;
        let (other, _turn) = self.turn(user, &name).await?;
        // Nobody else was told anything of the other's presence, and is to learn that there is a block.
        let were_fellows = self.are_fellows(user, other).await?;
        self.store.block_user(user, name, self.now()).await?;
        if were_fellows {
            self.hub.part(user, other);
        }
        Ok(())
    }

    /// Ends a block. The two see each other again if the other has none either. Must run to its end, too.
    pub async fn unblock_user(&self, principal: &Principal, name: UserName) -> Result<(), Error> {
        let user = self.actor(principal)?.id;
        let (other, _turn) = self.turn(user, &name).await?;
        let were_fellows = self.are_fellows(user, other).await?;
        self.store.unblock_user(user, name).await?;
        if !were_fellows && self.are_fellows(user, other).await? {
            self.hub.meet(user, other);
        }
        Ok(())
    }

    /// Waits until no other call changes what stands between the user and the one of this name, so that the hub hears of
    /// the changes in their order. Others go on: they share a commit.
    async fn turn(
        &self,
        user: UserId,
        name: &UserName,
    ) -> Result<(UserId, MutexGuard<'_, ()>), Error> {
        let other = self.store.find_account(name.clone()).await?;
        let other = other.ok_or_else(|| Error::UserNotFound(name.clone()))?;
        let other = other.user.id;
        // The same for both of a pair.
        let stripe = user.number().wrapping_add(other.number()) % BLOCKING_STRIPES as u64;
        let stripe = usize::try_from(stripe).unwrap_or(0);
        Ok((other, self.blocking[stripe].lock().await))
    }

    /// Whether one of two is told of the other's presence.
    async fn are_fellows(&self, a: UserId, b: UserId) -> Result<bool, Error> {
        let of_a = self.store.fellows(a, EPHEMERAL_MEMBERS_MAX).await?;
        if of_a.contains(&b) {
            return Ok(true);
        }
        let of_b = self.store.fellows(b, EPHEMERAL_MEMBERS_MAX).await?;
        Ok(of_b.contains(&a))
    }

    /// Lists whom the caller blocks.
    pub async fn blocked_users(&self, principal: &Principal) -> Result<Vec<UserRef>, Error> {
        principal.may(Scope::Read)?;
        Ok(self.store.blocked(principal.user.id).await?)
    }
}
