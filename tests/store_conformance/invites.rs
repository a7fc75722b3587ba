//! Invite links: who makes, sees and revokes them, who becomes a member by them, and when nothing (more) comes of one.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{
    doing::{channel, group, ids, member_changed},
    subject::{NOON, Subject, after, name},
};
use tinychat::{
    domain::{
        clock::TimeMs,
        conversation::{ConversationView, HistoryAccess, NewConversation, ReadState},
        event::{EventBody, MemberChange},
        ids::{ConversationId, InviteLinkId, Seq},
        invite::{InviteEnds, InviteLink, NewInviteLink},
        limits::{GROUP_MEMBERS_MAX, INVITE_LINKS_PER_CONVERSATION_MAX},
        page::PageSize,
        role::Role,
        secret::{InviteCode, InviteHash},
        user::UserRef,
    },
    store::{ActError, Answer, Store, StoreError},
};

const NEVER: InviteEnds = InviteEnds {
    expires: None,
    uses_max: None,
};

/// Ends `ms` after noon.
const fn until(ms: i64) -> InviteEnds {
    InviteEnds {
        expires: Some(TimeMs::new(NOON.milliseconds() + ms)),
        uses_max: None,
    }
}

/// Ends with so many uses.
fn for_uses(uses: u32) -> InviteEnds {
    InviteEnds {
        expires: None,
        uses_max: NonZeroU32::new(uses),
    }
}

/// A link with a code that nobody had before.
fn with_ends(ends: InviteEnds) -> NewInviteLink {
    static CODES: AtomicU64 = AtomicU64::new(1);
    let mut bits = [0; 16];
    bits[..8].copy_from_slice(&CODES.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    NewInviteLink {
        code: InviteCode::new(bits).hash(),
        created: NOON,
        ends,
    }
}

/// A group that shows joiners what was said before.
fn open_group(members: &[&UserRef]) -> NewConversation {
    NewConversation {
        history: HistoryAccess::All,
        ..group(members)
    }
}

fn create(
    by: &UserRef,
    id: ConversationId,
    new: NewInviteLink,
) -> impl FnOnce(&dyn Store) -> Answer<'_, Result<InviteLink, ActError>> {
    let by = by.clone();
    move |store| store.create_invite_link(by, id, new)
}

fn revoke(
    by: &UserRef,
    id: ConversationId,
    link: InviteLinkId,
) -> impl FnOnce(&dyn Store) -> Answer<'_, Result<(), ActError>> {
    let by = by.id;
    move |store| store.revoke_invite_link(by, id, link)
}

fn join(
    user: &UserRef,
    code: InviteHash,
    at: TimeMs,
) -> impl FnOnce(&dyn Store) -> Answer<'_, Result<ConversationView, ActError>> {
    let user = user.clone();
    move |store| store.join_by_invite(user, code, at)
}

/// Makes a link: nobody hears of it.
async fn link(
    subject: &Subject,
    by: &UserRef,
    id: ConversationId,
    ends: InviteEnds,
) -> (InviteLink, InviteHash) {
    let new = with_ends(ends);
    (subject.quiet(create(by, id, new)).await, new.code)
}

/// The links of a conversation that a user sees at a time.
async fn listed(
    subject: &Subject,
    user: &UserRef,
    id: ConversationId,
    now: TimeMs,
) -> Vec<InviteLink> {
    let size = PageSize::asked(500);
    let listed = subject
        .store
        .list_invite_links(user.id, id, now, None, size);
    let page = listed.await.unwrap();
    assert!(!page.more);
    page.links
}

async fn listed_ids(subject: &Subject, user: &UserRef, id: ConversationId) -> Vec<InviteLinkId> {
    let links = listed(subject, user, id, NOON).await;
    links.iter().map(|link| link.id).collect()
}

/// How often a link was used; `None`: it is not listed.
async fn uses(subject: &Subject, user: &UserRef, link: &InviteLink) -> Option<u32> {
    let links = listed(subject, user, link.conversation, NOON).await;
    let found = links.iter().find(|it| it.id == link.id)?;
    let uses = found.uses;
    assert_eq!(
        *found,
        InviteLink {
            uses,
            ..link.clone()
        }
    );
    Some(uses)
}

