//! What every store must do, case by case: the promises of `store::Store` and the rules of the contract behind them.
//!
//! A case takes a fresh, empty store and knows nothing of its kind. Each case and each store make one named test. A
//! new store joins by its constructor in `subject.rs` and its name at the end of this file.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

mod accounts;
mod act_replays;
mod acts;
mod conversations;
mod devices;
mod doing;
mod files;
mod former;
mod full;
mod history;
mod markers;
mod members;
mod replays;
mod rooms;
mod sending;
pub mod subject;
mod targets;

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
        markers_are_shown_in_groups_of_up_to_50_members,
        in_a_channel_a_marker_is_nobody_elses,
        a_marker_goes_with_its_member,
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
    rooms {
        a_conversation_is_made_with_its_first_members_by_one_event,
        a_conversation_can_be_made_without_others,
        a_conversation_that_cannot_be_made_leaves_nothing,
        a_channel_name_is_the_name_of_one_channel,
        a_change_is_told_to_all_members_as_the_whole_state,
        a_change_to_what_it_is_already_tells_nobody,
        a_change_is_refused_in_this_order,
        channels_are_listed_by_name_in_pages,
        who_joins_a_channel_gets_its_state_before_all_hear_of_it,
        joining_again_changes_nothing,
        joining_is_refused_in_this_order,
        the_first_to_join_an_empty_channel_owns_it,
        who_comes_and_goes_at_once_leaves_one_owner,
    }
    members {
        who_leaves_hears_of_it_and_reads_nothing_more,
        leaving_is_refused_in_this_order,
        members_are_added_each_with_a_state_and_a_word_to_all,
        adding_is_refused_in_this_order,
        who_runs_the_conversation_lifts_a_ban_by_adding,
        who_is_removed_hears_of_it_and_may_come_back,
        who_is_banned_cannot_join,
        removing_is_refused_in_this_order,
        a_role_is_given_and_all_are_told,
        giving_a_role_is_refused_in_this_order,
        members_are_listed_by_id_in_pages,
        the_banned_are_listed_for_those_who_run_the_conversation,
        a_closed_store_changes_no_conversation,
    }
    history {
        who_joins_without_history_reads_from_then_on,
        who_joins_with_history_reads_it_all,
        a_change_of_what_joiners_read_is_for_those_who_come_later,
        unread_begins_at_the_joining,
        a_first_sync_of_a_joiner_is_what_was_said_since,
        a_joiner_who_was_away_gets_what_came_after_the_joining,
        a_gap_of_a_joiner_begins_after_the_joining,
        who_comes_back_resumes_from_every_place,
        who_comes_back_has_a_gap_in_each_time,
    }
    acts {
        an_edit_is_told_to_those_who_can_read_the_message,
        an_edit_to_the_same_text_changes_nothing,
        an_edit_is_refused_in_this_order,
        a_deletion_erases_text_and_reactions_and_keeps_the_place,
        a_deletion_is_refused_in_this_order,
        a_reaction_is_given_and_taken_back,
        what_is_so_already_is_no_reaction,
        a_message_has_20_different_reactions_and_not_one_more,
        a_reaction_is_refused_in_this_order,
        between_two_each_may_act_on_what_is_the_own,
        each_reads_which_reactions_are_the_own,
    }
    act_replays {
        an_edit_is_replayed_once_at_its_last_place,
        an_edit_that_was_deleted_since_is_replayed_as_the_deletion,
        reactions_are_replayed_once_as_they_are_now,
        an_act_inside_a_gap_is_left_out,
        an_act_below_the_floor_is_left_out,
        a_joiner_who_reads_all_gets_acts_since_the_joining,
        what_is_replaced_during_a_replay_is_left_to_the_live_stream,
        many_acts_come_in_pages,
    }
    former {
        who_left_gets_what_was_committed_before_and_the_end_of_it,
        a_device_that_acknowledged_gets_the_end_of_a_membership,
        a_message_that_was_edited_later_is_shown_without_its_text,
        later_reactions_are_not_seen,
        a_later_name_is_not_seen,
        each_time_of_membership_has_its_own_end,
        an_edit_while_away_hides_the_text_and_one_after_coming_back_is_told,
        the_backlog_limit_holds_for_a_former_membership,
        the_floor_holds_for_a_former_membership,
        no_marker_is_replayed_to_a_former_member,
        a_replay_that_began_before_the_leaving_ends_as_it_was,
        who_came_back_while_a_replay_goes_on_sees_nothing_of_the_time_between,
    }
    full {
        a_group_has_500_members_and_not_one_more,
        a_channel_has_10000_members_and_not_one_more,
    }
    targets {
        a_channel_is_written_to_by_its_name,
        who_may_only_read_sends_nothing,
        a_reply_names_a_message_that_the_sender_can_read,
        a_reply_to_nothing_makes_no_conversation,
    }
}
