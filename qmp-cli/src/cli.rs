//! The command line: options, and the words that each verb takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

/// A command-line tool for QEMU, the storage daemon and the guest agent.
///
/// Sends one command and prints the value that it returns, follows events, or sends the commands
/// that it reads from stdin. Without a command it is a shell, if stdin is a terminal.
#[derive(Debug, Parser)]
#[command(
    name = "qmp",
    version,
    max_term_width = 100,
    override_usage = "qmp [OPTION]... TARGET COMMAND [KEY=VALUE]...\n       \
                      qmp [OPTION]... TARGET '{\"execute\": …}'\n       \
                      qmp [OPTION]... TARGET - < COMMANDS\n       \
                      qmp [OPTION]... TARGET\n       \
                      qmp [OPTION]... TARGET events|wait|hmp|doctor|raw …\n       \
                      qmp ls [--json]\n       \
                      qmp launch [OPTION]... -- PROGRAM [ARGUMENT]...\n       \
                      qmp completions bash|zsh|fish\n       \
                      qmp man [FOLDER]",
    after_long_help = AFTER_HELP
)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) options: Options,
    /// The server: a socket's path, unix:PATH, tcp:HOST:PORT, HOST:PORT, vsock:CID:PORT, fd:N, a
    /// name from the configuration, or @ for $QMP_TARGET or the configured default.
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// A command of QMP or of the guest agent with its arguments, or a verb with its words.
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub(crate) rest: Vec<String>,
}

const AFTER_HELP: &str = "\
Arguments:
  KEY=TEXT          text, number or boolean, as the command's argument takes it
  KEY:=JSON         JSON
  KEY=@FILE         the text of a file without its last line end; - is stdin
  KEY:=@FILE        the JSON of a file
  A.B=… A[0].B=…    a member of a member, an element of a list; A[]=… appends
  A\\.B=…            a name that contains a dot

Integers can be written as 4096, 0x1000 and 4K (K, M, G, T, P, E: powers of 1024).

Verbs:
  events [NAME]...  print events, one a line
  wait NAME[,KEY=TEXT]... [-- COMMAND]
                    wait for one event; the command is sent after subscribing
  hmp LINE          run a line in the human monitor
  doctor            check the server and its socket
  raw COMMAND       a command that is called like a verb

Exit codes:
  0    done
  1    the server returned an error
  2    wrong usage, configuration or filter; nothing was sent
  3    no connection, or no handshake
  4    a deadline passed; the command may have been executed
  5    the connection was lost; the error says whether the command was sent
  130  interrupted
  141  the output was closed by its reader

Environment:
  QMP_TARGET, QMP_SOCKET   the target that @ stands for; default: `default` of the configuration
  QMP_TIMEOUT              as --timeout
  NO_COLOR                 as --color never

Files:
  ~/.config/qmp/config.toml   targets, aliases, default and timeout
  ~/.local/state/qmp/history  the lines of the shell, without secrets";

/// Options of all verbs. They can stand before the target and after the command.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Options {
    /// Expect a guest agent. Commands that begin with guest- need no option.
    #[arg(short = 'N', long)]
    pub(crate) agent: bool,
    /// Execute the command out of band.
    #[arg(long)]
    pub(crate) oob: bool,
    /// Send a file descriptor of FILE with the command (getfd, add-fd). MODE is r, w or rw;
    /// default: r.
    #[arg(long, value_name = "FILE[:MODE]")]
    pub(crate) fd: Option<String>,
    /// The deadline of the command, such as 500ms, 10s or 2m. Connecting and the handshake have 5
    /// seconds each, or this if it is less.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Print what a jq filter makes of the value.
    #[arg(short = 'q', long, value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    /// Print strings without quotes.
    #[arg(short = 'r', long)]
    pub(crate) raw_output: bool,
    /// Print JSON indented.
    #[arg(short, long)]
    pub(crate) pretty: bool,
    /// Print the command instead of sending it.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Refuse arguments whose type nothing knows, instead of guessing it from their text.
    #[arg(long)]
    pub(crate) strict_types: bool,
    /// Do not ask the server for types that the built-in vocabulary does not know.
    #[arg(long)]
    pub(crate) no_schema: bool,
    /// With commands from stdin: continue after an error.
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// With commands from stdin: print a whole reply for each command, errors too.
    #[arg(long)]
    pub(crate) replies: bool,
    /// Print all messages to stderr, with secrets masked.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Append all messages to FILE, one JSON a line, with secrets masked.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// In the shell: use the monitor of the target itself, even if the server can make another one.
    #[arg(long)]
    pub(crate) no_private: bool,
    /// When to use colours.
    #[arg(long, value_name = "WHEN")]
    pub(crate) color: Option<Color>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// If stdout is a terminal and NO_COLOR is not set.
    Auto,
    Always,
    Never,
}