/// One who is no member joins by it, and leaves again.
async fn works(subject: &Subject, user: &UserRef, code: InviteHash) {
    let (view, told) = subject.told(join(user, code, NOON)).await;
    assert_eq!((view.role, told.len()), (Role::Member, 2));
    subject.leave(user, view.conversation.id).await;
}

pub async fn a_link_is_made_by_all_who_speak_and_nobody_hears_of_it(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let mut last = InviteLinkId::new(0);
    for room in [group(&[&bob, &eve]), channel("ops", &[&bob, &eve])] {
        let id = subject.make(&ann, room).await;
        subject.set_role(&ann, id, &bob, Role::Admin).await;
        for (by, ends) in [
            (&ann, NEVER),
            (&bob, until(60_000)),
            (&eve, for_uses(7)),
            (&eve, for_uses(u32::MAX)),
        ] {
            let new = NewInviteLink {
                created: after(5),
                ..with_ends(ends)
            };
            let made = subject.quiet(create(by, id, new)).await;
            let expected = InviteLink {
                id: made.id,
                conversation: id,
                creator: by.clone(),
                created: after(5),
                ends,
                uses: 0,
            };
            assert_eq!(made, expected);
            assert_eq!(uses(&subject, by, &made).await, Some(0));
            assert!(made.id > last, "{:?} after {last:?}", made.id);
            last = made.id;
            // An id is not used again.
            subject.quiet(revoke(by, id, made.id)).await;
        }
    }
}

pub async fn making_a_link_is_refused_in_this_order(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let notes = subject.start(&ann, &ann).await.conversation.id;
    let id = subject.make(&ann, group(&[&bob])).await;
    let nowhere = ConversationId::new(99);
    let refused = async |by: &UserRef, id, why| {
        subject.refused(why, create(by, id, with_ends(NEVER))).await;
    };
    for (by, id) in [(&eve, id), (&eve, direct), (&ann, nowhere), (&bob, notes)] {
        refused(by, id, ActError::NotMember(id)).await;
    }
    refused(&bob, direct, ActError::Direct).await;
    refused(&ann, notes, ActError::Direct).await;
    subject.set_role(&ann, id, &bob, Role::ReadOnly).await;
    refused(&bob, id, ActError::ReadOnly).await;
    for _ in 0..INVITE_LINKS_PER_CONVERSATION_MAX {
        link(&subject, &ann, id, NEVER).await;
    }
    refused(&bob, id, ActError::ReadOnly).await;
    refused(&ann, id, ActError::TooManyInviteLinks).await;
    subject.leave(&bob, id).await;
    refused(&bob, id, ActError::NotMember(id)).await;
}

pub async fn a_conversation_has_50_links_and_not_one_more(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let other = subject.make(&ann, channel("ops", &[&bob])).await;
    let (timed, timed_code) = link(&subject, &bob, id, until(1_000)).await;
    let (once, once_code) = link(&subject, &bob, id, for_uses(1)).await;
    let (never, _) = link(&subject, &ann, id, NEVER).await;
    for number in 3..INVITE_LINKS_PER_CONVERSATION_MAX {
        let by = if number % 2 == 0 { &ann } else { &bob };
        link(&subject, by, id, NEVER).await;
    }
    let at = |ms| NewInviteLink {
        created: after(ms),
        ..with_ends(NEVER)
    };
    // Whose they are does not matter.
    for by in [&ann, &bob] {
        let one_more = create(by, id, at(999));
        subject
            .refused(ActError::TooManyInviteLinks, one_more)
            .await;
    }
    let listed_at = async |ms| listed(&subject, &ann, id, after(ms)).await.len();
    assert_eq!(listed_at(999).await, 50);
    link(&subject, &bob, other, NEVER).await;
    // One goes with its time …
    assert_eq!(listed_at(1_000).await, 49);
    subject.quiet(create(&bob, id, at(1_000))).await;
    let gone = ActError::InviteLinkNotFound(timed.id);
    subject.refused(gone, revoke(&bob, id, timed.id)).await;
    let void = join(&eve, timed_code, NOON);
    subject.refused(ActError::InviteLinkVoid, void).await;
    let one_more = create(&ann, id, at(1_000));
    subject
        .refused(ActError::TooManyInviteLinks, one_more)
        .await;
    // … one with its last use …
    works(&subject, &eve, once_code).await;
    subject.quiet(create(&ann, id, at(1_000))).await;
    let gone = ActError::InviteLinkNotFound(once.id);
    subject.refused(gone, revoke(&ann, id, once.id)).await;
    let one_more = create(&ann, id, at(1_000));
    subject
        .refused(ActError::TooManyInviteLinks, one_more)
        .await;
    // … and one because it is revoked.
    subject.quiet(revoke(&ann, id, never.id)).await;
    subject.quiet(create(&ann, id, at(1_000))).await;
    let one_more = create(&ann, id, at(1_000));
    subject
        .refused(ActError::TooManyInviteLinks, one_more)
        .await;
    assert_eq!(listed_at(1_000).await, 50);
    // With a membership many go at once.
    subject.leave(&bob, id).await;
    let left = listed(&subject, &ann, id, after(1_000)).await;
    assert!(left.len() < 50 && left.iter().all(|link| link.creator == ann));
    subject.quiet(create(&ann, id, at(1_000))).await;
}

