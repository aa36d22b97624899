//! Compares the live schema of every version with the facts.

use conformance::server::Suite;
use qmp_types::schema::Schema;

use crate::conform::{lacking, walk};
use crate::facts::{Facts, number};
use crate::server::Peer;
use crate::teeth::unnoticed;

conformance::on_every_qemu!(
    the_schema_of_a_system_emulator_agrees_with_the_facts,
    the_schema_of_a_storage_daemon_agrees_with_the_facts,
    of_a_hundred_errors_in_the_facts_a_live_schema_shows_a_hundred,
);

const TEXT: &str = include_str!("../../facts.txt");

fn schema(server: &mut Peer) -> Schema {
    serde_json::from_str(&server.query("query-qmp-schema").unwrap()).unwrap()
}

fn version(facts: &Facts<'_>, suite: &Suite) -> usize {
    let wanted = number(suite.version());
    facts.versions.iter().position(|it| Some(*it) == wanted).unwrap()
}

fn the_schema_of_a_system_emulator_agrees_with_the_facts(suite: &Suite) {
    let facts = Facts::read(TEXT);
    let version = version(&facts, suite);
    let schema = schema(&mut Peer::qemu(suite));
    let found = walk(&facts, &schema, version);
    assert!(found.bad.is_empty(), "{:#?}", found.bad);
    assert!(found.seen.len() > 2500, "{}", found.seen.len());
    // A text that became an enum, and a type that became one of several forms.
    assert!(found.texts <= 6 && found.forms <= 11, "{} {}", found.texts, found.forms);
    assert_eq!(lacking(&facts, &schema, version), [""; 0]);
}

fn the_schema_of_a_storage_daemon_agrees_with_the_facts(suite: &Suite) {
    let facts = Facts::read(TEXT);
    let found = walk(&facts, &schema(&mut Peer::daemon(suite)), version(&facts, suite));
    assert!(found.bad.is_empty(), "{:#?}", found.bad);
    assert!(found.seen.len() > 1000, "{}", found.seen.len());
}

fn of_a_hundred_errors_in_the_facts_a_live_schema_shows_a_hundred(suite: &Suite) {
    let version = version(&Facts::read(TEXT), suite);
    for server in [Peer::qemu, Peer::daemon] {
        let unnoticed = unnoticed(TEXT, &schema(&mut server(suite)), version);
        assert!(unnoticed.is_empty(), "{unnoticed:#?}");
    }
}
