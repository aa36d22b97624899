//! The commands of a line.

use clap::Parser;

use crate::cli::{self, Options};
use crate::exit::{Code, Failure};
use crate::filter::Filter;
use crate::hmp;
use crate::request::{Files, Request};
use crate::send::{SchemaCache, Sender};
use crate::shell::colon::{self, Colon};
use crate::shell::transaction::{Step, Transaction};
use crate::shell::{Next, Shell};
use crate::show::json::Layout;
use crate::show::{self, Printer};

impl Shell<'_> {
    /// Runs a command or a verb, as on the command line.
    pub(super) fn words(&mut self, line: &str, asked_to_quit: bool) -> Result<(), Failure> {
        let mut words = match line.starts_with('{') {
            true => vec![line.to_owned()],
            false => shlex::split(line).ok_or_else(|| Failure::usage("a quote is not closed"))?,
        };
        self.config.expand(&mut words);
        match words.first().map(String::as_str) {
            None => Ok(()),
            Some("help") => show::write(colon::help().as_bytes()),
            Some("events") => Err(Failure::usage(
                "events are printed as they come; :events NAME selects some, :events off none",
            )),
            Some("hmp") => {
                let Some(arguments) = parsed::<cli::Hmp>(&words)? else { return Ok(()) };
                let options = self.with_options(&arguments.options)?;
                let line = arguments.line.join(" ");
                let (sender, printer) = (self.sender(&options), self.printer(&options)?);
                hmp::run(&sender, &line, arguments.cpu.or(self.cpu), &printer)
            }
            Some("wait") => {
                let Some(arguments) = parsed::<cli::Wait>(&words)? else { return Ok(()) };
                self.wait(&arguments)
            }
            Some(first) => {
                let raw = first == "raw";
                let words: Vec<_> = words.iter().skip(usize::from(raw)).cloned().collect();
                let named = [vec!["command".to_owned()], words].concat();
                let Some(arguments) = parsed::<cli::Call>(&named)? else { return Ok(()) };
                let options = self.with_options(&arguments.options)?;
                let request = Request::parse(&arguments.words, &Files::without_stdin())?;
                self.send(&visible_to_nobody(request), &options, asked_to_quit)
            }
        }
    }

    pub(super) fn send(
        &mut self,
        request: &Request,
        options: &Options,
        asked_to_quit: bool,
    ) -> Result<(), Failure> {
        let printer = self.printer(options)?;
        if options.dry_run {
            return printer.message(&Sender::dry(options).message(request)?);
        }
        if request.name() == "quit" && !asked_to_quit {
            self.asked_to_quit = true;
            show::tell("quit ends the virtual machine; again to confirm. :quit leaves the shell");
            return Ok(());
        }
        let answer = self.sender(options).send(request);
        if request.name() == "quit" && answer.value.is_ok() {
            self.link.wait_for_the_end();
        }
        match (request, answer.reply, answer.value) {
            (Request::Raw { .. }, Some(reply), value) => {
                printer.value(&reply)?;
                value.map(drop)
            }
            (_, _, value) => printer.value(&value?),
        }
    }

    /// Adds a line to the transaction, and sends it if that is complete.
    pub(super) fn action(&mut self, line: &str) -> Result<(), Failure> {
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        if transaction.line(line)? == Step::More {
            return Ok(());
        }
        let (request, options) = (transaction.request(), self.options.clone());
        let sent = self.send(&request, &options, false);
        match &sent {
            Err(failure) if failure.code != Code::Interrupted && failure.code != Code::Lost => {
                show::tell(
                    "nothing was done, and the actions are kept: ) sends them again, :undo \
                            removes the last one, Ctrl-C drops them",
                );
            }
            _ => self.transaction = None,
        }
        sent
    }

    /// Runs a line in the human monitor.
    pub(super) fn human(&mut self, line: &str) -> Result<(), Failure> {
        if self.link.is_agent() {
            return Err(Failure::usage("a guest agent has no human monitor"));
        }
        if line.is_empty() {
            return Ok(());
        }
        let options = self.options.clone();
        let printer = self.printer(&options)?;
        hmp::run(&self.sender(&options), line, self.cpu, &printer)
    }

    /// Runs a command of the shell itself.
    pub(super) fn colon(&mut self, command: Colon) -> Result<Next, Failure> {
        match command {
            Colon::Events(selection) => self.link.shown().selection = selection,
            Colon::Json(wanted) => {
                let mut shown = self.link.shown();
                shown.json = wanted.unwrap_or(!shown.json);
            }
            Colon::Pretty(wanted) => {
                self.options.pretty = wanted.unwrap_or(!self.options.pretty);
            }
            Colon::Wire(wanted) => {
                let mut watcher = self.link.watcher();
                watcher.verbose = wanted.unwrap_or(!watcher.verbose);
            }
            Colon::Log(path) => self.link.watcher().log_to(path.as_deref())?,
            Colon::Hmp if self.link.is_agent() => {
                return Err(Failure::usage("a guest agent has no human monitor"));
            }
            Colon::Hmp => self.is_human = true,
            Colon::Cpu(cpu) => self.cpu = cpu,
            Colon::Actions => {
                let names = self.transaction.iter().flat_map(Transaction::names);
                let lines: String = names.map(|name| format!("{name}\n")).collect();
                show::write(lines.as_bytes())?;
            }
            Colon::Undo => match self.transaction.as_mut().and_then(Transaction::undo) {
                Some(name) => show::tell(format!("{name} was removed")),
                None => return Err(Failure::usage("there is no action to remove")),
            },
            Colon::Reconnect => self.link.reconnect()?,
            Colon::Help => show::write(colon::help().as_bytes())?,
            Colon::Quit => return Ok(Next::Leave),
        }
        Ok(Next::Read)
    }

    /// The options of the shell with those of a line.
    pub(super) fn with_options(&self, options: &Options) -> Result<Options, Failure> {
        for (is_set, option, instead) in [
            (options.agent, "--agent", "start the shell with it"),
            (options.verbose, "--verbose", "write :wire on"),
            (options.log.is_some(), "--log", "write :log FILE"),
            (options.no_private, "--no-private", "start the shell with it"),
            (options.color.is_some(), "--color", "start the shell with it"),
            (options.keep_going, "--keep-going", "it is for commands from stdin"),
            (options.replies, "--replies", "it is for commands from stdin"),
        ] {
            if is_set {
                return Err(Failure::usage(format!("{option} is no option here; {instead}")));
            }
        }
        Ok(self.options.clone().and(options.clone()))
    }

    pub(super) fn printer(&self, options: &Options) -> Result<Printer, Failure> {
        let filter = options.filter.as_deref().map(Filter::new).transpose()?;
        let layout = Layout { pretty: options.pretty, ..self.layout };
        Ok(Printer { layout, filter, raw: options.raw_output })
    }

    pub(super) fn sender<'s>(&'s self, options: &'s Options) -> Sender<'s> {
        let number = self.link.connection().map_or(0, |connection| connection.number);
        let mut schema = self.schema.borrow_mut();
        if schema.0 != number {
            *schema = (number, SchemaCache::default());
        }
        Sender::new(&self.link, options, self.link.is_agent()).with_schema(&schema.1)
    }
}

/// Reads words as a verb. Mistakes and help are printed.
pub(super) fn parsed<P: Parser>(words: &[String]) -> Result<Option<P>, Failure> {
    match P::try_parse_from(words) {
        Ok(arguments) => Ok(Some(arguments)),
        Err(error) => match error.print() {
            Ok(()) => Ok(None),
            Err(error) => Err(Failure::output(&error)),
        },
    }
}

/// In a shell, other users of the machine do not see the line.
pub(super) fn visible_to_nobody(mut request: Request) -> Request {
    if let Request::Words { is_secret_visible, .. } = &mut request {
        *is_secret_visible = false;
    }
    request
}
