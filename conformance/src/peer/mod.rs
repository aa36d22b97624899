//! A server in this process, at the other end of socket pairs. It behaves like QEMU and its guest
//! agent, and implements the commands that the scenarios use.

mod agent;
mod machine;
mod serve;

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use self::agent::Agent;
use self::machine::Machine;
use self::serve::{Connection, Role};

/// The state requested of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    On,
    Stopped,
    Ended,
}

/// A server in a thread of its own. It serves one client at a time; others wait.
#[derive(Debug)]
pub struct Peer {
    clients: Sender<UnixStream>,
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

/// The part of the server that tests control.
#[derive(Debug)]
struct Control {
    state: Mutex<(Course, Option<UnixStream>)>,
    changed: Condvar,
}

impl Peer {
    /// Starts a monitor that behaves like QEMU.
    pub(crate) fn monitor() -> Self {
        Self::start(Machine::default())
    }

    /// Starts a guest agent.
    pub(crate) fn agent() -> Self {
        Self::start(Agent)
    }

    fn start(role: impl Role) -> Self {
        let (clients, comers) = channel();
        let state = Mutex::new((Course::On, None));
        let control = Arc::new(Control { state, changed: Condvar::new() });
        let ours = Arc::clone(&control);
        let thread = thread::spawn(move || serve(role, &comers, &ours));
        Self { clients, control, thread: Some(thread) }
    }

    /// Returns the client's end of a new connection.
    pub(crate) fn connect(&self) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        // A server that has ended closes the connection.
        let _ = self.clients.send(theirs);
        ours
    }

    pub(crate) fn stop(&self) {
        self.control.set(Course::Stopped);
    }

    pub(crate) fn kill(&self) {
        self.control.set(Course::Ended);
    }

    /// Waits until the server has ended by itself.
    pub(crate) fn ended(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
        // The server no longer waits for clients.
        self.clients = channel().0;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            assert!(thread::panicking(), "the server in memory has panicked");
        }
    }
}

impl Control {
    fn set(&self, course: Course) {
        let mut state = self.state.lock().unwrap();
        state.0 = course;
        if let (Course::Ended, Some(stream)) = (course, &state.1) {
            // Ends a read that is in progress.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
    }

    /// Starts serving a client, unless the server is ending.
    fn begin(&self, stream: &UnixStream) -> Course {
        let mut state = self.state.lock().unwrap();
        state.1 = Some(stream.try_clone().unwrap());
        state.0
    }

    /// Waits while the server is stopped; returns whether it continues.
    fn course(&self) -> Course {
        let state = self.state.lock().unwrap();
        let stopped = |state: &mut (Course, _)| state.0 == Course::Stopped;
        self.changed.wait_while(state, stopped).unwrap().0
    }
}

fn serve(mut role: impl Role, clients: &Receiver<UnixStream>, control: &Control) {
    for client in clients {
        if control.begin(&client) == Course::Ended {
            return;
        }
        let mut connection = Connection::new(client, role.server());
        while connection.read() {
            if control.course() == Course::Ended {
                return;
            }
            connection.answer(&mut role);
            if role.has_quit() {
                return;
            }
        }
    }
}
