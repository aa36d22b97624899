//! File descriptors that come with commands.

use std::fs::File;
use std::io::{IoSlice, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use qmp_driver::qmp_sockets::send_with_descriptor;
use qmp_driver::server::{Options, Request};
use qmp_driver::{ErrorClass, Runtime};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::raw::as_client;
use super::{both, pair, serve, server};

fn file(content: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}

/// Answers with the content of the file that came with the command.
fn answer_content(mut request: Request) {
    match request.take_descriptor() {
        Some(descriptor) => {
            let flags = rustix::io::fcntl_getfd(&descriptor).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
            let mut content = String::new();
            File::from(descriptor).read_to_string(&mut content).unwrap();
            request.answer(&content).unwrap();
        }
        None => request
            .return_error(ErrorClass::GenericError, "No file descriptor supplied via SCM_RIGHTS"),
    }
}

pub async fn each_command_gets_its_own_file<R: Runtime>() {
    let (mut commands, client) = pair::<R>().await;
    let serving = async {
        while let Some(request) = commands.recv().await {
            answer_content(request);
        }
    };
    let asking = async {
        for number in 0..20 {
            let content = format!("file {number}");
            let file = OwnedFd::from(file(&content));
            let reply = client.execute("getfd").descriptor(file).await.unwrap();
            assert_eq!(reply.decode::<String>().unwrap(), content);
        }
        let error = client.execute("getfd").await.unwrap_err();
        assert!(error.to_string().contains("SCM_RIGHTS"), "{error}");
        client.close().await.unwrap();
    };
    both(serving, asking).await;
}

/// Several commands in flight, read together and answered in reverse order.
pub async fn a_file_goes_to_the_command_that_takes_it<R: Runtime>() {
    let options = Options::monitor().in_band_limit(8);
    let (mut commands, socket) = serve(&server::<R>().options(options));
    let asking = as_client::<R, _>(socket, |client| {
        client.negotiate("");
        for (id, content) in ["", "one", "", "two", ""].into_iter().enumerate() {
            let name = if content.is_empty() { "stop" } else { "getfd" };
            let command = format!("{{\"execute\": \"{name}\", \"id\": {id}}}\n");
            if content.is_empty() {
                client.send(&command);
            } else {
                let file = file(content);
                let sent = send_with_descriptor(&client.socket, command.as_bytes(), file.as_fd());
                assert_eq!(sent.unwrap(), command.len());
            }
        }
        let mut answers: Vec<_> = (0..5).map(|_| client.receive().unwrap()).collect();
        answers.sort_by_key(|answer| answer["id"].as_u64());
        answers.iter().map(|answer| answer["return"].clone()).collect::<Vec<_>>()
    });
    let serving = async {
        let mut requests = Vec::new();
        while requests.len() < 5 {
            requests.push(commands.recv().await.unwrap());
        }
        for request in requests.into_iter().rev() {
            match request.name() {
                "getfd" => answer_content(request),
                _ => request.return_empty(),
            }
        }
    };
    let (answers, ()) = both(asking, serving).await;
    let none = serde_json::json!({});
    assert_eq!(answers, [none.clone(), "one".into(), none.clone(), "two".into(), none]);
}

pub async fn of_several_files_the_first_is_given<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>());
    let asking = as_client::<R, _>(socket, |client| {
        client.negotiate("");
        let files = [file("one"), file("two")];
        let descriptors = [files[0].as_fd(), files[1].as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let both = b"{\"execute\": \"getfd\"}{\"execute\": \"getfd\"}";
        let sent = sendmsg(&client.socket, &[IoSlice::new(both)], &mut control, SendFlags::empty());
        assert_eq!(sent.unwrap(), both.len());
        assert_eq!(client.receive().unwrap()["return"], "one");
        assert_eq!(client.error(), "No file descriptor supplied via SCM_RIGHTS");
    });
    let serving = async {
        while let Some(request) = commands.recv().await {
            answer_content(request);
        }
    };
    both(asking, serving).await;
}