pub async fn links_are_listed_by_id_in_pages(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let other = subject.make(&ann, group(&[&bob])).await;
    let mut all = Vec::new();
    for number in 0..9 {
        let by = if number % 3 == 0 { &ann } else { &bob };
        // Those that have come to their end leave no holes in the pages.
        link(&subject, by, id, until(10)).await;
        all.push(link(&subject, by, id, until(11)).await.0);
        link(&subject, by, other, NEVER).await;
    }
    let own: Vec<_> = { all.iter() }
        .filter(|link| link.creator == bob)
        .cloned()
        .collect();
    assert_eq!((all.len(), own.len()), (9, 6));
    assert!(all.is_sorted_by(|a, b| a.id < b.id));
    for (user, expected) in [(&ann, &all), (&bob, &own)] {
        for size in 1..=10 {
            let (mut seen, mut last) = (Vec::new(), None);
            loop {
                let asked = PageSize::asked(size);
                let page = subject
                    .store
                    .list_invite_links(user.id, id, after(10), last, asked);
                let page = page.await.unwrap();
                seen.extend(page.links.iter().cloned());
                assert_eq!(page.more, seen.len() < expected.len(), "size {size}");
                if !page.more {
                    break;
                }
                assert_eq!(page.links.len(), size as usize);
                last = seen.last().map(|link| link.id);
            }
            assert_eq!(seen, *expected, "size {size}");
        }
    }
}

pub async fn who_runs_the_conversation_sees_all_links_and_others_their_own(subject: Subject) {
    let people = ["ann", "bob", "eve", "fay", "gus"];
    let [ann, bob, eve, fay, gus] = subject.people(people).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let id = subject
        .make(&ann, channel("ops", &[&bob, &eve, &fay]))
        .await;
    let other = subject.make(&ann, group(&[&eve])).await;
    subject.set_role(&ann, id, &bob, Role::Admin).await;
    link(&subject, &eve, other, NEVER).await;
    let anns = link(&subject, &ann, id, NEVER).await.0.id;
    let eves = link(&subject, &eve, id, NEVER).await.0.id;
    let bobs = link(&subject, &bob, id, NEVER).await.0.id;
    let more = link(&subject, &eve, id, NEVER).await.0.id;
    let all = [anns, eves, bobs, more];
    assert_eq!(listed_ids(&subject, &ann, id).await, all);
    assert_eq!(listed_ids(&subject, &bob, id).await, all);
    assert_eq!(listed_ids(&subject, &eve, id).await, [eves, more]);
    assert_eq!(listed_ids(&subject, &fay, id).await, []);
    // It goes by the role of now; one who may only read still sees the own ones.
    subject.set_role(&ann, id, &bob, Role::Member).await;
    subject.set_role(&ann, id, &eve, Role::ReadOnly).await;
    subject.set_role(&ann, id, &fay, Role::Admin).await;
    assert_eq!(listed_ids(&subject, &bob, id).await, [bobs]);
    assert_eq!(listed_ids(&subject, &eve, id).await, [eves, more]);
    assert_eq!(listed_ids(&subject, &fay, id).await, all);
    let nowhere = ConversationId::new(99);
    let list = async |user: &UserRef, id, why| {
        let size = PageSize::asked(9);
        let list = |store| Store::list_invite_links(store, user.id, id, NOON, None, size);
        subject.refused(why, list).await;
    };
    list(&gus, id, ActError::NotMember(id)).await;
    list(&gus, direct, ActError::NotMember(direct)).await;
    list(&ann, nowhere, ActError::NotMember(nowhere)).await;
    list(&ann, direct, ActError::Direct).await;
}

