//! Writing messages.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::escape::InsideString;
use super::layout::{append_line, lay_out_pretty};
use crate::message::{Timestamp, Version};
use crate::output::{BufferFull, OutputBuffer, whole};

/// The layout and the line end of messages.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Form {
    pub(in crate::server) pretty: bool,
    pub(in crate::server) line_end: &'static str,
}

/// A message of a server, with members in QEMU's order. Values and ids are JSON.
#[derive(Clone, Copy)]
pub(in crate::server) enum Message<'a> {
    Greeting {
        version: Version,
        package: &'a str,
        out_of_band: bool,
    },
    Success {
        value: &'a str,
        id: Option<&'a str>,
    },
    /// The reply to a sync, after a sentinel if `delimited`.
    Synced {
        number: i64,
        delimited: bool,
        id: Option<&'a str>,
    },
    Failure {
        class: &'a str,
        description: fmt::Arguments<'a>,
        id: Option<&'a str>,
    },
    /// An error reply with the caller's value of `error`.
    RawFailure {
        error: &'a str,
        id: Option<&'a str>,
    },
    Event {
        name: &'a str,
        timestamp: Timestamp,
        data: Option<&'a str>,
    },
    /// A complete message.
    Raw(&'a str),
}

impl Message<'_> {
    /// Appends the message and its line end, as a whole or not at all.
    pub(in crate::server) fn send<S: OutputBuffer>(
        self,
        out: &mut S,
        form: Form,
    ) -> Result<(), BufferFull> {
        whole(out, |out| {
            if let Message::Synced { delimited: true, .. } = self {
                out.append(b"\xFF")?;
            }
            if form.pretty {
                let mut compact = Vec::new();
                self.write(&mut compact)?;
                // The text is ASCII.
                let compact = String::from_utf8(compact).map_err(|_| BufferFull)?;
                lay_out_pretty(out, &compact, form.line_end)?;
            } else {
                self.write(out)?;
            }
            out.append(form.line_end.as_bytes())
        })
    }

    fn write<S: OutputBuffer>(self, out: &mut S) -> Result<(), BufferFull> {
        match self {
            Self::Greeting { version, package, out_of_band } => {
                let Version { major, minor, micro } = version;
                plain(
                    out,
                    format_args!(
                        "{{\"QMP\": {{\"version\": {{\"qemu\": {{\"micro\": {micro}, \"minor\": {minor}, \"major\": {major}}}, \"package\": "
                    ),
                )?;
                string(out, format_args!("{package}"))?;
                out.append(b"}, \"capabilities\": [")?;
                out.append(if out_of_band { b"\"oob\"" } else { b"" })?;
                out.append(b"]}}")
            }
            Self::Success { value, id } => {
                out.append(b"{\"return\": ")?;
                append_line(out, value)?;
                id_last(out, id)
            }
            Self::Synced { number, id, .. } => {
                plain(out, format_args!("{{\"return\": {number}"))?;
                id_last(out, id)
            }
            Self::Failure { class, description, id } => {
                id_first(out, id)?;
                out.append(b"\"error\": {\"class\": ")?;
                string(out, format_args!("{class}"))?;
                out.append(b", \"desc\": ")?;
                string(out, description)?;
                out.append(b"}}")
            }
            Self::RawFailure { error, id } => {
                id_first(out, id)?;
                out.append(b"\"error\": ")?;
                append_line(out, error)?;
                out.append(b"}")
            }
            Self::Event { name, timestamp, data } => {
                let Timestamp { seconds, microseconds } = timestamp;
                plain(
                    out,
                    format_args!(
                        "{{\"timestamp\": {{\"seconds\": {seconds}, \"microseconds\": {microseconds}}}, \"event\": "
                    ),
                )?;
                string(out, format_args!("{name}"))?;
                if let Some(data) = data {
                    out.append(b", \"data\": ")?;
                    append_line(out, data)?;
                }
                out.append(b"}")
            }
            Self::Raw(text) => append_line(out, text),
        }
    }
}

fn id_first<S: OutputBuffer>(out: &mut S, id: Option<&str>) -> Result<(), BufferFull> {
    out.append(b"{")?;
    if let Some(id) = id {
        out.append(b"\"id\": ")?;
        out.append(id.as_bytes())?;
        out.append(b", ")?;
    }
    Ok(())
}

fn id_last<S: OutputBuffer>(out: &mut S, id: Option<&str>) -> Result<(), BufferFull> {
    if let Some(id) = id {
        out.append(b", \"id\": ")?;
        out.append(id.as_bytes())?;
    }
    out.append(b"}")
}

fn string<S: OutputBuffer>(out: &mut S, text: fmt::Arguments<'_>) -> Result<(), BufferFull> {
    out.append(b"\"")?;
    InsideString(out).write_fmt(text).map_err(|fmt::Error| BufferFull)?;
    out.append(b"\"")
}

fn plain<S: OutputBuffer>(out: &mut S, text: fmt::Arguments<'_>) -> Result<(), BufferFull> {
    struct Plain<'s, S>(&'s mut S);
    impl<S: OutputBuffer> Write for Plain<'_, S> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.append(text.as_bytes()).map_err(|BufferFull| fmt::Error)
        }
    }
    Plain(out).write_fmt(text).map_err(|fmt::Error| BufferFull)
}
