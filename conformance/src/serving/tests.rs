//! The list of tests for servers.

/// Defines a module `$name` with a test for each scenario on the runtime `$runtime`. `$block_on`
/// runs a future on it, and `$bind` creates its listeners from a path.
#[macro_export]
macro_rules! serving_tests {
    ($name:ident, $runtime:ty, $block_on:expr, $bind:expr) => {
        mod $name {
            $crate::serving_tests!(@ $runtime, $block_on, (),
                commands_come_in_order_and_are_answered
                answers_come_from_many_tasks_in_any_order
                an_answer_that_cannot_be_sent_is_an_error_at_both_ends
                the_next_command_is_not_read_before_the_answer
                an_out_of_band_command_passes_those_that_wait
                an_error_reply_waits_for_the_commands_before_it
                what_cannot_be_understood_is_answered_beneath
                an_event_is_there_before_the_answer
                nobody_gets_events_who_has_not_negotiated
                events_are_sent_as_they_were_given
                an_event_that_cannot_be_sent_is_an_error
                closing_writes_what_was_said
                dropping_the_commands_answers_all_of_them
                a_half_closed_client_gets_its_answers
                a_client_that_leaves_is_obeyed
                aborting_ends_it_at_once
                dropping_the_driver_ends_it
                a_waiting_task_may_go_and_others_come
                a_client_that_never_reads_is_not_read_from
                a_flood_of_events_ends_a_client_that_does_not_read
                a_long_answer_is_no_flood
                an_endless_message_is_refused_and_not_kept
                a_bomb_of_brackets_is_refused
                nonsense_without_end_is_bounded
                garbage_may_end_the_connection
                a_client_that_closes_in_the_middle_is_gone
                a_client_that_does_not_take_its_leave_is_given_up
                each_command_gets_its_own_file
                a_file_goes_to_the_command_that_takes_it
                of_several_files_the_first_is_given
                an_agent_is_synced_and_used
            );
            $crate::serving_tests!(@ $runtime, $block_on, ($bind),
                clients_are_served_one_after_another
                many_clients_are_served_at_once
                the_server_may_be_the_one_who_connects
            );
        }
    };
    (@ $runtime:ty, $block_on:expr, $arguments:tt, $($scenario:ident)+) => { $(
        #[test]
        fn $scenario() {
            let _watchdog = $crate::serving::Watchdog::new(stringify!($scenario));
            $block_on($crate::serving::$scenario::<$runtime>$arguments);
        }
    )+ };
}