pub async fn a_link_that_has_come_to_its_end_is_not_listed(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[])).await;
    let both = InviteEnds {
        uses_max: NonZeroU32::new(2),
        ..until(1_000)
    };
    let (twice, code) = link(&subject, &ann, id, both).await;
    let (timed, _) = link(&subject, &ann, id, until(2_000)).await;
    let ids_at = async |ms| {
        let links = listed(&subject, &ann, id, after(ms)).await;
        links.iter().map(|link| link.id).collect::<Vec<_>>()
    };
    assert_eq!(ids_at(0).await, [twice.id, timed.id]);
    assert_eq!(ids_at(999).await, [twice.id, timed.id]);
    assert_eq!(ids_at(1_000).await, [timed.id], "at that very moment");
    assert_eq!(ids_at(1_999).await, [timed.id]);
    assert_eq!(ids_at(2_000).await, []);
    works(&subject, &bob, code).await;
    assert_eq!(uses(&subject, &ann, &twice).await, Some(1));
    assert_eq!(ids_at(999).await, [twice.id, timed.id]);
    works(&subject, &bob, code).await;
    assert_eq!(ids_at(0).await, [timed.id]);
    // Both can be revoked for as long as they are kept.
    subject.quiet(revoke(&ann, id, twice.id)).await;
    subject.quiet(revoke(&ann, id, timed.id)).await;
}

pub async fn a_link_is_revoked_by_those_who_may_see_it(subject: Subject) {
    let people = ["ann", "bob", "eve", "fay", "gus"];
    let [ann, bob, eve, fay, gus] = subject.people(people).await;
    let id = subject.make(&ann, group(&[&bob, &eve, &fay])).await;
    subject.set_role(&ann, id, &bob, Role::Admin).await;
    let kept = link(&subject, &fay, id, NEVER).await.0;
    for (by, of) in [(&ann, &ann), (&ann, &bob), (&ann, &eve), (&bob, &ann)] {
        let (made, code) = link(&subject, of, id, NEVER).await;
        subject.quiet(revoke(by, id, made.id)).await;
        let gone = ActError::InviteLinkNotFound(made.id);
        subject.refused(gone, revoke(by, id, made.id)).await;
        let void = join(&gus, code, NOON);
        subject.refused(ActError::InviteLinkVoid, void).await;
    }
    let (made, code) = link(&subject, &eve, id, NEVER).await;
    works(&subject, &gus, code).await;
    // A member who does not run it, for whom another's is not there; later with the own one.
    for role in [Role::Member, Role::ReadOnly] {
        subject.set_role(&ann, id, &fay, role).await;
        let hidden = ActError::InviteLinkNotFound(made.id);
        subject.refused(hidden, revoke(&fay, id, made.id)).await;
    }
    works(&subject, &gus, code).await;
    subject.quiet(revoke(&fay, id, kept.id)).await;
    assert_eq!(listed_ids(&subject, &ann, id).await, [made.id]);
    subject.quiet(revoke(&eve, id, made.id)).await;
    assert_eq!(listed_ids(&subject, &ann, id).await, []);
}

