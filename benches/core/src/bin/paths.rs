//! Takes one way through the core so many times, to have its instructions counted:
//! `paths NAME TIMES`. Between two runs, only the ways differ.

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
