//! The project's performance targets, compared with the measurements.

use serde_json::{Value, json};

use crate::results::Results;

/// A limit of the ratio between `client` and `other`.
struct Target {
    workload: &'static str,
    figure: &'static str,
    client: &'static str,
    other: &'static str,
    bound: Bound,
}

enum Bound {
    /// The client takes at most this many times what the other takes.
    AtMost(f64),
    /// The other takes at least this many times what the client takes.
    Better(f64),
    /// The client has at most this in addition to the other's.
    Beyond(f64),
    /// The client takes at most this.
    Within(f64),
    /// The client takes less than the other.
    Less,
    /// The client takes nothing at all.
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Verdict {
    target: String,
    measured: String,
    met: Option<bool>,
}

use Bound::{AtMost, Better, Beyond, Less, Nothing, Within};

const fn target(
    workload: &'static str,
    figure: &'static str,
    client: &'static str,
    other: &'static str,
    bound: Bound,
) -> Target {
    Target { workload, figure, client, other, bound }
}

const CPU: &str = "cpu_ns";
const ROUND_TRIP_ON_ALL: &str = "round-trip-on-all-cores";
const IN_FLIGHT_ON_ALL: &str = "in-flight-on-all-cores";
const CONNECT_ON_ALL: &str = "connect-on-all-cores";

const TARGETS: &[Target] = &[
    target("core-short", CPU, "route-event", "raw-value-event", Better(6.0)),
    target("core-short", CPU, "route-event", "", Within(40.0)),
    target("core-short", CPU, "route-events", "raw-value-events", Better(6.0)),
    target("core-short", CPU, "route-events", "", Within(40.0)),
    target("core-large", CPU, "route-reply-207k", "newline-207k", AtMost(1.3)),
    target("core-large", CPU, "split-reply-207k", "byte-loop-207k", Better(2.0)),
    target("round-trip", CPU, "blocking", "floor-blocking", AtMost(1.10)),
    target("round-trip", CPU, "tokio", "floor-tokio", AtMost(1.10)),
    target("round-trip", CPU, "smol-one", "floor-smol", AtMost(1.10)),
    target("round-trip", CPU, "blocking", "qapi", Better(5.0)),
    target("round-trip", CPU, "tokio", "qemu.qmp", Better(15.0)),
    target(ROUND_TRIP_ON_ALL, CPU, "blocking", "floor-blocking", AtMost(1.10)),
    target(ROUND_TRIP_ON_ALL, CPU, "tokio", "floor-tokio", AtMost(1.10)),
    target(ROUND_TRIP_ON_ALL, CPU, "tokio-multi", "floor-tokio-multi", AtMost(1.10)),
    target(ROUND_TRIP_ON_ALL, CPU, "smol", "floor-smol", AtMost(1.10)),
    target(ROUND_TRIP_ON_ALL, CPU, "smol-one", "floor-smol", AtMost(1.10)),
    target("in-flight", CPU, "tokio", "floor-tokio", AtMost(2.5)),
    target("in-flight", CPU, "smol-one", "floor-smol", AtMost(2.5)),
    target("in-flight", CPU, "blocking", "floor-blocking", AtMost(2.5)),
    target("in-flight", CPU, "tokio", "qapi-tokio", Better(20.0)),
    target("in-flight", CPU, "tokio", "qmp", Better(10.0)),
    target(IN_FLIGHT_ON_ALL, CPU, "tokio", "floor-tokio", AtMost(2.5)),
    target(IN_FLIGHT_ON_ALL, CPU, "tokio-multi", "floor-tokio-multi", AtMost(2.5)),
    target(IN_FLIGHT_ON_ALL, CPU, "smol-one", "floor-smol", AtMost(2.5)),
    target(IN_FLIGHT_ON_ALL, CPU, "blocking", "floor-blocking", AtMost(2.5)),
    target(IN_FLIGHT_ON_ALL, CPU, "tokio", "qapi-tokio", Better(20.0)),
    target(IN_FLIGHT_ON_ALL, CPU, "tokio", "qmp", Better(10.0)),
    target("schema-owned", CPU, "tokio", "qapi-tokio", Better(4.0)),
    target("events-typed", CPU, "tokio", "qapi-tokio", Better(5.0)),
    target("events-typed", CPU, "blocking", "qapi", Better(5.0)),
    target("events", CPU, "proto", "floor-blocking", AtMost(4.0)),
    target("events", CPU, "tokio", "floor-tokio", AtMost(10.0)),
    target("events", "lost", "tokio", "", Nothing),
    target("events", "lost", "smol-one", "", Nothing),
    target("events-value", "lost", "tokio", "", Nothing),
    target("events-typed", "lost", "tokio", "", Nothing),
    target("events-on-all-cores", "lost", "tokio-multi", "", Nothing),
    target("events-value-on-all-cores", "lost", "tokio-multi", "", Nothing),
    target("events-typed-on-all-cores", "lost", "tokio-multi", "", Nothing),
    target("events-value", CPU, "tokio", "qemu.qmp", Better(100.0)),
    target("connect", CPU, "blocking", "floor-blocking", AtMost(1.15)),
    target("connect", CPU, "tokio", "floor-tokio", AtMost(1.15)),
    target("connect", CPU, "smol-one", "floor-smol", AtMost(1.15)),
    target(CONNECT_ON_ALL, CPU, "blocking", "floor-blocking", AtMost(1.15)),
    target(CONNECT_ON_ALL, CPU, "tokio", "floor-tokio", AtMost(1.15)),
    target(CONNECT_ON_ALL, CPU, "smol-one", "floor-smol", AtMost(1.15)),
    target("idle", "idle_bytes", "blocking", "floor-blocking", Beyond(2048.0)),
    target("idle", "idle_bytes", "tokio", "floor-tokio", Beyond(2048.0)),
    target("idle", "idle_bytes", "smol-one", "floor-smol", Beyond(2048.0)),
    target("idle", "after_large_bytes", "blocking", "floor-blocking", Beyond(2048.0)),
    target("idle", "after_large_bytes", "tokio", "floor-tokio", Beyond(2048.0)),
    target("idle", "after_large_bytes", "smol-one", "floor-smol", Beyond(2048.0)),
    target("idle", "idle_bytes", "tokio", "qemu.qmp", Better(10.0)),
    target("first-answer", "process_wall_ns", "qmp-tool", "smallest-floor", Beyond(3_000_000.0)),
    target("bytes", "bytes", "tokio", "qapi-tokio", Less),
    target("bytes", "bytes", "tokio", "qmp", Less),
    target("bytes", "bytes", "tokio", "qemu.qmp", Less),
    target("bytes", "bytes", "tokio", "go-qemu", Less),
];

/// Across workloads: borrowed results compared with the best of the other client.
const BORROWED: (&str, f64) = ("207 kB borrowed: qapi-tokio's owned ≥ 10 × ours", 10.0);
/// Events returned unchanged, compared with a dictionary for each event.
const PYTHON: (&str, f64) = ("events untyped: qemu.qmp's ≥ 100 × tokio's", 100.0);
/// Events counted by name, compared with values for all.
const UNTYPED: (&str, f64) = ("events untyped: qmp's ≥ 10 × tokio's", 10.0);

const BUILD: f64 = 15e9;

pub(crate) fn judge(results: &Results) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = TARGETS.iter().filter_map(|it| it.judge(results)).collect();
    let across = |(name, least): (&str, f64), theirs: (&str, &str), ours: (&str, &str)| {
        let theirs = results.median(theirs.0, 0, theirs.1, CPU)?;
        let ratio = theirs / results.median(ours.0, 0, ours.1, CPU)?;
        let measured = format!("{ratio:.1} ×");
        Some(Verdict { target: name.to_owned(), measured, met: Some(ratio >= least) })
    };
    verdicts.extend(across(BORROWED, ("schema-owned", "qapi-tokio"), ("schema-borrowed", "tokio")));
    verdicts.extend(across(UNTYPED, ("events-value", "qmp"), ("events", "tokio")));
    verdicts.extend(across(PYTHON, ("events-value", "qemu.qmp"), ("events", "tokio")));
    for build in results.builds.iter().filter(|build| build.what.starts_with("qmp-")) {
        verdicts.push(Verdict {
            target: format!("build: {} ≤ 15 s", build.program),
            measured: format!("{:.1} s", build.wall_ns / 1e9),
            met: Some(build.wall_ns <= BUILD),
        });
    }
    verdicts
}

