//! How the mock presents itself.

use qmp_proto::server::Options;
use qmp_proto::{Json, OwnedJson, Version};

use crate::Mock;

/// Makes a [`Mock`] that differs from the usual: [`Mock::builder`] makes one.
#[derive(Clone, Debug)]
pub struct Builder {
    setup: Setup,
}

/// What the mock is and offers.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) agent: bool,
    pub(crate) version: Version,
    pub(crate) package: String,
    pub(crate) out_of_band: bool,
    pub(crate) pretty: bool,
    pub(crate) in_flight: Option<usize>,
    pub(crate) greeting: Option<OwnedJson>,
    pub(crate) usual_answers: bool,
    pub(crate) at_once: bool,
}

impl Default for Builder {
    fn default() -> Self {
        let setup = Setup {
            agent: false,
            version: Version::new(10, 0, 0),
            package: String::new(),
            out_of_band: true,
            pretty: false,
            in_flight: None,
            greeting: None,
            usual_answers: true,
            at_once: false,
        };
        Self { setup }
    }
}

impl Builder {
    /// Speaks like a guest agent, where otherwise like a monitor: neither greeting nor negotiation
    /// nor events; sync is answered.
    pub fn agent(mut self) -> Self {
        self.setup.agent = true;
        self
    }

    /// The version in the greeting, and of `query-version`: 10.0.0 unless set.
    pub fn version(mut self, version: Version) -> Self {
        self.setup.version = version;
        self
    }

    /// What the greeting calls the build, empty unless set.
    pub fn package(mut self, package: impl Into<String>) -> Self {
        self.setup.package = package.into();
        self
    }

    /// Whether the capability `oob` is offered: yes unless set.
    pub fn out_of_band(mut self, offered: bool) -> Self {
        self.setup.out_of_band = offered;
        self
    }

    /// Spreads messages over many lines, as QEMU does with `pretty=on`.
    pub fn pretty(mut self, yes: bool) -> Self {
        self.setup.pretty = yes;
        self
    }

    /// How many commands are taken before the first of them is answered: 1 unless set, and 9 once a
    /// client has enabled `oob`, as in QEMU. For answers out of order, together with
    /// [`hold`](crate::On::hold).
    pub fn in_flight(mut self, commands: usize) -> Self {
        self.setup.in_flight = Some(commands);
        self
    }

    /// Greets with a message of one's own.
    ///
    /// # Panics
    ///
    /// If it is no JSON object.
    #[track_caller]
    pub fn greeting(mut self, greeting: &str) -> Self {
        assert!(greeting.trim_start().starts_with('{'), "a greeting is an object, not {greeting}");
        match Json::parse(greeting).map(|_| OwnedJson::parse(greeting.to_owned())) {
            Ok(Ok(greeting)) => self.setup.greeting = Some(greeting),
            Ok(Err(error)) | Err(error) => panic!("this greeting is no JSON: {error}"),
        }
        self
    }

    /// Knows no command but those that the test has rules for. Otherwise a monitor answers
    /// `query-commands`, `query-name`, `query-status`, `query-version`, `getfd`, `add-fd` and `quit`
    /// (with `SHUTDOWN`, and hangs up), and an agent `guest-ping` and `guest-info`.
    pub fn without_usual_answers(mut self) -> Self {
        self.setup.usual_answers = false;
        self
    }

    /// Serves clients that connect at the same time at once. Otherwise the next waits, ungreeted,
    /// until the one before it has left, as with QEMU.
    pub fn many_at_once(mut self) -> Self {
        self.setup.at_once = true;
        self
    }

    /// Begins to listen.
    ///
    /// # Panics
    ///
    /// If the system has no socket or thread for it.
    #[track_caller]
    pub fn start(self) -> Mock {
        Mock::start(self.setup, None)
    }

    pub(crate) fn into_setup(self) -> Setup {
        self.setup
    }
}

impl Setup {
    pub(crate) fn options(&self) -> Options {
        let options = if self.agent { Options::agent() } else { Options::monitor() };
        let options = options
            .version(self.version)
            .package(self.package.clone())
            .out_of_band(self.out_of_band && !self.agent)
            .pretty(self.pretty);
        match self.in_flight {
            Some(commands) => options.in_band_limit(commands).out_of_band_limit(commands),
            None => options,
        }
    }
}
