//! One connection: receives commands and sends fixed bytes, with one write per read.

use std::io::{self, IoSlice, Read, Write};
use std::os::unix::net::UnixStream;

use crate::answers::{Answers, Dialect};
use crate::command::{Command, Scanner, number};

/// The minimum size of a read.
const ROOM: usize = 16 << 10;
/// The maximum number of slices in one system call.
const SLICES: usize = 1024;

/// The commands and bytes of a client.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) bytes: usize,
    pub(crate) commands: usize,
}

/// Serves a client until it disconnects.
pub(crate) fn serve(mut stream: UnixStream, dialect: Dialect, answers: &Answers) -> Received {
    let mut received = Received::default();
    if dialect == Dialect::Monitor && stream.write_all(bench_messages::GREETING.as_bytes()).is_err()
    {
        return received;
    }
    let (mut input, mut end) = (Vec::new(), 0);
    let mut scanner = Scanner::default();
    loop {
        if input.len() - end < ROOM {
            input.resize(input.len() * 2 + ROOM, 0);
        }
        match stream.read(&mut input[end..]) {
            Ok(0) | Err(_) => return received,
            Ok(count) => {
                end += count;
                received.bytes += count;
            }
        }
        let Ok(used) =
            answer_all(&mut stream, &input[..end], &mut scanner, dialect, answers, &mut received)
        else {
            return received;
        };
        input.copy_within(used..end, 0);
        end -= used;
    }
}

/// Answers the complete commands in the input, and returns their length.
fn answer_all(
    stream: &mut UnixStream,
    input: &[u8],
    scanner: &mut Scanner,
    dialect: Dialect,
    answers: &Answers,
    received: &mut Received,
) -> io::Result<usize> {
    let mut used = 0;
    let mut numbers: Vec<String> = Vec::new();
    let mut parts: Vec<Part<'_>> = Vec::new();
    while let Some(command) = scanner.next(&input[used..]) {
        let text = &input[used..used + command.end];
        received.commands += 1;
        answer(text, &command, dialect, answers, &mut parts, &mut numbers);
        used += command.end;
    }
    let mut slices: Vec<IoSlice<'_>> = parts
        .iter()
        .map(|part| match part {
            Part::Bytes(bytes) => IoSlice::new(bytes),
            Part::Number(index) => IoSlice::new(numbers[*index].as_bytes()),
        })
        .collect();
    write_all(stream, &mut slices)?;
    Ok(used)
}

enum Part<'a> {
    Bytes(&'a [u8]),
    /// Returns one of the numbers that are formatted in advance.
    Number(usize),
}

fn answer<'a>(
    text: &'a [u8],
    command: &Command,
    dialect: Dialect,
    answers: &'a Answers,
    parts: &mut Vec<Part<'a>>,
    numbers: &mut Vec<String>,
) {
    let arguments = &text[command.arguments.clone()];
    let id = &text[command.id.clone()];
    let name = &text[command.name.clone()];
    let mut flood = 0;
    match name {
        b"\"guest-sync-delimited\"" | b"\"guest-sync\"" => {
            let sentinel: &[u8] = if name.ends_with(b"delimited\"") { b"\xFF" } else { b"" };
            parts.extend([Part::Bytes(sentinel), Part::Bytes(b"{\"return\": ")]);
            parts.push(Part::Number(numbers.len()));
            numbers.push(number(arguments, "id").to_string());
        }
        b"\"x-string\"" => {
            let string = answers.string(number(arguments, "size") as usize);
            parts.extend([b"{\"return\": \"" as &[u8], string, b"\""].map(Part::Bytes));
        }
        name => {
            parts.extend([b"{\"return\": " as &[u8], answers.value(name)].map(Part::Bytes));
            if name == b"\"x-events\"" {
                flood = number(arguments, "count") as usize;
            }
        }
    }
    if !id.is_empty() {
        parts.extend([b", \"id\": " as &[u8], id].map(Part::Bytes));
    }
    let end: &[u8] = if dialect == Dialect::Monitor { b"}\r\n" } else { b"}\n" };
    parts.push(Part::Bytes(end));
    if flood > 0 {
        parts.extend(answers.flood(flood).map(Part::Bytes));
    }
}

fn write_all(stream: &mut UnixStream, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    // Empty slices would end it too early.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let some = slices.len().min(SLICES);
        let written = stream.write_vectored(&slices[..some])?;
        IoSlice::advance_slices(&mut slices, written);
    }
    Ok(())
}
