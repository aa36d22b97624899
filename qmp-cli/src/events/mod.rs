//! Following events, and waiting for one.

pub(crate) mod condition;

use std::time::{Duration, Instant};

use qmp_blocking::types::describe::{BuiltIn, Vocabulary};
use qmp_blocking::{Client, CloseReason, ErrorKind, Event, EventItem, Subscription};

use crate::events::condition::Condition;
use crate::exit::{Code, Failure};
use crate::request::{Request, nearest};
use crate::send::{Sender, live_schema};
use crate::show::{self, Printer};
use crate::waiting;

/// Which events are printed, and when this ends.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The names of events to print; empty for all.
    pub(crate) names: Vec<String>,
    /// What the data of printed events must have.
    pub(crate) condition: Option<Condition>,
    /// The events that end it, which are printed, too.
    pub(crate) until: Vec<Condition>,
    /// How many printed events end it.
    pub(crate) count: Option<u64>,
    pub(crate) timeout: Option<Duration>,
    /// Whether only the event that ends it is printed.
    pub(crate) only_last: bool,
}

impl Plan {
    /// Checks the names of events: a mistyped one would never come.
    fn check_names(&self, client: &Client) -> Result<(), Failure> {
        let known = BuiltIn.events();
        let names = || self.names.iter().chain(self.until.iter().filter_map(|it| it.name.as_ref()));
        let unknown = |name: &&String| !known.contains(&name.as_str());
        if names().any(|name| unknown(&name)) {
            // Without a reply nothing is known about later versions.
            let Some(schema) = live_schema(client) else { return Ok(()) };
            let live = schema.events();
            if let Some(name) = names().filter(unknown).find(|name| !live.contains(&name.as_str()))
            {
                let nearest = nearest(name, live.into_iter().chain(known));
                let meant = nearest.map(|it| format!("; is {it} meant?")).unwrap_or_default();
                return Err(Failure::usage(format!("the server has no event {name}{meant}")));
            }
        }
        Ok(())
    }

    fn is_printed(&self, event: &Event) -> bool {
        !self.only_last
            && (self.names.is_empty() || self.names.iter().any(|name| name == event.name()))
            && self.condition.as_ref().is_none_or(|it| it.matches(event))
    }

    fn is_last(&self, event: &Event) -> bool {
        self.until.iter().any(|it| it.matches(event))
    }

    /// What it waits for, in words.
    fn awaited(&self) -> String {
        let until = self.until.iter().filter_map(|it| it.name.clone());
        let names: Vec<_> = match self.until.is_empty() {
            true => self.names.clone(),
            false => until.collect(),
        };
        if names.is_empty() { "events".into() } else { names.join(" or ") }
    }

    fn has_end(&self) -> bool {
        !self.until.is_empty() || self.count.is_some()
    }
}

/// Prints events until the plan ends.
///
/// # Errors
///
/// Returns an error if a name is unknown, if the command fails, or if the connection or the time
/// ends before the plan does.
pub(crate) fn follow(
    client: &Client,
    plan: &Plan,
    command: Option<(&Sender<'_>, &Request)>,
    printer: &Printer,
) -> Result<(), Failure> {
    plan.check_names(client)?;
    let mut builder = client.events();
    if plan.only_last || !plan.names.is_empty() {
        for name in plan.names.iter().chain(plan.until.iter().filter_map(|it| it.name.as_ref())) {
            builder = builder.named(name);
        }
    }
    let events = builder.subscribe();
    if let Some((sender, request)) = command {
        sender.send(request).value?;
    }
    let peer = client.peer().to_string();
    let _waiting = waiting::begin(waiting::For::Event(plan.awaited(), peer.clone()));
    read(events, plan, printer).map_err(|failure| match failure.code {
        Code::Deadline | Code::Lost => failure.and_place(&peer),
        _ => failure,
    })
}

fn read(mut events: Subscription<'_>, plan: &Plan, printer: &Printer) -> Result<(), Failure> {
    let limit = plan.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut printed = 0;
    if plan.count == Some(0) {
        return Ok(());
    }
    loop {
        let item = match limit {
            Some(limit) => events.recv_timeout(limit.saturating_duration_since(Instant::now())),
            None => Ok(events.recv()),
        };
        let event = match item {
            Ok(Some(EventItem::Event(event))) => event,
            Ok(Some(EventItem::Lagged(count))) => {
                show::tell(format!("{count} events were lost, because they were not read in time"));
                continue;
            }
            Ok(Some(_)) => continue,
            Ok(None) => return ended(plan, events.close_reason()),
            Err(error) if matches!(error.kind(), ErrorKind::NoEvent { .. }) => {
                let waited = plan.timeout.unwrap_or_default();
                return match plan.has_end() {
                    true => Err(Failure::new(
                        Code::Deadline,
                        format!("no {} in {waited:.1?}", plan.awaited()),
                    )),
                    false => Ok(()),
                };
            }
            Err(error) => return Err(error.into()),
        };
        let is_last = plan.is_last(&event);
        if is_last || plan.is_printed(&event) {
            printer.value(&String::from_utf8_lossy(event.message()))?;
            printed += 1;
        }
        if is_last || plan.count.is_some_and(|count| printed >= count) {
            return Ok(());
        }
    }
}

/// A server that ends closes the connection in an orderly way.
fn ended(plan: &Plan, reason: Option<CloseReason>) -> Result<(), Failure> {
    match reason {
        Some(CloseReason::Closed) if !plan.has_end() => Ok(()),
        Some(reason) => {
            let awaited = plan.awaited();
            Err(Failure::new(Code::Lost, format!("{reason}, and no {awaited} came before")))
        }
        None => Err(Failure::new(Code::Lost, "the connection has ended")),
    }
}
