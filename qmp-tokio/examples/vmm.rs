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

use qmp_tokio::qmp_proto::Refusal;
use qmp_tokio::server::{Emitter, Options, Request, Response};
use qmp_tokio::{DecodeError, Error, ErrorClass, Listener, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
    let listener = Listener::bind(address)?;
    println!("listening on {}", listener.local_address());
    let vmm = Vmm::default();
    loop {
        // Who else connects waits, ungreeted, until this client has left.
        let mut commands = server.accept(&listener).await?;
        vmm.lock().emitter = Some(commands.emitter());
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
    jobs: BTreeMap<String, Job>,
    /// To the client of the moment.
    emitter: Option<Emitter>,
}

/// As `query-jobs` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Job {
    id: String,
    r#type: &'static str,
    status: &'static str,
    current_progress: u64,
    total_progress: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Vmm {
    /// Runs a command and answers it.
    fn obey(&self, mut request: Request) -> Result<(), Error> {
        let handler = COMMANDS.iter().find(|(name, _)| *name == request.name());
        match handler.map(|(_, handler)| handler(self, &mut request)) {
            Some(Ok(response)) => request.respond(&response)?,
            Some(Err(Failed(class, description))) => request.fail(class, &description),
            None => request.not_found(),
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> Result<Response<'static>, Failed> {
        let running = self.lock().running;
        value(&json!({"running": running, "status": if running { "running" } else { "paused" }}))
    }

    fn set_running(&self, running: bool) -> Result<Response<'static>, Failed> {
        let mut state = self.lock();
        if state.running != running {
            state.running = running;
            // Before the answer, as in QEMU.
            state.emit(if running { "RESUME" } else { "STOP" }, &());
        }
        Ok(Response::empty())
    }

    fn shut_down(&self) -> Result<Response<'static>, Failed> {
        self.lock().emit("SHUTDOWN", &json!({"guest": false, "reason": "host-qmp-quit"}));
        Ok(Response::empty())
    }

    /// Keeps a file that came with the command under a name.
    fn take_file(&self, request: &mut Request) -> Result<Response<'static>, Failed> {
        #[derive(Deserialize)]
        struct GetFd {
            fdname: String,
        }
        let GetFd { fdname } = request.decode()?;
        let descriptor = request
            .take_descriptor()
            .ok_or_else(|| generic("No file descriptor supplied via SCM_RIGHTS"))?;
        self.lock().files.insert(fdname, descriptor);
        Ok(Response::empty())
    }

    /// Adds up the bytes of a file in the background.
    fn start_checksum(&self, request: &mut Request) -> Result<Response<'static>, Failed> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Checksum {
            job_id: String,
            fdname: String,
        }
        let Checksum { job_id, fdname } = request.decode()?;
        let mut state = self.lock();
        if state.jobs.contains_key(&job_id) {
            return Err(generic(&format!("Job ID '{job_id}' already in use")));
        }
        let file = state.files.remove(&fdname).map(File::from);
        let file = file.ok_or_else(|| {
            generic(&format!("File descriptor named '{fdname}' has not been found"))
        })?;
        let total_progress = file.metadata().map_or(0, |metadata| metadata.len());
        let (id, status) = (job_id.clone(), "created");
        let job = Job {
            id,
            r#type: "checksum",
            status,
            current_progress: 0,
            total_progress,
            error: None,
        };
        state.jobs.insert(job_id.clone(), job);
        state.show(&job_id, "created");
        drop(state);
        let vmm = self.clone();
        tokio::task::spawn_blocking(move || vmm.run_checksum(&job_id, file));
        Ok(Response::empty())
    }

    fn run_checksum(&self, id: &str, mut file: File) {
        self.lock().show(id, "running");
        let (mut sum, mut chunk) = (0_u64, vec![0; 1024 * 1024]);
        let read = loop {
            match file.read(&mut chunk) {
                Ok(0) => break Ok(sum),
                Ok(count) => {
                    sum += chunk[..count].iter().map(|byte| u64::from(*byte)).sum::<u64>();
                    if let Some(job) = self.lock().jobs.get_mut(id) {
                        job.current_progress += count as u64;
                    }
                }
                Err(error) => break Err(error.to_string()),
            }
        };
        let mut state = self.lock();
        match read {
            Ok(sum) => state.emit("X_CHECKSUM", &json!({"id": id, "sum": sum})),
            Err(error) => {
                if let Some(job) = state.jobs.get_mut(id) {
                    job.error = Some(error);
                }
                state.show(id, "aborting");
            }
        }
        state.show(id, "concluded");
    }

    fn dismiss_job(&self, request: &mut Request) -> Result<Response<'static>, Failed> {
        #[derive(Deserialize)]
        struct Dismiss {
            id: String,
        }
        let Dismiss { id } = request.decode()?;
        let mut state = self.lock();
        match state.jobs.get(&id).map(|job| job.status) {
            None => return Err(generic("Job not found")),
            Some("concluded") => {}
            Some(status) => {
                let text =
                    format!("Job '{id}' in state '{status}' cannot accept command verb 'dismiss'");
                return Err(generic(&text));
            }
        }
        state.show(&id, "null");
        state.jobs.remove(&id);
        Ok(Response::empty())
    }
}

impl State {
    /// Tells the client, if there is one.
    fn emit(&self, name: &str, data: &impl Serialize) {
        if let Some(Err(error)) = self.emitter.as_ref().map(|emitter| emitter.emit(name, data)) {
            eprintln!("vmm: {error}");
        }
    }

    /// A job has another status.
    fn show(&mut self, id: &str, status: &'static str) {
        if let Some(job) = self.jobs.get_mut(id) {
            job.status = status;
            self.emit("JOB_STATUS_CHANGE", &json!({"id": id, "status": status}));
        }
    }
}

fn command_names() -> Vec<Value> {
    COMMANDS.iter().map(|(name, _)| json!({"name": name})).collect()
}

fn version() -> Value {
    let Version { major, minor, micro, .. } = VERSION;
    json!({"qemu": {"major": major, "minor": minor, "micro": micro}, "package": "vmm-example"})
}

fn value(value: &impl Serialize) -> Result<Response<'static>, Failed> {
    Ok(Response::value(value)?)
}

fn generic(description: &str) -> Failed {
    Failed(ErrorClass::GenericError, description.to_owned())
}

impl From<DecodeError> for Failed {
    fn from(error: DecodeError) -> Self {
        generic(&error.to_string())
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        generic(&refusal.to_string())
    }
}
