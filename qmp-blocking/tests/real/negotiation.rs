//! Greeting and capabilities.

use std::io::{BufRead, BufReader, Write};

use qmp_blocking::{Socket, Version};

use crate::server::{Clients, PLENTY, Suite};

conformance::on_every_qemu!(
    the_greeting_tells_version_and_package,
    out_of_band_is_enabled_when_asked_for,
    a_monitor_is_negotiated_anew_for_each_client,
    a_connection_is_taken_over_from_somebody_else,
);

fn the_greeting_tells_version_and_package(suite: &Suite) {
    let said = suite.output("qemu-system-x86_64", &["--version"]);
    // `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)`
    let said = said.lines().next().unwrap();
    let (version, package) = said.rsplit_once("version ").unwrap().1.split_once(" (").unwrap();
    let mut numbers = version.split('.').map(|number| number.parse().unwrap());
    let mut next = || numbers.next().unwrap();
    let version = Version::new(next(), next(), next());

    let mut server = suite.qemu();
    let qemu = server.client();
    assert_eq!(qemu.version(), Some(version));
    let greeting = qemu.greeting().unwrap();
    assert_eq!(greeting.package(), package.trim_end_matches(')'));
    assert_eq!(greeting.capabilities(), ["oob"]);
    assert!(qemu.supports("oob") && !qemu.supports("telepathy"));
    assert_eq!(*qemu.peer(), server.address().to_string());
    assert!(qemu.is_ready());
}

fn out_of_band_is_enabled_when_asked_for(suite: &Suite) {
    let mut server = suite.qemu();
    let plain = server.client();
    assert!(!plain.is_out_of_band());
    let error = plain.execute("query-yank").out_of_band().run().unwrap_err();
    assert!(error.to_string().contains("query-yank: not sent: out-of-band"), "{error}");
    plain.execute("query-status").run().unwrap();
    drop(plain);

    let with = server.client_of(|| qmp_blocking::builder().out_of_band());
    assert!(with.is_out_of_band());
    with.execute("query-status").run().unwrap();
}

fn a_monitor_is_negotiated_anew_for_each_client(suite: &Suite) {
    let mut server = suite.qemu();
    let _first = server.client();
    drop(_first);
    for round in 0..20 {
        let builder = qmp_blocking::builder().handshake_timeout(PLENTY);
        let builder = if round % 2 == 0 { builder.out_of_band() } else { builder };
        let qemu = builder.connect(server.address()).unwrap();
        assert_eq!(qemu.is_out_of_band(), round % 2 == 0);
        qemu.execute("query-status").run().unwrap();
        if round % 3 == 0 {
            qemu.close().unwrap();
        }
    }
}

/// One who leaves commands unanswered, their ids as small as ours would be.
fn a_connection_is_taken_over_from_somebody_else(suite: &Suite) {
    let mut server = suite.qemu();
    drop(server.client());
    let mut stream = server.stream();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains("QMP"));
    stream.write_all(b"{\"execute\":\"qmp_capabilities\",\"id\":0}").unwrap();
    assert_eq!(next(), "{\"return\": {}, \"id\": 0}");
    for id in 0..3 {
        let command = format!("{{\"execute\":\"query-version\",\"id\":{id}}}");
        stream.write_all(command.as_bytes()).unwrap();
    }
    drop(lines);
    let builder = qmp_blocking::builder().negotiated();
    let qemu = builder.connect_over(Socket::from(stream), "handed over").unwrap();
    assert!(qemu.is_ready() && qemu.greeting().is_none());
    for _ in 0..3 {
        let reply = qemu.execute("query-name").run().unwrap();
        assert_eq!(reply.json().unwrap().as_str(), "{}");
    }
}
