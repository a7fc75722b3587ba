//! What every store must do, case by case: the promises of `store::Store` and the rules of the contract behind them.
//!
//! A case takes a fresh, empty store and knows nothing of its kind. Each case and each store make one named test. A
//! new store joins by its constructor in `subject.rs` and its name at the end of this file.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

mod accounts;
mod act_replays;
mod acts;
mod attachments;
mod blocks;
mod by_time;
mod conversations;
mod delivered;
mod devices;
pub mod doing;
mod files;
mod former;
mod full;
mod history;
mod invites;
mod markers;
mod members;
mod mentions;
mod replays;
mod rooms;
mod search;
mod search_files;
mod search_words;
mod sending;
mod settings;
mod sharing;
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
    attachments {
        an_upload_becomes_a_file_of_its_number_once,
        what_is_placed_is_noted_and_a_cancelled_upload_is_gone,
        a_thumbnail_is_held_by_its_upload_and_fetched_by_its_owner,
        a_thumbnail_has_none_itself,
        a_thumbnail_shows_so_many_pictures_and_no_more,
        what_files_count_is_exact_whatever_becomes_of_them,
        a_content_that_nobody_knows_is_free,
        files_take_no_more_room_than_they_may,
        so_many_uploads_are_under_way_and_not_one_more,
        a_message_holds_files_and_shows_them_everywhere,
        only_own_files_are_attached_and_a_repeat_is_answered_as_before,
        whoever_reads_a_message_that_holds_a_file_may_fetch_it,
        a_file_goes_with_the_last_message_that_holds_it,
        equal_bytes_stay_while_one_file_has_them,
        what_nobody_holds_and_nobody_brings_comes_to_its_end,
        a_thumbnail_lives_and_is_fetched_with_its_picture,
        a_thumbnail_is_a_small_picture,
        a_new_member_fetches_no_file_of_before,
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
    mentions {
        a_member_is_mentioned_by_name,
        a_full_stop_belongs_to_a_name_only_if_a_member_has_it,
        everybody_is_mentioned_by_those_who_run_the_conversation,
        all_is_a_mere_name_to_those_who_may_not_call_everybody,
        between_two_both_can_be_mentioned,
        a_message_mentions_20_names_and_not_one_more,
        who_comes_later_was_not_mentioned,
        who_comes_back_finds_what_mentions_the_name,
        an_edit_replaces_the_mentions_of_a_message,
        a_deletion_removes_the_mentions_of_a_message,
        mentions_are_counted_after_the_marker,
        a_thousand_mentions_are_counted_and_not_one_more,
        mentions_are_listed_over_all_conversations_in_pages,
        what_is_said_between_two_pages_of_mentions_does_not_move_them,
        a_page_of_mentions_ends_at_its_bytes,
        mentions_are_replayed,
        mentions_are_what_a_recount_finds,
    }
    settings {
        what_is_put_aside_is_told_to_the_own_devices_alone,
        what_is_read_up_to_its_marker_is_aside_no_more,
        what_to_be_called_for_is_told_to_the_own_devices_alone,
        each_setting_keeps_the_other,
        who_is_no_member_sets_nothing,
        a_setting_is_replayed_once_at_its_last_place,
        a_first_sync_has_the_settings_in_the_states,
        a_setting_that_changed_since_is_left_to_the_live_stream,
        many_settings_are_replayed_with_what_was_said,
        who_comes_back_begins_anew,
    }
    by_time {
        messages_are_paged_before_from_and_around_a_time,
        every_time_is_found_among_equal_ones,
        one_message_and_none_are_found_by_time,
        nothing_below_the_floor_is_found_by_time,
        pages_from_a_time_on_give_the_whole,
        a_page_by_time_ends_at_its_bytes,
        a_clock_that_was_set_back_leaves_some_boundary,
        a_time_tells_strangers_nothing,
    }
    sharing {
        the_other_members_of_a_conversation_are_told_to_its_members,
        between_two_the_other_is_told_once_somebody_spoke,
        nobody_is_the_own_fellow,
        fellows_are_all_with_whom_a_conversation_is_shared,
        a_conversation_of_100_members_is_shared_and_one_of_more_is_not,
        of_more_than_1000_conversations_the_newest_count,
        a_closed_store_knows_no_fellows,
    }
    search {
        what_was_acknowledged_is_found_at_once,
        an_edit_is_found_by_its_new_text_at_once,
        what_was_deleted_is_gone_at_once,
        only_members_find_a_message,
        who_left_finds_nothing_and_who_comes_back_what_can_be_read,
        nothing_below_the_floor_is_found,
        a_search_is_narrowed_by_conversation_sender_and_time,
        a_sender_that_nobody_is_is_refused,
        the_newest_is_found_first_and_an_edit_moves_nothing,
        a_hit_is_the_message_as_its_reader_sees_it,
        pages_of_hits_give_each_once,
        what_happens_between_two_pages_of_hits_repeats_and_skips_none,
        a_page_of_hits_ends_at_its_bytes,
        a_search_finds_what_a_scan_does,
        what_lies_deep_is_found,
        an_answer_says_nothing_of_what_cannot_be_read,
        a_closed_store_finds_nothing,
        asking_changes_nothing,
    }
    search_words {
        every_word_must_stand_somewhere_in_the_text,
        what_stands_in_quotes_must_stand_so_together,
        capitals_and_accents_are_folded,
        marks_stand_between_words,
        what_is_written_without_blanks_is_found_within,
        nothing_in_a_query_is_syntax,
        what_a_store_notes_beside_a_text_is_no_word_of_it,
        a_short_text_is_shown_whole_with_the_words_marked,
        of_a_long_text_the_part_around_the_first_hit_is_shown,
        a_snippet_follows_an_edit,
        the_longest_texts_are_found_at_their_ends,
    }
    invites {
        a_link_is_made_by_all_who_speak_and_nobody_hears_of_it,
        making_a_link_is_refused_in_this_order,
        a_conversation_has_50_links_and_not_one_more,
        links_are_listed_by_id_in_pages,
        who_runs_the_conversation_sees_all_links_and_others_their_own,
        a_link_that_has_come_to_its_end_is_not_listed,
        a_link_is_revoked_by_those_who_may_see_it,
        revoking_is_refused_in_this_order,
        who_joins_by_a_link_gets_the_state_before_all_hear_of_it,
        each_joining_is_a_use_and_no_member_uses_a_link,
        to_a_member_a_void_link_shows_the_conversation,
        nothing_comes_of_a_void_link,
        a_link_works_while_its_creator_speaks,
        a_link_ends_with_the_membership_of_its_creator,
        who_is_banned_does_not_join_by_a_link,
        a_full_group_takes_nobody_by_a_link,
        the_last_use_is_for_one,
        links_outlive_a_restart,
        a_closed_store_knows_no_links,
    }
    blocks {
        a_block_is_told_to_the_own_devices_alone_and_once,
        nobody_blocks_himself_or_one_who_never_registered,
        as_many_are_blocked_as_there_may_be_and_not_one_more,
        neither_of_two_sends_to_the_other,
        a_refused_send_makes_no_conversation_and_keeps_its_order_of_refusals,
        a_repeat_of_what_was_acknowledged_succeeds,
        nothing_is_said_by_an_edit_or_a_reaction,
        neither_of_two_adds_the_other,
        those_apart_are_no_fellows,
        what_the_blocked_say_mentions_nobody_while_it_lasts,
        markers_are_not_shown_to_those_apart,
        a_marker_that_waits_is_shown_to_those_who_are_left,
        a_device_that_comes_back_gets_the_last_list_once,
        a_list_that_changes_during_a_replay_is_told_live,
        blocks_outlive_a_restart,
        a_closed_store_blocks_nobody,
    }
    delivered {
        markers_follow_cursors_and_reading,
        markers_are_told_to_members_of_small_conversations,
        what_has_arrived_between_two_places_is_told_to_the_others,
        nothing_is_told_of_channels_and_of_what_cannot_be_read,
        the_newest_conversations_are_told_of,
        a_block_hides_what_has_arrived,
        a_device_that_ended_counts_no_more,
    }
}
