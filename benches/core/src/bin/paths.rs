//! Runs one path through the core this number of times, to count its instructions: `paths NAME
//! TIMES`. Two runs differ only in the path.

use bench_core::{Messages, PATHS, Paths};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (name, times) = (arguments.next(), arguments.next());
    let times: u32 = times.and_then(|times| times.parse().ok()).unwrap_or(1);
    let found = PATHS.iter().find(|(known, _)| Some(*known) == name.as_deref());
    let Some((_, path)) = found else {
        for (name, _) in PATHS {
            println!("{name}");
        }
        return;
    };
    let (messages, mut memory) = (Messages::new(), Vec::new());
    let mut paths = Paths::new(&messages, &mut memory);
    for _ in 0..times {
        paths.once(*path);
    }
}