pub(crate) fn table_rows(verdicts: &[Verdict]) -> Vec<Vec<String>> {
    let mut rows = vec![["target", "measured", ""].map(str::to_owned).to_vec()];
    rows.extend(verdicts.iter().map(|verdict| {
        let word = match verdict.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "not run",
        };
        vec![verdict.target.clone(), verdict.measured.clone(), word.to_owned()]
    }));
    rows
}

pub(crate) fn table(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    if !verdicts.is_empty() {
        text.push_str("\n## Targets\n\n");
        crate::tables::table(&mut text, &table_rows(verdicts));
    }
    text
}

impl Target {
    fn judge(&self, results: &Results) -> Option<Verdict> {
        let Self { workload, figure, client, other, bound } = self;
        let ours = results.median(workload, 0, client, figure);
        let theirs = results.median(workload, 0, other, figure);
        let ratio = results.ratio((workload, 0), client, other, figure);
        if ours.is_none() && results.not_run(workload, 0, client).is_none() {
            // It was not requested.
            return None;
        }
        let what = if *figure == CPU { String::new() } else { format!(" {figure}") };
        let (wanted, measured, met) = match *bound {
            AtMost(most) => (
                format!("≤ {most} × {other}"),
                ratio.map(|ratio| format!("{ratio:.2} ×")),
                ratio.map(|ratio| ratio <= most),
            ),
            Better(least) => (
                format!("≥ {least} × less than {other}"),
                ratio.map(|ratio| format!("{:.1} ×", 1.0 / ratio)),
                ratio.map(|ratio| 1.0 / ratio >= least),
            ),
            Beyond(most) => {
                let beyond = ours.zip(theirs).map(|(ours, theirs)| ours - theirs);
                (
                    format!("≤ {most} beyond {other}"),
                    beyond.map(|beyond| format!("{beyond:.0}")),
                    beyond.map(|beyond| beyond <= most),
                )
            }
            Within(most) => (
                format!("≤ {most} ns"),
                ours.map(|ours| format!("{ours:.0} ns")),
                ours.map(|ours| ours <= most),
            ),
            Less => (
                format!("< {other}"),
                ours.zip(theirs).map(|(ours, theirs)| format!("{ours:.0} against {theirs:.0}")),
                ours.zip(theirs).map(|(ours, theirs)| ours < theirs),
            ),
            Nothing => ("none".to_owned(), ours.map(|it| it.to_string()), ours.map(|it| it == 0.0)),
        };
        Some(Verdict {
            target: format!("{workload}: {client}{what} {wanted}"),
            measured: measured.unwrap_or_default(),
            met,
        })
    }
}

impl Verdict {
    pub(crate) fn json(&self) -> Value {
        json!({"target": self.target, "measured": self.measured, "met": self.met})
    }
}
