//! Running what the command line says on a target.

use std::env;
use std::io::{self, IsTerminal};

use clap::Parser;
use qmp_blocking::Client;

use crate::batch::{self, Batch};
use crate::cli::{self, Color, Options};
use crate::config::Config;
use crate::connect::connect;
use crate::events::condition::Condition;
use crate::events::{self, Plan};
use crate::exit::{Code, Failure};
use crate::filter::Filter;
#[cfg(unix)]
use crate::launch;
use crate::request::{Files, Request};
use crate::send::Sender;
#[cfg(unix)]
use crate::shell::{self, Source};
use crate::show::Printer;
use crate::show::json::Layout;
use crate::target::{Target, resolve};
use crate::{End, doctor, hmp};

/// Runs a command or a verb.
///
/// # Errors
///
/// Returns the error with its exit code.
pub(crate) fn run(target: &str, options: Options, mut rest: Vec<String>) -> Result<(), End> {
    let config = Config::read()?;
    config.expand(&mut rest);
    let context = |later| Context::new(target, &config, options.clone().and(later));
    let after = |name: &str| std::iter::once(name.to_owned()).chain(rest.iter().skip(1).cloned());
    match rest.first().map(String::as_str) {
        None if io::stdin().is_terminal() => Ok(context(Options::default())?.shell()?),
        None => Ok(context(Options::default())?.batch()?),
        Some("-") => {
            let arguments =
                cli::Call::try_parse_from(std::iter::once("call".to_owned()).chain(rest))?;
            if let Some(word) = arguments.words.get(1) {
                return Err(Failure::usage(format!("{word:?} follows -, which reads stdin")).into());
            }
            Ok(Context::new(target, &config, options.and(arguments.options))?.batch()?)
        }
        Some("events") => {
            let arguments = cli::Events::try_parse_from(after("events"))?;
            let context = context(arguments.options.clone())?;
            Ok(context.follow(context.plan(&arguments)?, &arguments.command)?)
        }
        Some("wait") => {
            let arguments = cli::Wait::try_parse_from(after("wait"))?;
            let context = context(arguments.options.clone())?;
            let until: Result<_, _> =
                arguments.events.iter().map(|it| Condition::parse(it)).collect();
            let plan = Plan {
                until: until?,
                only_last: true,
                timeout: context.options.timeout,
                ..Plan::default()
            };
            Ok(context.follow(plan, &arguments.command)?)
        }
        Some("hmp") => {
            let arguments = cli::Hmp::try_parse_from(after("hmp"))?;
            let line = arguments.line.join(" ");
            Ok(context(arguments.options)?.hmp(&line, arguments.cpu)?)
        }
        Some("doctor") => {
            let arguments = cli::Doctor::try_parse_from(after("doctor"))?;
            let context = context(arguments.options)?;
            let target = context.resolve(false)?;
            Ok(doctor::run(&target, &context.options, arguments.json)?)
        }
        Some(first) => {
            let words = rest.iter().skip(usize::from(first == "raw")).cloned();
            let arguments =
                cli::Call::try_parse_from(std::iter::once("call".to_owned()).chain(words))?;
            Ok(context(arguments.options)?.call(&arguments.words)?)
        }
    }
}

/// Starts a program and runs the shell on it. Returns the program's exit code.
///
/// # Errors
///
/// Returns an error if it cannot be started, or if there is no terminal.
#[cfg(unix)]
pub(crate) fn launch(arguments: &cli::Launch, is_human: bool) -> Result<u8, End> {
    let config = Config::read()?;
    let context = Context::new("launch", &config, arguments.options.clone())?;
    let (options, layout) = (context.options.clone(), context.printer.layout);
    if !io::stdin().is_terminal() {
        let text = "launch needs a terminal; without one, start QEMU with -qmp and use its socket";
        return Err(Failure::usage(text).into());
    }
    Ok(launch::run(arguments, &config, options, layout, is_human)?)
}

/// Runs as `qmp-shell` does: a shell on a terminal, otherwise the commands of stdin.
///
/// # Errors
///
/// Returns the error with its exit code.
#[cfg(unix)]
pub(crate) fn qmp_shell(target: &str, options: Options, is_human: bool) -> Result<(), End> {
    let config = Config::read()?;
    let mut context = Context::new(target, &config, options)?;
    context.is_human = is_human;
    match (io::stdin().is_terminal(), is_human) {
        (true, _) => Ok(context.shell()?),
        (false, true) => {
            let text = "-H needs a terminal; write qmp SOCKET hmp LINE";
            Err(Failure::usage(text).into())
        }
        (false, false) => {
            context.options.keep_going = true;
            Ok(context.batch()?)
        }
    }
}

/// What every verb needs.
struct Context<'c> {
    target: &'c str,
    config: &'c Config,
    options: Options,
    printer: Printer,
    /// Whether the shell begins in the human monitor.
    #[cfg(unix)]
    is_human: bool,
}

