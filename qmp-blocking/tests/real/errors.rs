//! Error answers.

use qmp_blocking::{ErrorClass, Outcome};

use crate::server::{Clients, Suite};

conformance::on_every_qemu!(every_class_is_told_apart, mistakes_are_found_before_anything_is_sent);

fn every_class_is_told_apart(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    for (command, argument, class, text) in [
        ("x-no-such", None, ErrorClass::CommandNotFound, "has not been found"),
        ("device_add", Some(("driver", "x")), ErrorClass::GenericError, "'x'"),
        ("device_del", Some(("id", "x")), ErrorClass::DeviceNotFound, "'x' not found"),
        ("query-balloon", None, ErrorClass::DeviceNotActive, "No balloon device"),
    ] {
        let mut execute = qemu.execute(command);
        if let Some((name, value)) = argument {
            execute = execute.argument(name, value);
        }
        let error = execute.run().unwrap_err();
        assert_eq!(error.class(), Some(class), "{error}");
        assert_eq!(error.outcome(), Outcome::Answered);
        assert_eq!(error.command(), Some(command));
        assert!(!error.is_timeout() && !error.is_disconnected());
        let description = error.failure().unwrap().description();
        assert!(description.contains(text), "{description}");
        let address = server.address();
        assert_eq!(error.to_string(), format!("{command}: {class}: {description} ({address})"));
        qemu.execute("query-status").run().unwrap();
    }
    let error = qemu.execute("cont").argument("now", true).run().unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::GenericError));
}

fn mistakes_are_found_before_anything_is_sent(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let error = qemu.execute("stop\"").run().unwrap_err();
    assert!(error.to_string().contains("the name of a command"), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);

    let error = qemu.execute("stop").arguments([1, 2]).run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    let error = qemu.execute("stop").arguments([1]).argument("a", 1).run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    let twice = qemu.execute("stop").argument("a", 1).argument("a", 2).run().unwrap_err();
    assert_eq!(twice.outcome(), Outcome::NotSent, "{twice}");
    // What QEMU's parser would take for the end of the message, or refuse.
    for text in ["\u{FFFE}", "\u{1FFFF}"] {
        let error = qemu.execute("stop").argument("a", text).run().unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    }
    let mut deep = serde_json::json!({});
    for _ in 0..1100 {
        deep = serde_json::json!({ "a": deep });
    }
    let error = qemu.execute("stop").arguments(&deep).run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    // A value that drops itself level by level would need the stack.
    std::mem::forget(deep);

    qemu.execute("stop").arguments(()).run().unwrap();
    qemu.execute("stop").arguments(serde_json::json!({})).run().unwrap();
}