pub async fn revoking_is_refused_in_this_order(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let id = subject.make(&ann, group(&[&bob])).await;
    let other = subject.make(&ann, group(&[&bob])).await;
    let (made, code) = link(&subject, &ann, id, NEVER).await;
    let (elsewhere, _) = link(&subject, &ann, other, NEVER).await;
    let nowhere = ConversationId::new(99);
    let unknown = InviteLinkId::new(9_999);
    for (by, id) in [(&eve, id), (&eve, direct), (&ann, nowhere)] {
        for link in [made.id, unknown] {
            let not_member = ActError::NotMember(id);
            subject.refused(not_member, revoke(by, id, link)).await;
        }
    }
    for link in [made.id, unknown] {
        let revoke = revoke(&ann, direct, link);
        subject.refused(ActError::Direct, revoke).await;
    }
    for link in [unknown, elsewhere.id, InviteLinkId::new(0)] {
        let not_found = ActError::InviteLinkNotFound(link);
        subject.refused(not_found, revoke(&ann, id, link)).await;
    }
    assert_eq!(listed_ids(&subject, &ann, id).await, [made.id]);
    assert_eq!(listed_ids(&subject, &ann, other).await, [elsewhere.id]);
    works(&subject, &eve, code).await;
}

pub async fn who_joins_by_a_link_gets_the_state_before_all_hear_of_it(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    for (room, from) in [
        (group(&[&eve]), 3),
        (open_group(&[&eve]), 1),
        (channel("ops", &[&eve]), 1),
    ] {
        let id = subject.make(&ann, room).await;
        subject.speak(&ann, id, "1").await;
        subject.speak(&eve, id, "2").await;
        let (made, code) = link(&subject, &eve, id, NEVER).await;
        let (view, told) = subject.told(join(&bob, code, after(9))).await;
        assert_eq!(view.conversation.members_count, 3);
        assert_eq!(view.role, Role::Member);
        let read = ReadState {
            read_seq: Seq::new(2),
            unread: 0,
        };
        assert_eq!(view.read, read, "what was said before counts as read");
        assert_eq!(subject.view(&bob, id).await.as_ref(), Some(&view));
        let state = EventBody::ConversationChanged(view.conversation);
        let joined = MemberChange::Joined(Role::Member);
        let expected = [
            (state, vec![bob.id]),
            (
                member_changed(id, &bob, joined, &bob, 3),
                ids(&[&ann, &bob, &eve]),
            ),
        ];
        assert_eq!(told, expected);
        assert_eq!(uses(&subject, &ann, &made).await, Some(1));
        let members =
            subject
                .store
                .list_members(ann.id, id, false, Some(ann.id), PageSize::asked(1));
        let members = members.await.unwrap().members;
        assert_eq!((&members[0].user, members[0].since), (&bob, after(9)));
        assert_eq!(subject.speak(&bob, id, "3").await, Seq::new(3));
        let page = subject.page(&bob, id).await.unwrap();
        assert_eq!(page.messages[0].seq, Seq::new(from));
        // Another one, by the link of him who has just come.
        let (bobs, code) = link(&subject, &bob, id, for_uses(1)).await;
        let (view, _) = subject.told(join(&fay, code, NOON)).await;
        assert_eq!(view.conversation.members_count, 4);
        assert_eq!(uses(&subject, &bob, &bobs).await, None, "used up");
    }
    for user in [&ann, &bob, &eve, &fay] {
        subject.assert_resumes_everywhere(user).await;
    }
}

pub async fn each_joining_is_a_use_and_no_member_uses_a_link(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[])).await;
    let (made, code) = link(&subject, &ann, id, for_uses(3)).await;
    subject.told(join(&bob, code, NOON)).await;
    subject.set_role(&ann, id, &bob, Role::ReadOnly).await;
    subject.speak(&ann, id, "hi").await;
    for _ in 0..3 {
        for user in [&ann, &bob] {
            let view = subject.view(user, id).await.unwrap();
            let again = subject.quiet(join(user, code, after(9))).await;
            assert_eq!(again, view, "he stays as he is");
        }
    }
    assert_eq!(uses(&subject, &ann, &made).await, Some(1));
    // Who left and comes back uses it again.
    subject.leave(&bob, id).await;
    works(&subject, &bob, code).await;
    assert_eq!(uses(&subject, &ann, &made).await, Some(2));
    subject.remove(&ann, id, &bob, true).await;
    subject
        .refused(ActError::Banned, join(&bob, code, NOON))
        .await;
    assert_eq!(uses(&subject, &ann, &made).await, Some(2));
    subject.told(join(&eve, code, NOON)).await;
    assert_eq!(uses(&subject, &ann, &made).await, None);
}

