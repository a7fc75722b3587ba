//! What every store must do, case by case: the promises of `store::Store` and the rules of the contract behind them.
//!
//! A case takes a fresh, empty store and knows nothing of its kind. Each case and each store make one named test. A
//! new store joins by its constructor in `subject.rs` and its name at the end of this file.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

mod accounts;
mod conversations;
mod devices;
mod markers;
mod replays;
mod sending;
pub mod subject;

/// Makes one test for each store and case.
macro_rules! conformance {
    (@each [] $cases:tt) => {};
    (@each [$store:ident $($rest:ident)*] { $($group:ident { $($case:ident,)+ })+ }) => {
        mod $store {
            $(mod $group {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let subject = crate::store_conformance::subject::$store().await;
                    crate::store_conformance::$group::$case(subject).await;
                })+
            })+
        }
        conformance! { @each [$($rest)*] { $($group { $($case,)+ })+ } }
    };
    ($($store:ident),+ => $($cases:tt)+) => {
        conformance! { @each [$($store)+] { $($cases)+ } }
    };
}

conformance! { memory, sqlite =>
    accounts {
        the_epoch_is_not_zero_and_the_mode_is_kept,
        a_name_is_taken_once_and_found_again,
        users_are_listed_by_name_in_pages,
        users_are_filtered_by_text_and_by_id,
        a_page_has_500_users_and_not_one_more,
        a_token_finds_its_device_until_it_ends,
        the_twentieth_device_fits_and_the_next_retires_the_one_seen_longest_ago,
        a_device_that_was_there_lately_is_not_retired,
        a_streaming_device_is_retired_only_if_all_are_streaming,
        last_seen_moves_up_and_never_down,
        a_closed_store_says_so,
        a_sound_store_never_fails,
    }
    devices {
        devices_are_listed_with_their_last_use,
        nobody_ends_the_device_of_another,
        the_fiftieth_token_fits_and_the_next_is_refused,
        logins_and_tokens_do_not_crowd_each_other_out,
        an_expired_device_ends_when_the_next_is_made,
        a_password_is_changed_only_while_the_old_one_stands,
        a_change_of_password_ends_all_other_devices_when_told_to,
        a_device_that_has_ended_makes_no_other,
        a_login_that_proved_an_older_password_is_refused,
    }
    sending {
        the_first_message_makes_members_and_tells_them_just_before_it,
        a_batch_is_answered_in_order_and_is_one_commit,
        concurrent_appends_leave_no_gap_and_keep_each_senders_order,
        two_who_write_first_at_once_share_one_conversation,
        a_repeat_gets_the_first_answer_and_writes_nothing,
        a_repeat_in_the_same_batch_is_one_message,
        concurrent_repeats_are_one_message,
        an_id_that_is_used_for_another_message_is_refused,
        an_id_is_the_senders_own,
        the_id_is_looked_up_before_the_target,
        a_refused_send_leaves_its_id_free,
        a_send_that_was_committed_is_found,
        a_refused_send_leaves_the_others_alone,
        notes_to_self_have_one_member,
        the_longest_text_and_every_character_come_back,
    }
    conversations {
        a_started_conversation_is_private_until_the_first_message,
        both_may_start_before_anybody_speaks,
        the_peer_may_speak_first_in_a_started_conversation,
        starting_again_tells_nobody,
        nobody_starts_with_a_stranger_to_the_store,
        a_conversation_with_oneself_can_be_started,
        a_conversation_does_not_exist_for_others,
        conversations_are_listed_by_id_in_pages,
        messages_are_paged_from_every_position,
        a_page_of_messages_ends_at_its_bytes,
        a_page_has_500_messages_and_not_one_more,
    }
    markers {
        a_marker_moves_up_to_the_end_and_never_down,
        unread_counts_what_others_sent_after_the_marker,
        unread_is_what_a_recount_finds,
        the_first_marker_is_shown_to_all_at_once,
        markers_within_a_second_are_shown_once_with_the_last_value,
        a_marker_a_second_later_is_shown_at_once,
        a_marker_in_notes_to_self_is_nobody_elses,
    }
    replays {
        a_replay_after_a_place_gives_what_was_missed,
        a_replay_ends_where_the_log_did_when_it_began,
        a_long_replay_comes_in_pages,
        a_page_of_a_replay_ends_at_its_bytes,
        a_device_that_never_acknowledged_gets_what_is_unread,
        a_device_goes_on_where_it_acknowledged_last,
        the_backlog_limit_leaves_a_gap_before_the_newest,
        the_backlog_limit_counts_each_conversation_alone,
        a_first_sync_has_gaps_too,
        a_change_is_replayed_as_the_state_of_now,
        what_a_user_started_in_silence_is_replayed_to_nobody_else,
        a_marker_is_replayed_once_at_its_last_value,
        a_marker_that_moved_since_is_left_to_the_live_stream,
    }
}
