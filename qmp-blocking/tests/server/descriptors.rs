//! Descriptors that come with commands.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;

use qmp_blocking::{ErrorClass, server};

use crate::peer::{PLENTY, serve};

#[test]
fn each_command_gets_its_own_file() {
    let (mut commands, thread) = serve(&server(), |server| {
        for number in 0..10 {
            let mut file = tempfile::tempfile().unwrap();
            write!(file, "file {number}").unwrap();
            file.rewind().unwrap();
            let reply = server.execute("getfd").descriptor(OwnedFd::from(file)).run().unwrap();
            assert_eq!(reply.decode::<String>().unwrap(), format!("file {number}"));
        }
        let error = server.execute("getfd").run().unwrap_err();
        assert!(error.to_string().contains("SCM_RIGHTS"), "{error}");
    });
    while let Some(mut request) = commands.recv_timeout(PLENTY).unwrap() {
        match request.take_descriptor() {
            Some(descriptor) => {
                let mut content = String::new();
                File::from(descriptor).read_to_string(&mut content).unwrap();
                request.answer(&content).unwrap();
            }
            None => {
                let text = "No file descriptor supplied via SCM_RIGHTS";
                request.return_error(ErrorClass::GenericError, text);
            }
        }
    }
    thread.join().unwrap();
}