pub async fn to_a_member_a_void_link_shows_the_conversation(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let (_, timed) = link(&subject, &bob, id, until(10)).await;
    let (_, once) = link(&subject, &bob, id, for_uses(1)).await;
    let (revoked, revoked_code) = link(&subject, &bob, id, NEVER).await;
    subject.told(join(&eve, once, NOON)).await;
    subject.quiet(revoke(&bob, id, revoked.id)).await;
    subject.set_role(&ann, id, &bob, Role::ReadOnly).await;
    for user in [&ann, &bob, &eve] {
        let view = subject.view(user, id).await.unwrap();
        for code in [timed, once] {
            assert_eq!(subject.quiet(join(user, code, after(10))).await, view);
        }
        // One that is not kept any more says nothing, not even to members.
        for code in [revoked_code, with_ends(NEVER).code] {
            let void = join(user, code, NOON);
            subject.refused(ActError::InviteLinkVoid, void).await;
        }
    }
}

pub async fn nothing_comes_of_a_void_link(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    subject.remove(&ann, id, &fay, true).await;
    let void = async |code, at| {
        // One who is banned learns no more than others.
        for user in [&eve, &fay] {
            let join = join(user, code, at);
            subject.refused(ActError::InviteLinkVoid, join).await;
            assert_eq!(subject.view(user, id).await, None);
        }
    };
    void(with_ends(NEVER).code, NOON).await;
    let (made, timed) = link(&subject, &ann, id, until(1_000)).await;
    void(timed, after(1_000)).await;
    void(timed, after(i64::from(u32::MAX))).await;
    assert_eq!(uses(&subject, &ann, &made).await, Some(0));
    subject.told(join(&eve, timed, after(999))).await;
    subject.leave(&eve, id).await;
    let (_, twice) = link(&subject, &ann, id, for_uses(2)).await;
    works(&subject, &eve, twice).await;
    works(&subject, &eve, twice).await;
    void(twice, NOON).await;
    let (made, revoked) = link(&subject, &ann, id, NEVER).await;
    subject.quiet(revoke(&ann, id, made.id)).await;
    void(revoked, NOON).await;
}

pub async fn a_link_works_while_its_creator_speaks(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    subject.remove(&ann, id, &fay, true).await;
    let (made, code) = link(&subject, &bob, id, NEVER).await;
    for (role, speaks) in [
        (Role::ReadOnly, false),
        (Role::Member, true),
        (Role::Admin, true),
        (Role::ReadOnly, false),
        (Role::Owner, true),
    ] {
        subject.set_role(&ann, id, &bob, role).await;
        let before = uses(&subject, &ann, &made).await.unwrap();
        if speaks {
            works(&subject, &eve, code).await;
            subject
                .refused(ActError::Banned, join(&fay, code, NOON))
                .await;
        } else {
            for user in [&eve, &fay] {
                let join = join(user, code, NOON);
                subject.refused(ActError::InviteLinkVoid, join).await;
            }
        }
        let now = uses(&subject, &ann, &made).await.unwrap();
        assert_eq!(now, before + u32::from(speaks), "{role:?}");
    }
}

