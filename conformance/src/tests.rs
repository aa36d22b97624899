//! The list of tests.

/// Defines the tests of an adapter in a module `$name`, named by target and scenario:
/// `$name::in_memory::commands_are_answered`, `$name::v7_2::commands_are_answered`.
#[macro_export]
macro_rules! tests {
    // With a client that has one owner.
    (blocking $name:ident, $adapter:ty) => {
        $crate::tests!(@ $name, $adapter, [] [] []);
    };
    // With a client that many tasks share.
    (asynchronous $name:ident, $adapter:ty) => {
        $crate::tests!(@ $name, $adapter,
            [
                dropped_commands_do_not_affect_others
                a_wait_created_before_the_command_misses_nothing
                a_subscription_ends_with_its_connection
                a_burst_of_events_is_complete_and_in_order
            ]
            [
                a_client_reconnects_to_the_same_server_and_to_the_next
                a_client_reconnects_to_a_server_that_it_waited_for
                a_message_that_cannot_be_sent_can_be_abandoned
                a_server_may_die_while_it_replies
                a_monitor_is_used_over_tls
                a_close_sends_close_notify_over_tls
                untrusted_peers_are_refused_over_tls
                a_server_killed_over_tls_leaves_outcomes_unknown
            ]
            [
                a_queued_command_that_is_not_polled_holds_up_nobody
                a_command_that_waits_for_a_handshake_unpolled_holds_up_nobody
                a_command_that_waits_for_a_sync_unpolled_holds_up_nobody
                leaked_commands_do_not_keep_a_connection_from_being_closed
                queued_commands_leave_in_the_order_they_came
                a_reconnection_that_is_not_polled_holds_up_nobody
                a_waker_that_panics_costs_its_neighbours_nothing
                replies_and_events_have_their_order_on_the_wire
            ]
        );
    };
    // Scenarios for all targets, for real ones alone, and with a server of their own.
    (@ $name:ident, $adapter:ty, [$($anywhere:ident)*] [$($real:ident)*] [$($scripted:ident)*]) => {
        mod $name {
            $crate::with_scripts!($adapter,
                [
                    an_error_instead_of_a_greeting_fails_the_connect
                    a_greeting_after_an_error_connects
                    an_error_before_a_greeting_does_not_explain_a_later_end
                    commands_of_an_agent_keep_within_its_window
                    a_reply_that_arrived_before_the_deadline_counts
                    $($scripted)*
                ]
            );
            $crate::on_every_target!($adapter,
                [
                    commands_are_answered
                    many_are_in_flight
                    out_of_band_commands_run
                    each_command_gets_its_own_file
                    events_arrive_before_the_reply
                    an_agent_is_synced_and_used
                    quit_succeeds_and_the_connection_is_closed
                    a_command_that_was_sent_is_executed_though_the_client_is_dropped
                    a_killed_server_leaves_outcomes_unknown
                    $($anywhere)*
                ]
                [
                    errors_distinguish_stopped_and_dead_servers
                    a_second_client_gets_an_error_with_advice
                    qemu_connects_to_us
                    a_launched_qemu_is_used_and_a_dead_one_quoted
                    connecting_waits_for_a_starting_server_while_it_lives
                    late_replies_of_a_stopped_server_are_ignored
                    a_stopped_server_gets_more_than_fits_its_buffers
                    a_stopped_agent_gets_more_than_fits_its_buffers
                    removing_a_socket_file_does_not_end_connections
                    a_connection_that_is_half_closed_ends
                    an_agent_is_used_over_vsock
                    a_job_of_the_storage_daemon_is_followed
                    $($real)*
                ]
            );
        }
    };
}

/// Defines a module with a test for each scenario that has its own server.
#[doc(hidden)]
#[macro_export]
macro_rules! with_scripts {
    ($adapter:ty, [$($scripted:ident)+]) => {
        mod scripted { $(
            #[test]
            fn $scripted() {
                let scenario = $crate::scenarios::$scripted::<$adapter>();
                <$adapter as $crate::Adapter>::block_on(scenario);
            }
        )+ }
    };
}

/// Defines a module for each target, with a test for each scenario.
#[doc(hidden)]
#[macro_export]
macro_rules! on_every_target {
    ($adapter:ty, [$($anywhere:ident)+] $real:tt) => {
        mod in_memory { $(
            #[test]
            fn $anywhere() {
                let scenario = $crate::scenarios::$anywhere::<$adapter>($crate::Target::Memory);
                <$adapter as $crate::Adapter>::block_on(scenario);
            }
        )+ }

        mod v5_2 {
            $crate::on_one_qemu!("5.2", $adapter, [$($anywhere)+] $real);
        }

        mod v7_2 {
            $crate::on_one_qemu!("7.2", $adapter, [$($anywhere)+] $real);
        }

        mod v10_0 {
            $crate::on_one_qemu!("10.0", $adapter, [$($anywhere)+] $real);
        }

        mod v11_1 {
            $crate::on_one_qemu!("11.1", $adapter, [$($anywhere)+] $real);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! on_one_qemu {
    ($version:literal, $adapter:ty, [$($anywhere:ident)+] [$($real:ident)+]) => {
        use $crate::{Adapter, Target, scenarios, server::on};

        $(
            #[test]
            fn $anywhere() {
                on($version, |suite| {
                    let scenario = scenarios::$anywhere::<$adapter>(Target::Real(suite));
                    <$adapter>::block_on(scenario);
                });
            }
        )+

        $(
            #[test]
            fn $real() {
                on($version, |suite| <$adapter>::block_on(scenarios::$real::<$adapter>(suite)));
            }
        )+
    };
}

/// Defines tests of one adapter: a module for each function, with a test for each version.
#[macro_export]
macro_rules! on_every_qemu {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            use $crate::server::on;

            #[test]
            fn v5_2() {
                on("5.2", super::$test);
            }

            #[test]
            fn v7_2() {
                on("7.2", super::$test);
            }

            #[test]
            fn v10_0() {
                on("10.0", super::$test);
            }

            #[test]
            fn v11_1() {
                on("11.1", super::$test);
            }
        }
    )+ };
}
