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
                invalid_requests_are_answered_by_the_engine
                events_arrive_before_the_reply
                clients_get_no_events_before_negotiation
                events_are_sent_as_they_were_given
                an_event_that_cannot_be_sent_is_an_error
                closing_flushes_buffered_output
                dropping_the_commands_answers_all_of_them
                a_half_closed_client_gets_its_answers
                commands_of_a_disconnected_client_are_executed
                aborting_ends_it_at_once
                dropping_the_driver_ends_it
                a_waiting_task_can_be_dropped_and_replaced
                a_client_that_never_reads_is_not_read_from
                a_flood_of_events_ends_a_client_that_does_not_read
                a_long_reply_is_not_limited
                an_endless_message_is_refused_and_not_buffered
                a_bomb_of_brackets_is_refused
                nonsense_without_end_is_bounded
                garbage_can_close_the_connection
                a_client_that_closes_in_the_middle_is_gone
                a_client_that_does_not_close_is_abandoned
                each_command_gets_its_own_file
                a_file_goes_to_the_command_that_takes_it
                of_several_files_the_first_is_given
                an_agent_is_synced_and_used
            );
            $crate::serving_tests!(@ $runtime, $block_on, ($bind),
                clients_are_served_one_after_another
                many_clients_are_served_at_once
                the_server_can_connect_to_the_client
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