impl Options {
    /// Adds options from another place on the command line, which win.
    pub(crate) fn and(self, later: Self) -> Self {
        Self {
            agent: self.agent || later.agent,
            oob: self.oob || later.oob,
            fd: later.fd.or(self.fd),
            timeout: later.timeout.or(self.timeout),
            filter: later.filter.or(self.filter),
            raw_output: self.raw_output || later.raw_output,
            pretty: self.pretty || later.pretty,
            dry_run: self.dry_run || later.dry_run,
            strict_types: self.strict_types || later.strict_types,
            no_schema: self.no_schema || later.no_schema,
            keep_going: self.keep_going || later.keep_going,
            replies: self.replies || later.replies,
            verbose: self.verbose || later.verbose,
            log: later.log.or(self.log),
            no_private: self.no_private || later.no_private,
            color: later.color.or(self.color),
        }
    }
}

/// Sends one command.
#[derive(Debug, Parser)]
#[command(name = "qmp-command", bin_name = "qmp TARGET COMMAND", max_term_width = 100)]
pub(crate) struct Call {
    #[command(flatten)]
    pub(crate) options: Options,
    /// The command and its arguments.
    #[arg(value_name = "COMMAND", required = true)]
    pub(crate) words: Vec<String>,
}

/// Prints events, one a line, until the connection ends.
///
/// With --timeout it ends after that time: successfully, unless --until or --count was not
/// fulfilled.
#[derive(Debug, Parser)]
#[command(name = "qmp-events", bin_name = "qmp TARGET events", max_term_width = 100)]
pub(crate) struct Events {
    #[command(flatten)]
    pub(crate) options: Options,
    /// The names of events; default: all.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Print only events whose data has this member with this value. KEY can be a path, such as
    /// a.b.
    #[arg(long = "where", value_name = "KEY=TEXT")]
    pub(crate) conditions: Vec<String>,
    /// End after this event, which is printed, too.
    #[arg(long, value_name = "NAME[,KEY=TEXT]")]
    pub(crate) until: Vec<String>,
    /// End after this many events.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    /// A command that is sent after subscribing, with its arguments.
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<String>,
}

/// Waits for one of these events and prints it.
#[derive(Debug, Parser)]
#[command(name = "qmp-wait", bin_name = "qmp TARGET wait", max_term_width = 100)]
pub(crate) struct Wait {
    #[command(flatten)]
    pub(crate) options: Options,
    /// An event, with values that members of its data must have.
    #[arg(value_name = "NAME[,KEY=TEXT]", required = true)]
    pub(crate) events: Vec<String>,
    /// A command that is sent after subscribing, with its arguments.
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<String>,
}

/// Runs a line in the human monitor and prints its output.
///
/// The exit code is 1 if the output begins with "Error:" or "unknown command:", or ends with the
/// advice to try "help". Other errors of the human monitor cannot be told from output.
#[derive(Debug, Parser)]
#[command(name = "qmp-hmp", bin_name = "qmp TARGET hmp", max_term_width = 100)]
pub(crate) struct Hmp {
    #[command(flatten)]
    pub(crate) options: Options,
    /// The number of the virtual CPU that the line is about.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) cpu: Option<u32>,
    /// The line. Options of the human monitor need no quotes.
    #[arg(value_name = "LINE", required = true, trailing_var_arg = true)]
    pub(crate) line: Vec<String>,
}

