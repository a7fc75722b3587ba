//! Messages that are found by their words, or by whom they mention: the newest first, page by page.
//!
//! A page of the server may be short, even empty, though there are more: it looked at as much as one call may. Here a
//! page has what was asked for, unless there is no more.

use std::future::Future;

use crate::{
    domain::{clock::TimeMs, limits::PAGE_SIZE_MAX, name::UserName},
    pb,
};

use super::{
    error::ClientError,
    history::timestamp,
    session::{Patience, Session, attempts},
};

/// Empty pages in a row after which a server that never finds anything and never ends is not believed any more. Each
/// stands for thousands of messages.
const EMPTY_PAGES_MAX: usize = 10_000;

/// What to look for. All of it must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchWish {
    /// The words; what stands in double quotes must stand so together.
    pub words: String,
    /// Only in the conversation with this id.
    pub conversation_id: Option<String>,
    /// Only messages of this user.
    pub sender: Option<UserName>,
    /// Only what was sent at this time or later.
    pub since: Option<TimeMs>,
    /// Only what was sent before this time.
    pub until: Option<TimeMs>,
}

impl Session {
    /// Returns at most `limit` messages that fit, the newest first, and what gets those after them: empty if there are
    /// no more. `page` is empty at first, then what the call before returned.
    pub async fn search(
        &self,
        wish: &SearchWish,
        page: &str,
        limit: usize,
        patience: Patience,
    ) -> Result<(Vec<pb::SearchHit>, String), ClientError> {
        let get = |page_token: String, size: u32| async move {
            let request = pb::SearchMessagesRequest {
                query: wish.words.clone(),
                conversation_id: wish.conversation_id.clone().unwrap_or_default(),
                sender_name: wish
                    .sender
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                after_time: wish.since.map(timestamp),
                before_time: wish.until.map(timestamp),
                page_size: size,
                page_token,
            };
            let call = async || {
                let mut conversations = self.connection().conversations();
                conversations.search_messages(request.clone()).await
            };
            let answer = attempts(patience, call).await?;
            Ok((answer.hits, answer.next_page_token))
        };
        so_many(page, limit, get).await
    }

    /// Returns at most `limit` messages of others that mention the caller (all, or those that are not read), in the same
    /// manner.
    pub async fn mentions(
        &self,
        unread_only: bool,
        page: &str,
        limit: usize,
        patience: Patience,
    ) -> Result<(Vec<pb::Message>, String), ClientError> {
        let get = |page_token: String, page_size: u32| async move {
            let request = pb::ListMentionsRequest {
                page_size,
                page_token,
                unread_only,
            };
            let call = async || {
                let mut conversations = self.connection().conversations();
                conversations.list_mentions(request.clone()).await
            };
            let answer = attempts(patience, call).await?;
            Ok((answer.messages, answer.next_page_token))
        };
        so_many(page, limit, get).await
    }
}

/// Collects pages until there are so many items, or no more.
async fn so_many<T, F>(
    page: &str,
    limit: usize,
    mut get: impl FnMut(String, u32) -> F,
) -> Result<(Vec<T>, String), ClientError>
where
    F: Future<Output = Result<(Vec<T>, String), ClientError>>,
{
    let mut found = Vec::new();
    let mut token = page.to_owned();
    let mut empty = 0;
    while found.len() < limit {
        let size = (limit - found.len()).min(PAGE_SIZE_MAX);
        let (items, next) = get(token.clone(), u32::try_from(size).unwrap_or(1)).await?;
        // What were left out of a page that is too large would be lost: the next one begins behind it.
        if items.len() > size {
            return Err(ClientError::BadAnswer("page of that size"));
        }
        empty = if items.is_empty() { empty + 1 } else { 0 };
        found.extend(items);
        if next.is_empty() {
            return Ok((found, next));
        }
        if next == token || empty > EMPTY_PAGES_MAX {
            return Err(ClientError::BadAnswer("end of what it found"));
        }
        token = next;
    }
    Ok((found, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks a server that has a hundred numbers and gives pages of these sizes, one after the other.
    async fn numbers(
        sizes: &[usize],
        page: &str,
        limit: usize,
    ) -> Result<(Vec<usize>, String), ClientError> {
        let mut sizes = sizes.iter().cycle();
        so_many(page, limit, |token, size| {
            let from: usize = token.parse().unwrap_or(0);
            let here = sizes.next().map_or(0, |here| (*here).min(size as usize));
            let to = (from + here).min(100);
            let next = if to == 100 {
                String::new()
            } else {
                to.to_string()
            };
            let page = ((from..to).collect(), next);
            async move { Ok(page) }
        })
        .await
    }

    #[tokio::test]
    async fn short_pages_are_collected_to_what_was_asked_for() {
        let all: Vec<usize> = (0..100).collect();
        let (found, next) = numbers(&[1, 7, 3], "", 20).await.unwrap();
        assert_eq!((found.as_slice(), next.as_str()), (&all[..20], "20"));
        let (found, next) = numbers(&[50], "20", 500).await.unwrap();
        assert_eq!((found.as_slice(), next.as_str()), (&all[20..], ""));
        let (found, next) = numbers(&[50], "", 0).await.unwrap();
        assert_eq!((found.len(), next.as_str()), (0, ""));
    }

    #[tokio::test]
    async fn a_server_that_never_ends_or_gives_too_much_is_not_believed() {
        let mut pages = 0_u64;
        let endless = so_many::<u32, _>("", 5, |_, _| {
            pages += 1;
            let next = pages.to_string();
            async move { Ok((Vec::new(), next)) }
        });
        assert!(matches!(endless.await, Err(ClientError::BadAnswer(_))));
        for (items, next) in [(vec![1, 2], "same"), (vec![1; 9], "other")] {
            let stuck = so_many("same", 5, |_, _| {
                let page = (items.clone(), next.to_owned());
                async move { Ok(page) }
            });
            assert!(matches!(stuck.await, Err(ClientError::BadAnswer(_))));
        }
    }
}