pub async fn a_link_ends_with_the_membership_of_its_creator(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob, &eve])).await;
    let other = subject.make(&ann, group(&[&bob])).await;
    let (elsewhere, other_code) = link(&subject, &bob, other, NEVER).await;
    let (eves, eves_code) = link(&subject, &eve, id, NEVER).await;
    for way in ["leaves", "is removed", "is banned"] {
        let (one, code) = link(&subject, &bob, id, NEVER).await;
        let (two, _) = link(&subject, &bob, id, for_uses(5)).await;
        let all = [eves.id, one.id, two.id];
        assert_eq!(listed_ids(&subject, &ann, id).await, all, "{way}");
        works(&subject, &fay, code).await;
        match way {
            "leaves" => subject.leave(&bob, id).await,
            "is removed" => subject.remove(&ann, id, &bob, false).await,
            _ => subject.remove(&ann, id, &bob, true).await,
        }
        let end = async || {
            assert_eq!(listed_ids(&subject, &ann, id).await, [eves.id], "{way}");
            let void = join(&fay, code, NOON);
            subject.refused(ActError::InviteLinkVoid, void).await;
            let gone = ActError::InviteLinkNotFound(one.id);
            subject.refused(gone, revoke(&ann, id, one.id)).await;
        };
        end().await;
        let void = join(&bob, code, NOON);
        subject.refused(ActError::InviteLinkVoid, void).await;
        // They do not come back with him.
        subject.add(&ann, id, &[&bob]).await;
        assert_eq!(listed_ids(&subject, &bob, id).await, []);
        end().await;
    }
    // Those of others stay, and so do his own elsewhere.
    works(&subject, &fay, eves_code).await;
    works(&subject, &fay, other_code).await;
    assert_eq!(uses(&subject, &bob, &elsewhere).await, Some(1));
    assert_eq!(uses(&subject, &ann, &eves).await, Some(1));
    // The last one who leaves takes his with him; who joins an empty channel owns it, without a link.
    subject.leave(&bob, id).await;
    subject.leave(&eve, id).await;
    let (_, anns) = link(&subject, &ann, id, NEVER).await;
    subject.leave(&ann, id).await;
    let void = join(&fay, anns, NOON);
    subject.refused(ActError::InviteLinkVoid, void).await;
    assert_eq!(subject.join(&fay, "ops").await.role, Role::Owner);
    assert_eq!(listed_ids(&subject, &fay, id).await, []);
}

pub async fn who_is_banned_does_not_join_by_a_link(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    for room in [group(&[&bob]), channel("ops", &[&bob])] {
        let id = subject.make(&ann, room).await;
        let (made, code) = link(&subject, &ann, id, for_uses(1)).await;
        subject.remove(&ann, id, &bob, true).await;
        for _ in 0..2 {
            subject
                .refused(ActError::Banned, join(&bob, code, NOON))
                .await;
        }
        assert_eq!(subject.members(&ann, id, true).await, [(bob.id, None)]);
        assert_eq!(subject.view(&bob, id).await, None);
        assert_eq!(uses(&subject, &ann, &made).await, Some(0));
        // Adding lifts it, and then the link is good for him.
        subject.add(&ann, id, &[&bob]).await;
        subject.leave(&bob, id).await;
        subject.told(join(&bob, code, NOON)).await;
        // Used up: void to one who is banned.
        subject.remove(&ann, id, &eve, true).await;
        let void = join(&eve, code, NOON);
        subject.refused(ActError::InviteLinkVoid, void).await;
    }
}

pub async fn a_full_group_takes_nobody_by_a_link(subject: Subject) {
    let mut crowd = Vec::new();
    for number in 0..GROUP_MEMBERS_MAX + 2 {
        let user = name(&format!("n{number}"));
        crowd.push(subject.store.create_user(user, None, NOON));
    }
    // They are queued by the call, so they share commits.
    let mut people = Vec::new();
    for user in crowd {
        people.push(user.await.unwrap().to_ref());
    }
    let [owner, others @ .., last, banned] = &people[..] else {
        panic!("{}", people.len());
    };
    let others: Vec<&UserRef> = others.iter().collect();
    let id = subject.make(owner, group(&others)).await;
    subject.remove(owner, id, banned, true).await;
    let (made, code) = link(&subject, owner, id, until(1_000)).await;
    let full = ActError::Full(GROUP_MEMBERS_MAX);
    subject.refused(full.clone(), join(last, code, NOON)).await;
    // In this order: a member, a void link, a ban, no room.
    subject.quiet(join(others[7], code, after(1_000))).await;
    for user in [last, banned] {
        let void = join(user, code, after(1_000));
        subject.refused(ActError::InviteLinkVoid, void).await;
    }
    subject
        .refused(ActError::Banned, join(banned, code, NOON))
        .await;
    assert_eq!(uses(&subject, owner, &made).await, Some(0));
    subject.leave(others[7], id).await;
    let (view, _) = subject.told(join(last, code, NOON)).await;
    assert_eq!(view.conversation.members_count, 500);
    subject.refused(full, join(others[7], code, NOON)).await;
    assert_eq!(uses(&subject, owner, &made).await, Some(1));
}

