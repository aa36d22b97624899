//! The task of a client program.

use std::collections::BTreeMap;
use std::env;

use crate::Failure;

/// A workload, the socket of the server, and the amount of work.
#[derive(Clone, Debug)]
pub struct Task {
    pub workload: String,
    pub socket: String,
    numbers: BTreeMap<String, usize>,
}

impl Task {
    /// Reads the program's arguments: `WORKLOAD SOCKET [NAME=NUMBER]...`.
    pub fn from_arguments() -> Result<Self, Failure> {
        let mut arguments = env::args().skip(1);
        let workload = arguments.next().ok_or("which workload?")?;
        let socket = arguments.next().ok_or("which socket?")?;
        let mut numbers = BTreeMap::new();
        for argument in arguments {
            let (name, number) = argument.split_once('=').ok_or("expected NAME=NUMBER")?;
            numbers.insert(name.to_owned(), number.parse()?);
        }
        Ok(Self { workload, socket, numbers })
    }

    /// Returns one of its numbers.
    pub fn number(&self, name: &str) -> Result<usize, Failure> {
        let number = self.numbers.get(name).copied();
        number.ok_or_else(|| format!("{} needs {name}=NUMBER", self.workload).into())
    }

    /// Returns the number of repetitions.
    pub fn count(&self) -> Result<usize, Failure> {
        self.number("count")
    }

    /// Returns the number of repetitions before the clock starts.
    pub fn warm_up(&self) -> Result<usize, Failure> {
        Ok((self.count()? / 10).clamp(1, 1000))
    }

    /// Returns whether a number is given and not 0.
    pub fn has(&self, name: &str) -> bool {
        self.numbers.get(name).is_some_and(|number| *number != 0)
    }

    /// The message for a workload that a program does not implement.
    pub fn unknown(&self) -> Failure {
        format!("no workload is called {}", self.workload).into()
    }
}
