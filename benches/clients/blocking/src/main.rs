//! qmp-blocking.

mod events;
mod many;
mod one;
mod upload;

use bench_measure::{Failure, Task};
use qmp_blocking::Client;

fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    let report = match task.workload.as_str() {
        "round-trip" => one::round_trip(&task),
        "in-flight" => one::in_flight(&task),
        "schema-value" => one::schema_value(&task),
        "schema-owned" => one::schema_owned(&task),
        "schema-borrowed" => one::schema_borrowed(&task),
        "string" => one::string(&task),
        "connect" => one::connect_again(&task),
        "agent" => one::agent(&task),
        "events" => events::untyped(&task),
        "events-value" => events::to_value(&task),
        "events-typed" => events::typed(&task),
        "idle" => many::idle(&task),
        "busy" => many::busy(&task),
        "upload" => upload::upload(&task),
        _ => Err(task.unknown()),
    }?;
    report.print();
    Ok(())
}

fn connect(task: &Task) -> Result<Client, Failure> {
    Ok(qmp_blocking::connect(format!("unix:{}", task.socket))?)
}
