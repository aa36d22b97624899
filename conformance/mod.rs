//! What every asynchronous client must do with real servers: QEMU, its storage daemon and its guest
//! agent, in every version that `cargo xtask qemu` unpacks. The adapters' tests run it, each on its
//! runtimes.

pub(crate) mod scenarios;
pub(crate) mod server;
pub(crate) mod tls;

/// Makes a module for each scenario, with a test for each version in it, on runtime `$runtime`, by
/// the function `$block_on`.
macro_rules! on_every_qemu {
    ($name:ident, $runtime:ty, $block_on:expr) => {
        mod $name {
            use crate::conformance::on_every_qemu;

            on_every_qemu!(@ $runtime, $block_on,
                commands_are_answered
                many_are_in_flight
                an_event_is_there_before_the_answer
                each_command_gets_its_own_file
                quit_succeeds_and_the_connection_is_closed
                a_killed_server_leaves_outcomes_unknown
                dropped_commands_cost_nobody_else
                a_client_reconnects_to_the_same_server_and_to_the_next
                a_second_client_is_told_why_it_waits
                out_of_band_commands_run
                qemu_connects_to_us
                a_launched_qemu_is_used_and_a_dead_one_quoted
                a_starting_server_is_waited_for_as_long_as_it_lives
                a_job_of_the_storage_daemon_is_followed
                an_agent_is_synced_and_used
                a_stopped_server_answers_late_and_to_nobody
                a_stopped_server_is_sent_more_than_it_takes
                a_stopped_agent_is_sent_more_than_it_takes
                a_server_may_die_inside_an_answer
                a_socket_file_concerns_newcomers_only
                a_connection_that_is_half_closed_ends
                a_burst_of_events_is_whole_and_in_order
                an_agent_is_used_over_vsock
                a_monitor_is_used_over_tls
                a_close_says_goodbye_over_tls
                who_is_not_trusted_is_refused_over_tls
                a_server_killed_over_tls_leaves_outcomes_unknown
            );
        }
    };
    (@ $runtime:ty, $block_on:expr, $($scenario:ident)+) => { $(
        mod $scenario {
            use crate::conformance::{scenarios, server::on};

            #[test]
            fn v5_2() {
                on("5.2", |suite| $block_on(scenarios::$scenario::<$runtime>(suite)));
            }

            #[test]
            fn v7_2() {
                on("7.2", |suite| $block_on(scenarios::$scenario::<$runtime>(suite)));
            }

            #[test]
            fn v10_0() {
                on("10.0", |suite| $block_on(scenarios::$scenario::<$runtime>(suite)));
            }

            #[test]
            fn v11_1() {
                on("11.1", |suite| $block_on(scenarios::$scenario::<$runtime>(suite)));
            }
        }
    )+ };
}
pub(crate) use on_every_qemu;
