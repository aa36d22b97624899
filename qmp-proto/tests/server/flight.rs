//! The in-flight limits.

use qmp_proto::server::{Options, Phase};

use crate::host::{Host, NEGOTIATE, NEGOTIATE_OOB, Observed};

fn commands(observed: &[Observed]) -> Vec<&str> {
    observed
        .iter()
        .map(|observed| match observed {
            Observed::Command(command, _) => command.name(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn one_command_runs_at_a_time_and_the_next_is_not_read() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE);
    let mut observed = host.feed(r#"{"execute":"a"}{"execute":"b"}x"#);
    assert_eq!(commands(&observed), ["a"]);
    assert!(!host.server.wants_input());
    assert_eq!(host.server.in_flight(), 1);
    assert!(host.feed("").is_empty());
    assert_eq!(host.output(), "");

    let Some(Observed::Command(_, ticket)) = observed.pop() else { panic!() };
    host.returns(ticket, "{}");
    assert!(host.server.wants_input());
    let observed = host.feed("");
    assert_eq!(commands(&observed), ["b"]);
}

#[test]
fn with_oob_nine_commands_are_accepted_and_out_of_band_ones_run_first() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE_OOB);
    let eight = host.feed(r#"{"execute":"x"}"#.repeat(8));
    assert_eq!(commands(&eight).len(), 8);
    for _ in 0..3 {
        let ticket = host.ticket(r#"{"exec-oob":"y","id":1}"#);
        assert!(!host.server.wants_input(), "one of them runs at a time, too");
        assert_eq!(host.server.in_flight(), 9);
        assert_eq!(host.returns(ticket, "{}"), "{\"return\": {}, \"id\": 1}\r\n");
    }
    let ninth = host.feed(r#"{"execute":"x"}{"exec-oob":"y"}"#);
    assert_eq!(commands(&ninth), ["x"], "and behind the ninth nothing");
    assert!(!host.server.wants_input());
}

#[test]
fn limits_can_be_set_to_one_or_more() {
    let options = Options::monitor().in_band_limit(3).out_of_band_limit(2);
    let mut host = Host::ready(options, NEGOTIATE_OOB);
    let observed = host.feed(r#"{"execute":"x"}"#.repeat(5));
    assert_eq!(commands(&observed).len(), 3);

    let options = Options::monitor().in_band_limit(0).out_of_band_limit(0);
    let mut host = Host::ready(options, NEGOTIATE_OOB);
    assert_eq!(host.server.phase(), Phase::Ready);
    let ticket = host.ticket(r#"{"exec-oob":"x"}"#);
    host.returns(ticket, "{}");
    assert_eq!(host.command(r#"{"execute":"y"}"#).0, "y");
}

#[test]
fn a_command_can_be_left_unanswered() {
    let mut host = Host::agent();
    let ticket = host.ticket("{\"execute\":\"guest-shutdown\"}\n");
    assert!(!host.server.wants_input());
    host.server.leave_unanswered(&mut host.out, ticket);
    assert_eq!(host.output(), "");
    assert_eq!(host.server.in_flight(), 0);
    assert_eq!(host.command("{\"execute\":\"guest-ping\"}\n").0, "guest-ping");
}
