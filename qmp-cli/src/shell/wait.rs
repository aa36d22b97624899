//! Waiting for an event.

use std::time::Instant;

use futures_lite::future::{block_on, or};
use qmp_smol::{ErrorKind, EventItem, Subscription};

use crate::cli;
use crate::events::condition::Condition;
use crate::exit::{Code, Failure};
use crate::request::{Files, Request};
use crate::shell::Shell;
use crate::shell::commands::visible_to_nobody;

impl Shell<'_> {
    /// Waits for one of several events, after sending a command if there is one.
    pub(super) fn wait(&mut self, arguments: &cli::Wait) -> Result<(), Failure> {
        if self.link.is_agent() {
            return Err(Failure::usage("a guest agent sends no events"));
        }
        let conditions: Result<Vec<_>, _> =
            arguments.events.iter().map(|it| Condition::parse(it)).collect();
        let conditions = conditions?;
        let options = self.with_options(&arguments.options)?;
        let printer = self.printer(&options)?;
        let client = self.link.connection()?.client;
        let mut events = client.events().subscribe();
        if !arguments.command.is_empty() {
            let request = Request::parse(&arguments.command, &Files::without_stdin())?;
            self.sender(&options).send(&visible_to_nobody(request)).value?;
        }
        let limit = options.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let interrupt = self.link.interrupt().clone();
        interrupt.clear();
        let names: Vec<_> = conditions.iter().filter_map(|it| it.name.as_deref()).collect();
        let names = names.join(" or ");
        let found = block_on(or(next(&mut events, &conditions, limit), async {
            interrupt.pressed().await;
            Err(Failure::new(Code::Interrupted, "interrupted"))
        }));
        let found = found.map_err(|failure| failure.within(format!("wait {names}")));
        self.link.settle();
        self.screen.flush();
        printer.value(&found?)
    }
}

/// Returns the next event that fulfils a condition.
async fn next(
    events: &mut Subscription,
    conditions: &[Condition],
    limit: Option<Instant>,
) -> Result<String, Failure> {
    loop {
        let item = match limit {
            None => events.recv().await,
            Some(limit) => {
                match events.recv_timeout(limit.saturating_duration_since(Instant::now())).await {
                    Ok(item) => item,
                    Err(error) if matches!(error.kind(), ErrorKind::NoEvent { .. }) => {
                        return Err(Failure::new(Code::Deadline, "no such event in this time"));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        match item {
            Some(EventItem::Event(event)) if conditions.iter().any(|it| it.matches(&event)) => {
                return Ok(String::from_utf8_lossy(event.message()).into_owned());
            }
            Some(_) => {}
            None => return Err(Failure::new(Code::Lost, "the connection is lost")),
        }
    }
}
