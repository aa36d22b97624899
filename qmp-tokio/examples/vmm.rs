//! A virtual machine monitor without the virtual machine: it serves QMP as QEMU does, one client at a
//! time.
//!
//! ```text
//! cargo run -p qmp-tokio --example vmm -- unix:/tmp/vmm.qmp
//! ```
//!
//! Besides the usual commands it has one that takes a file (`getfd`, with a descriptor), and one
//! that does something with it in the background: `x-checksum`, a job with events.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use qmp_tokio::qmp_proto::SendErrorKind;
use qmp_tokio::server::{EventSender, Options, Request, Response};
use qmp_tokio::types::events::{JobStatusChange, Resume, Shutdown, Stop};
use qmp_tokio::types::{
    CommandInfo, Getfd, JobDismiss, JobInfo, JobStatus, RunState, ShutdownCause, StatusInfo,
    VersionInfo, VersionTriple,
};
use qmp_tokio::{ArgumentError, Command, Empty, Error, ErrorClass, Listener, TypedEvent, Version};
use serde::{Deserialize, Serialize};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("vmm: where to listen? unix:/tmp/vmm.qmp, say");
        return ExitCode::FAILURE;
    };
    match serve(&address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vmm: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str) -> Result<(), Error> {
    let options = Options::monitor().version(VERSION).package("vmm-example").out_of_band(false);
    let server = qmp_tokio::server().options(options);
    let listener = Listener::bind(address).await?;
    println!("listening on {}", listener.local_address());
    let vmm = Vmm::default();
    loop {
        // Who else connects waits, ungreeted, until this client has left.
        let mut commands = server.accept(&listener).await?;
        vmm.lock().emitter = Some(commands.event_sender());
        while let Some(request) = commands.recv().await {
            let quits = request.name() == "quit";
            vmm.obey(request)?;
            if quits {
                // So that the answer has left before we do.
                commands.close().await;
                return Ok(());
            }
        }
        println!("{}", commands.closed().await);
    }
}

const VERSION: Version = Version::new(1, 0, 0);

/// What there is, and what runs it.
const COMMANDS: &[(&str, Handler)] = &[
    ("cont", |vmm, _| vmm.set_running(true)),
    ("getfd", Vmm::take_file),
    ("job-dismiss", Vmm::dismiss_job),
    ("query-commands", |_, _| value(&command_names())),
    ("query-jobs", |vmm, _| value(&vmm.lock().jobs.values().collect::<Vec<_>>())),
    ("query-status", |vmm, _| vmm.status()),
    ("query-version", |_, _| value(&version())),
    ("quit", |vmm, _| vmm.shut_down()),
    ("stop", |vmm, _| vmm.set_running(false)),
    ("x-checksum", Vmm::start_checksum),
];

type Handler = fn(&Vmm, &mut Request) -> Result<Response<'static>, Failed>;

/// What the client is told went wrong.
struct Failed(ErrorClass<'static>, String);

/// Shared by the client's commands and the jobs.
#[derive(Clone, Debug, Default)]
struct Vmm(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    running: bool,
    files: BTreeMap<String, OwnedFd>,
    jobs: BTreeMap<String, JobInfo>,
    /// To the client of the moment.
    emitter: Option<EventSender>,
}

/// A command of its own: adds up the bytes of a file, as a job.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Checksum {
    job_id: String,
    fdname: String,
}

impl Command for Checksum {
    const NAME: &'static str = "x-checksum";
    type Output = Empty;
}

/// An event of its own: what they add up to.
#[derive(Serialize)]
struct ChecksumDone<'a> {
    id: &'a str,
    sum: u64,
}

impl TypedEvent for ChecksumDone<'_> {
    const NAME: &'static str = "X_CHECKSUM";
}

impl Vmm {
    /// Runs a command and answers it.
    fn obey(&self, mut request: Request) -> Result<(), Error> {
        let handler = COMMANDS.iter().find(|(name, _)| *name == request.name());
        match handler.map(|(_, handler)| handler(self, &mut request)) {
            Some(Ok(response)) => request.respond(&response)?,
            Some(Err(Failed(class, description))) => request.return_error(class, &description),
            None => request.command_not_found(),
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> Result<Response<'static>, Failed> {
        let running = self.lock().running;
        let status = if running { RunState::Running } else { RunState::Paused };
        value(&StatusInfo::new(running, status))
    }

    fn set_running(&self, running: bool) -> Result<Response<'static>, Failed> {
        let mut state = self.lock();
        if state.running != running {
            state.running = running;
            // Before the answer, as in QEMU.
            match running {
                true => state.emit(&Resume::new()),
                false => state.emit(&Stop::new()),
            }
        }
        Ok(Response::empty())
    }