impl<'c> Context<'c> {
    fn new(target: &'c str, config: &'c Config, mut options: Options) -> Result<Self, Failure> {
        if options.timeout.is_none() {
            options.timeout = match env::var("QMP_TIMEOUT") {
                Ok(text) => Some(
                    cli::duration(&text)
                        .map_err(|why| Failure::usage(format!("QMP_TIMEOUT: {why}")))?,
                ),
                Err(_) => config.timeout()?,
            };
        }
        let color = match options.color.unwrap_or(Color::Auto) {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
            }
        };
        let filter = options.filter.as_deref().map(Filter::new).transpose()?;
        let layout = Layout { pretty: options.pretty, color };
        let printer = Printer { layout, filter, raw: options.raw_output };
        Ok(Self {
            target,
            config,
            options,
            printer,
            #[cfg(unix)]
            is_human: false,
        })
    }

    fn resolve(&self, for_agent: bool) -> Result<Target, Failure> {
        resolve(self.target, self.options.agent || for_agent, self.config)
    }

    /// Connects, runs and disconnects.
    fn with_client<T>(
        &self,
        target: &Target,
        out_of_band: bool,
        run: impl FnOnce(&Client) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let client = connect(target, &self.options, self.options.oob || out_of_band)?;
        let result = run(&client);
        if matches!(&result, Err(failure) if failure.code == Code::Deadline) {
            // The server is not waited for once more.
            client.abort();
        }
        result
    }

    fn call(&self, words: &[String]) -> Result<(), Failure> {
        self.refuse_options_of_batches()?;
        let request = Request::parse(words, &Files::default())?;
        if self.options.oob && matches!(request, Request::Raw { .. }) {
            let text = "--oob has no effect on a whole message; write exec-oob into it";
            return Err(Failure::usage(text));
        }
        if self.options.dry_run {
            return self.printer.message(&Sender::dry(&self.options).message(&request)?);
        }
        let target = self.resolve(request.is_for_agent())?;
        self.with_client(&target, request.is_out_of_band(), |client| {
            let answer = Sender::new(client, &self.options, target.agent).send(&request);
            match (&request, &answer.reply, answer.value) {
                (Request::Raw { .. }, Some(reply), value) => {
                    self.printer.value(reply)?;
                    value.map(drop)
                }
                (_, _, value) => self.printer.value(&value?),
            }
        })
    }

    fn batch(&self) -> Result<(), Failure> {
        if self.options.fd.is_some() {
            return Err(Failure::usage("--fd belongs to one command, not to commands from stdin"));
        }
        if self.options.dry_run {
            return batch::run(&self.batch_of(Sender::dry(&self.options)));
        }
        let target = self.resolve(false)?;
        self.with_client(&target, false, |client| {
            batch::run(&self.batch_of(Sender::new(client, &self.options, target.agent)))
        })
    }

    #[cfg(unix)]
    fn shell(&self) -> Result<(), Failure> {
        self.refuse_options_of_batches()?;
        for (is_set, option) in [
            (self.options.fd.is_some(), "--fd"),
            (self.options.filter.is_some(), "--filter"),
            (self.options.dry_run, "--dry-run"),
        ] {
            if is_set {
                let text = format!("{option} belongs to a command; write it behind one");
                return Err(Failure::usage(text));
            }
        }
        let (source, options) = (Source::Target(self.resolve(false)?), self.options.clone());
        shell::run(self.target, source, self.config, options, self.printer.layout, self.is_human)
    }

    #[cfg(not(unix))]
    fn shell(&self) -> Result<(), Failure> {
        let target = self.target;
        Err(Failure::usage(format!(
            "the command is missing; write qmp {target} COMMAND, or qmp {target} - to read commands \
             from stdin"
        )))
    }

    /// An option that has no effect is a mistake.
    fn refuse_options_of_batches(&self) -> Result<(), Failure> {
        match (self.options.keep_going, self.options.replies) {
            (true, _) => Err(Failure::usage("--keep-going is for commands from stdin")),
            (_, true) => Err(Failure::usage("--replies is for commands from stdin")),
            _ => Ok(()),
        }
    }

    const fn batch_of<'b>(&'b self, sender: Sender<'b>) -> Batch<'b> {
        Batch {
            sender,
            printer: &self.printer,
            keep_going: self.options.keep_going,
            replies: self.options.replies,
            dry_run: self.options.dry_run,
        }
    }

    fn plan(&self, arguments: &cli::Events) -> Result<Plan, Failure> {
        let until: Result<_, _> = arguments.until.iter().map(|it| Condition::parse(it)).collect();
        let conditions = arguments.conditions.iter().map(String::as_str);
        let condition = Condition::members(conditions)?;
        Ok(Plan {
            names: arguments.names.clone(),
            condition: Some(condition),
            until: until?,
            count: arguments.count,
            timeout: self.options.timeout,
            only_last: false,
        })
    }

    fn follow(&self, plan: Plan, command: &[String]) -> Result<(), Failure> {
        self.refuse_options_of_batches()?;
        let request = match command.is_empty() {
            true => None,
            false => Some(Request::parse(command, &Files::default())?),
        };
        if self.options.dry_run {
            return match &request {
                Some(request) => {
                    self.printer.message(&Sender::dry(&self.options).message(request)?)
                }
                None => Err(Failure::usage("--dry-run needs a command")),
            };
        }
        let target = self.resolve(false)?;
        if target.agent {
            return Err(Failure::usage("a guest agent sends no events"));
        }
        let out_of_band = request.as_ref().is_some_and(Request::is_out_of_band);
        self.with_client(&target, out_of_band, |client| {
            let sender = Sender::new(client, &self.options, false);
            let command = request.as_ref().map(|request| (&sender, request));
            events::follow(client, &plan, command, &self.printer)
        })
    }

    fn hmp(&self, line: &str, cpu: Option<u32>) -> Result<(), Failure> {
        self.refuse_options_of_batches()?;
        if self.options.dry_run {
            let message = Sender::dry(&self.options).message(&hmp::request(line, cpu))?;
            return self.printer.message(&message);
        }
        let target = self.resolve(false)?;
        if target.agent {
            return Err(Failure::usage("a guest agent has no human monitor"));
        }
        self.with_client(&target, false, |client| {
            hmp::run(&Sender::new(client, &self.options, false), line, cpu, &self.printer)
        })
    }
}