/// Checks a server and its socket, and says what to do about what is wrong.
///
/// The exit code is 0 if all is well, 1 if something is wrong, and 3 if the server cannot be reached.
#[derive(Debug, Parser)]
#[command(name = "qmp-doctor", bin_name = "qmp TARGET doctor", max_term_width = 100)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) options: Options,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Lists the servers that run on this machine, their sockets, and who is connected.
///
/// Sockets that were added while a server runs are not on its command line, and not in the list.
#[derive(Debug, Parser)]
#[command(name = "qmp-ls", bin_name = "qmp ls", max_term_width = 100)]
pub(crate) struct Ls {
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Starts QEMU or the storage daemon, with a shell on a connection of its own.
///
/// The program ends with the shell: it is told to quit, and killed if it does not. The exit code is the
/// program's.
#[derive(Debug, Parser)]
#[command(name = "qmp-launch", bin_name = "qmp launch", max_term_width = 100)]
pub(crate) struct Launch {
    #[command(flatten)]
    pub(crate) options: Options,
    /// Leave the program running, with a monitor socket in $XDG_RUNTIME_DIR.
    #[arg(long)]
    pub(crate) keep: bool,
    /// The program and its arguments.
    #[arg(value_name = "PROGRAM", required = true, trailing_var_arg = true)]
    pub(crate) program: Vec<String>,
}

/// Prints a script that completes commands, arguments and targets in a shell.
#[derive(Debug, Parser)]
#[command(name = "qmp-completions", bin_name = "qmp completions", max_term_width = 100)]
pub(crate) struct Completions {
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// A shell with completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Writes the manual pages to a folder, or qmp(1) to stdout.
#[derive(Debug, Parser)]
#[command(name = "qmp-man", bin_name = "qmp man", max_term_width = 100)]
pub(crate) struct Man {
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

/// Reads a duration: a number and `ms`, `s`, `m` or `h`; without a unit, seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration; write 500ms, 10s, 1.5s, 2m or 1h");
    let unit = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * scale).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        Top::command().debug_assert();
        Call::command().debug_assert();
        Events::command().debug_assert();
        Wait::command().debug_assert();
        Hmp::command().debug_assert();
        Doctor::command().debug_assert();
        Ls::command().debug_assert();
        Launch::command().debug_assert();
        Completions::command().debug_assert();
        Man::command().debug_assert();
    }

    #[test]
    fn what_follows_the_command_is_left_to_it() {
        let top =
            Top::try_parse_from(["qmp", "-p", "vm1", "-r", "wait", "-x", "STOP", "--", "stop"]);
        let top = top.unwrap();
        assert!(top.options.pretty && top.options.raw_output);
        assert_eq!(top.target.as_deref(), Some("vm1"));
        assert_eq!(top.rest, ["wait", "-x", "STOP", "--", "stop"]);
        let wait = Wait::try_parse_from(["wait", "STOP", "--", "stop", "-p"]).unwrap();
        assert_eq!(
            (wait.events, wait.command),
            (vec!["STOP".into()], vec!["stop".into(), "-p".into()])
        );
        let hmp = Hmp::try_parse_from(["hmp", "--cpu", "1", "info", "block", "-v"]).unwrap();
        assert_eq!((hmp.cpu, hmp.line.join(" ").as_str()), (Some(1), "info block -v"));
        assert!(!hmp.options.verbose);
        let call = Call::try_parse_from(["call", "a", "-p", "k=-1", "-q", ".x", "l=2"]).unwrap();
        assert_eq!(call.words, ["a", "k=-1", "l=2"]);
        assert_eq!(call.options.filter.as_deref(), Some(".x"));
        assert_eq!(Top::try_parse_from(["qmp", "vm1", "-"]).unwrap().rest, ["-"]);
    }

    #[test]
    fn durations_have_units() {
        for (text, milliseconds) in
            [("500ms", 500), ("1.5s", 1500), ("2", 2000), ("2m", 120_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "-1s", "1d", "1 s", "1e3", "9999999999999999999999999h", "."] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
