//! The paths through the core, each with its baseline.

use std::hint::black_box;
use std::time::Duration;

use bench_core::baseline::{envelope, envelopes, members, newline};
use bench_core::{Messages, PATHS, Paths};
use criterion::{Criterion, criterion_group, criterion_main};

fn core(criterion: &mut Criterion) {
    let messages = Messages::new();
    let mut memory = Vec::new();
    let mut paths = Paths::new(&messages, &mut memory);
    let mut group = criterion.benchmark_group("core");
    for (name, path) in PATHS {
        group.bench_function(name, |bencher| bencher.iter(|| paths.once(path)));
    }
    group.finish();

    let mut group = criterion.benchmark_group("baseline");
    let (event, reply) = (messages.event.as_bytes(), messages.reply.as_bytes());
    let other_reply = messages.other_reply.as_bytes();
    let other_event = messages.other_event.as_bytes();
    group.bench_function("newline-207k", |it| it.iter(|| newline(black_box(reply))));
    group.bench_function("raw-value-event", |it| it.iter(|| envelope(black_box(event))));
    let events = messages.events.as_bytes();
    group.bench_function("raw-value-events", |it| it.iter(|| envelopes(black_box(events))));
    group.bench_function("raw-value-207k", |it| it.iter(|| envelope(black_box(reply))));
    group.bench_function("byte-loop-event", |it| it.iter(|| members(black_box(other_event))));
    group.bench_function("byte-loop-207k", |it| it.iter(|| members(black_box(other_reply))));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = core
}
criterion_main!(benches);