    fn shut_down(&self) -> Result<Response<'static>, Failed> {
        self.lock().emit(&Shutdown::new(false, ShutdownCause::HostQmpQuit));
        Ok(Response::empty())
    }

    /// Keeps a file that came with the command under a name.
    fn take_file(&self, request: &mut Request) -> Result<Response<'static>, Failed> {
        let Getfd { fdname, .. } = request.decode()?;
        let descriptor = request
            .take_descriptor()
            .ok_or_else(|| generic("No file descriptor supplied via SCM_RIGHTS"))?;
        self.lock().files.insert(fdname, descriptor);
        Ok(Response::empty())
    }

    /// Adds up the bytes of a file in the background.
    fn start_checksum(&self, request: &mut Request) -> Result<Response<'static>, Failed> {
        let Checksum { job_id, fdname } = request.decode()?;
        let mut state = self.lock();
        if state.jobs.contains_key(&job_id) {
            return Err(generic(&format!("Job ID '{job_id}' already in use")));
        }
        let file = state.files.remove(&fdname).map(File::from);
        let file = file.ok_or_else(|| {
            generic(&format!("File descriptor named '{fdname}' has not been found"))
        })?;
        let total = file.metadata().map_or(0, |metadata| metadata.len());
        let job =
            JobInfo::new(job_id.clone(), "checksum".into(), JobStatus::Created, 0, signed(total));
        state.jobs.insert(job_id.clone(), job);
        state.show(&job_id, JobStatus::Created);
        drop(state);
        let vmm = self.clone();
        tokio::task::spawn_blocking(move || vmm.run_checksum(&job_id, file));
        Ok(Response::empty())
    }

    fn run_checksum(&self, id: &str, mut file: File) {
        self.lock().show(id, JobStatus::Running);
        let (mut sum, mut chunk) = (0_u64, vec![0; 1024 * 1024]);
        let read = loop {
            match file.read(&mut chunk) {
                Ok(0) => break Ok(sum),
                Ok(count) => {
                    sum += chunk[..count].iter().map(|byte| u64::from(*byte)).sum::<u64>();
                    if let Some(job) = self.lock().jobs.get_mut(id) {
                        job.current_progress += signed(count as u64);
                    }
                }
                Err(error) => break Err(error.to_string()),
            }
        };
        let mut state = self.lock();
        match read {
            Ok(sum) => state.emit(&ChecksumDone { id, sum }),
            Err(error) => {
                if let Some(job) = state.jobs.get_mut(id) {
                    job.error = Some(error);
                }
                state.show(id, JobStatus::Aborting);
            }
        }
        state.show(id, JobStatus::Concluded);
    }

    fn dismiss_job(&self, request: &mut Request) -> Result<Response<'static>, Failed> {
        let JobDismiss { id, .. } = request.decode()?;
        let mut state = self.lock();
        match state.jobs.get(&id).map(|job| &job.status) {
            None => return Err(generic("Job not found")),
            Some(JobStatus::Concluded) => {}
            Some(status) => {
                let text =
                    format!("Job '{id}' in state '{status}' cannot accept command verb 'dismiss'");
                return Err(generic(&text));
            }
        }
        state.show(&id, JobStatus::Null);
        state.jobs.remove(&id);
        Ok(Response::empty())
    }
}

impl State {
    /// Tells the client, if there is one.
    fn emit(&self, event: &(impl TypedEvent + Serialize)) {
        if let Some(Err(error)) = self.emitter.as_ref().map(|emitter| emitter.emit_typed(event)) {
            eprintln!("vmm: {error}");
        }
    }

    /// A job has another status.
    fn show(&mut self, id: &str, status: JobStatus) {
        if let Some(job) = self.jobs.get_mut(id) {
            job.status = status.clone();
            self.emit(&JobStatusChange::new(id, status));
        }
    }
}

fn command_names() -> Vec<CommandInfo> {
    COMMANDS.iter().map(|(name, _)| CommandInfo::new(*name)).collect()
}

fn version() -> VersionInfo {
    let Version { major, minor, micro, .. } = VERSION;
    let triple = VersionTriple::new(major.into(), minor.into(), micro.into());
    VersionInfo::new(triple, "vmm-example")
}

/// QAPI has signed numbers here.
fn signed(number: u64) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn value(value: &impl Serialize) -> Result<Response<'static>, Failed> {
    Ok(Response::value(value)?)
}

fn generic(description: &str) -> Failed {
    Failed(ErrorClass::GenericError, description.to_owned())
}

impl From<ArgumentError> for Failed {
    /// In QEMU's words.
    fn from(error: ArgumentError) -> Self {
        Self(error.class(), error.to_string())
    }
}

impl From<SendErrorKind> for Failed {
    fn from(refusal: SendErrorKind) -> Self {
        generic(&refusal.to_string())
    }
}
