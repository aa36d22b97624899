//! The mock's settings.

use qmp_proto::server::Options;
use qmp_proto::{OwnedRawJson, RawJson, Version};

use crate::Mock;

/// Configures a [`Mock`]. Created by [`Mock::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    setup: Setup,
}

/// The settings of a mock.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) agent: bool,
    pub(crate) version: Version,
    pub(crate) package: String,
    pub(crate) out_of_band: bool,
    pub(crate) pretty: bool,
    pub(crate) in_flight: Option<usize>,
    pub(crate) greeting: Option<OwnedRawJson>,
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
    /// Makes the mock a guest agent instead of a monitor: it sends no greeting and no events, does
    /// not negotiate, and answers sync.
    pub fn agent(mut self) -> Self {
        self.setup.agent = true;
        self
    }

    /// Sets the version in the greeting and in the reply to `query-version`. Default: 10.0.0.
    pub fn version(mut self, version: Version) -> Self {
        self.setup.version = version;
        self
    }

    /// Sets the package name in the greeting. Default: empty.
    pub fn package(mut self, package: impl Into<String>) -> Self {
        self.setup.package = package.into();
        self
    }

    /// Sets whether the greeting offers the capability `oob`. Default: `true`.
    pub fn out_of_band(mut self, offered: bool) -> Self {
        self.setup.out_of_band = offered;
        self
    }

    /// Sets whether messages are spread over several lines, as QEMU does with `pretty=on`. Default:
    /// `false`.
    pub fn pretty(mut self, yes: bool) -> Self {
        self.setup.pretty = yes;
        self
    }

    /// Sets the in-flight limit: how many commands are accepted before the first of them is
    /// answered. Default, as in QEMU: 1, or 9 once a client has enabled `oob`. Use it with
    /// [`hold`](crate::On::hold) to reply out of order.
    pub fn in_flight(mut self, commands: usize) -> Self {
        self.setup.in_flight = Some(commands);
        self
    }

    /// Replaces the greeting.
    ///
    /// # Panics
    ///
    /// Panics if `greeting` is not a JSON object.
    #[track_caller]
    pub fn greeting(mut self, greeting: &str) -> Self {
        assert!(
            greeting.trim_start().starts_with('{'),
            "a greeting must be a JSON object, not {greeting}"
        );
        match RawJson::parse(greeting).map(|_| OwnedRawJson::parse(greeting.to_owned())) {
            Ok(Ok(greeting)) => self.setup.greeting = Some(greeting),
            Ok(Err(error)) | Err(error) => panic!("this greeting is not JSON: {error}"),
        }
        self
    }

    /// Turns off the default replies, so that only commands with a rule are known. By default a
    /// monitor answers `query-commands`, `query-name`, `query-status`, `query-version`, `getfd`,
    /// `add-fd` and `quit` (which emits `SHUTDOWN` and closes the connection), and an agent answers
    /// `guest-ping` and `guest-info`.
    pub fn without_usual_answers(mut self) -> Self {
        self.setup.usual_answers = false;
        self
    }

    /// Serves all clients concurrently. By default the next client gets no greeting until the
    /// previous one has disconnected, as in QEMU.
    pub fn many_at_once(mut self) -> Self {
        self.setup.at_once = true;
        self
    }

    /// Starts the mock.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot provide a socket or a thread.
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