pub async fn the_last_use_is_for_one(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    for _ in 0..20 {
        let id = subject.make(&ann, group(&[])).await;
        let (made, code) = link(&subject, &ann, id, for_uses(1)).await;
        let (bobs, eves) = tokio::join!(
            subject.store.join_by_invite(bob.clone(), code, NOON),
            subject.store.join_by_invite(eve.clone(), code, NOON),
        );
        let void = Some(ActError::InviteLinkVoid);
        match (bobs, eves) {
            (Ok(_), eves) => assert_eq!(eves.err(), void),
            (bobs, eves) => {
                assert_eq!(bobs.err(), void);
                assert!(eves.is_ok(), "one of them must come in");
            }
        }
        assert_eq!(subject.members(&ann, id, false).await.len(), 2);
        assert_eq!(uses(&subject, &ann, &made).await, None);
        // Two devices of one user are one user.
        let id = subject.make(&ann, group(&[])).await;
        let (made, code) = link(&subject, &ann, id, for_uses(2)).await;
        let (one, two) = tokio::join!(
            subject.store.join_by_invite(bob.clone(), code, NOON),
            subject.store.join_by_invite(bob.clone(), code, NOON),
        );
        assert_eq!(one.unwrap(), two.unwrap());
        assert_eq!(uses(&subject, &ann, &made).await, Some(1));
    }
}

pub async fn links_outlive_a_restart(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let (_, gone) = link(&subject, &bob, id, NEVER).await;
    let (revoked, revoked_code) = link(&subject, &ann, id, NEVER).await;
    let ends = InviteEnds {
        uses_max: NonZeroU32::new(2),
        ..until(1_000)
    };
    let (made, code) = link(&subject, &ann, id, ends).await;
    let (last, _) = link(&subject, &ann, id, NEVER).await;
    works(&subject, &eve, code).await;
    subject.leave(&bob, id).await;
    subject.quiet(revoke(&ann, id, revoked.id)).await;
    subject.quiet(revoke(&ann, id, last.id)).await;
    let subject = subject.restarted().await;
    assert_eq!(listed_ids(&subject, &ann, id).await, [made.id]);
    assert_eq!(uses(&subject, &ann, &made).await, Some(1));
    for code in [gone, revoked_code] {
        let void = join(&eve, code, NOON);
        subject.refused(ActError::InviteLinkVoid, void).await;
    }
    let void = join(&eve, code, after(1_000));
    subject.refused(ActError::InviteLinkVoid, void).await;
    works(&subject, &eve, code).await;
    let void = join(&eve, code, NOON);
    subject.refused(ActError::InviteLinkVoid, void).await;
    // The id of the newest is not given again, though that one was gone.
    let (newer, _) = link(&subject, &ann, id, NEVER).await;
    assert!(newer.id > last.id, "{:?} after {:?}", newer.id, last.id);
}

pub async fn a_closed_store_knows_no_links(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[])).await;
    let (made, code) = link(&subject, &ann, id, NEVER).await;
    subject.store.close().await;
    let (store, end) = (&subject.store, subject.store.end());
    let closed = || Some(ActError::Store(StoreError::Closed));
    let created = store.create_invite_link(ann.clone(), id, with_ends(NEVER));
    assert_eq!(created.await.err(), closed());
    let size = PageSize::asked(1);
    let listed = store.list_invite_links(ann.id, id, NOON, None, size);
    assert_eq!(listed.await.err(), closed());
    let revoked = store.revoke_invite_link(ann.id, id, made.id);
    assert_eq!(revoked.await.err(), closed());
    let joined = store.join_by_invite(bob.clone(), code, NOON);
    assert_eq!(joined.await.err(), closed());
    assert_eq!(store.end(), end);
}
