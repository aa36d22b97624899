//! The program under the names of Python's tools: their options.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::cli::{self, Options};
use crate::exit::Failure;
use crate::{End, run};

/// A shell for QMP, with the options of Python's qmp-shell.
#[derive(Debug, Parser)]
#[command(name = "qmp-shell", version, max_term_width = 100)]
struct QmpShell {
    #[command(flatten)]
    shared: Shared,
    /// Expect a guest agent, which has no negotiation.
    #[arg(short = 'N', long)]
    skip_negotiation: bool,
    /// The socket's path, or HOST:PORT; default: $QMP_SOCKET.
    #[arg(value_name = "QMP_SERVER")]
    qmp_server: Option<String>,
}

/// Starts QEMU with a shell, with the options of Python's qmp-shell-wrap.
#[derive(Debug, Parser)]
#[command(name = "qmp-shell-wrap", version, max_term_width = 100)]
struct QmpShellWrap {
    #[command(flatten)]
    shared: Shared,
    /// The program and its arguments; default: qemu-system-x86_64.
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Shared {
    /// Begin in the human monitor.
    #[arg(short = 'H', long)]
    hmp: bool,
    /// Print all messages.
    #[arg(short, long)]
    verbose: bool,
    /// Print JSON indented.
    #[arg(short, long)]
    pretty: bool,
    /// Append all messages to a file, with secrets masked.
    #[arg(short, long, value_name = "FILE")]
    logfile: Option<PathBuf>,
}

impl Shared {
    fn options(&self) -> Options {
        Options {
            verbose: self.verbose,
            pretty: self.pretty,
            log: self.logfile.clone(),
            ..Options::default()
        }
    }
}

/// Runs as the tool whose name the program was started with. Returns `None` if that is its own name.
pub(crate) fn run(args: &[OsString]) -> Option<Result<u8, End>> {
    let name = Path::new(args.first()?).file_name()?.to_str()?;
    match name {
        "qmp-shell" => Some(shell(args).map(|()| 0)),
        "qmp-shell-wrap" => Some(wrap(args)),
        _ => None,
    }
}

fn shell(args: &[OsString]) -> Result<(), End> {
    let QmpShell { shared, skip_negotiation, qmp_server } = QmpShell::try_parse_from(args)?;
    let options = Options { agent: skip_negotiation, ..shared.options() };
    let server = qmp_server.or_else(|| env::var("QMP_SOCKET").ok().filter(|it| !it.is_empty()));
    let Some(server) = server else {
        return Err(Failure::usage("the socket is missing, and $QMP_SOCKET is not set").into());
    };
    run::qmp_shell(&server, options, shared.hmp)
}

fn wrap(args: &[OsString]) -> Result<u8, End> {
    let QmpShellWrap { shared, mut command } = QmpShellWrap::try_parse_from(args)?;
    if command.is_empty() {
        command.push("qemu-system-x86_64".to_owned());
    }
    let launch = cli::Launch { options: shared.options(), keep: false, program: command };
    run::launch(&launch, shared.hmp)
}
