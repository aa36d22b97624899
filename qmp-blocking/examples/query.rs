//! Runs one command and prints its reply.
//!
//! ```text
//! cargo run -p qmp-blocking --example query -- unix:/run/vm.qmp query-status
//! cargo run -p qmp-blocking --example query -- unix:/run/vm.qmp device_del '{"id": "net0"}'
//! ```

use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, command, json) = match arguments.as_slice() {
        [address, command] => (address, command, "null"),
        [address, command, json] => (address, command, json.as_str()),
        _ => {
            eprintln!("usage: query ADDRESS COMMAND [ARGUMENTS]");
            return ExitCode::from(2);
        }
    };
    match query(address, command, json) {
        Ok(answer) => {
            println!("{answer:#}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("query: {error}");
            ExitCode::FAILURE
        }
    }
}

fn query(address: &str, command: &str, json: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let arguments: Value = serde_json::from_str(json)?;
    let qemu = qmp_blocking::connect(address)?;
    let reply =
        qemu.execute(command).arguments(&arguments).timeout(Duration::from_secs(30)).run()?;
    Ok(reply.decode()?)
}
