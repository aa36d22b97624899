//! The grammar of a command: from words to JSON. Nothing here reads files or asks a server.

#[cfg(test)]
mod laws;
pub(crate) mod number;
pub(crate) mod tree;
pub(crate) mod typing;
pub(crate) mod word;

pub(crate) use tree::Node;
pub(crate) use typing::{Typed, Typing};
pub(crate) use word::{Value, Word, WordError};

use qmp_blocking::RawJson;

/// Puts the arguments of a command together. `read` returns the text of a file.
///
/// # Errors
///
/// Returns an error if a word is not `KEY=VALUE`, if two words contradict each other, if JSON is
/// not JSON, or if a file cannot be read.
pub(crate) fn arguments<'w>(
    words: impl IntoIterator<Item = &'w str>,
    mut read: impl FnMut(&str) -> Result<String, WordError>,
) -> Result<Vec<(String, Node)>, WordError> {
    let mut tree = Node::Object(Vec::new());
    for word in words {
        let word = Word::parse(word)?;
        let value = match word.value {
            Value::Text(text) => Node::Text(text.to_owned()),
            // Text, not a guess: it may be a secret that looks like a number.
            Value::TextFile(file) => Node::Text(without_line_end(read(file)?)),
            Value::Json(json) => json_of(word.key, json.to_owned())?,
            Value::JsonFile(file) => json_of(word.key, read(file)?)?,
        };
        tree.set(word.key, &word.path, value)?;
    }
    match tree {
        Node::Object(members) => Ok(members),
        _ => Ok(Vec::new()),
    }
}

fn json_of(key: &str, json: String) -> Result<Node, WordError> {
    match RawJson::parse(&json) {
        Ok(_) => Ok(Node::Json(json.trim().to_owned())),
        Err(error) => {
            Err(WordError::new(format!("{key}:= takes JSON: {error}; for text write {key}=TEXT")))
        }
    }
}

/// Removes one line end, which every editor puts at the end of a file.
fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmp_blocking::types::describe::BuiltIn;

    fn typed(words: &str) -> Result<Typed, WordError> {
        let mut words = words.split(' ');
        let command = words.next().unwrap_or_default();
        let members = arguments(words, |name| Ok(format!("text of {name}\n")))?;
        Typing::new(vec![&BuiltIn], &[]).arguments(command, &members)
    }

    #[test]
    fn the_vocabulary_decides_the_types() {
        for (words, json) in [
            ("device_del id=007", r#"{"id": "007"}"#),
            ("query-status", "{}"),
            ("balloon value=1G", r#"{"value": 1073741824}"#),
            ("set_link name=1 up=on", r#"{"name": "1", "up": true}"#),
            (
                "blockdev-add driver=qcow2 node-name=1 file.driver=file file.filename=/x read-only=true",
                r#"{"driver": "qcow2", "node-name": "1", "file": {"driver": "file", "filename": "/x"}, "read-only": true}"#,
            ),
            // A reference by name: an alternate of a string and an object.
            (
                "blockdev-add driver=raw file=5 offset=0x200",
                r#"{"driver": "raw", "file": "5", "offset": 512}"#,
            ),
            ("blockdev-add driver=null-co size=1M", r#"{"driver": "null-co", "size": 1048576}"#),
            (
                "human-monitor-command command-line=1 cpu-index=0",
                r#"{"command-line": "1", "cpu-index": 0}"#,
            ),
            (
                "guest-exec path=/bin/true arg[]=1 arg[]=-x capture-output=true",
                r#"{"path": "/bin/true", "arg": ["1", "-x"], "capture-output": true}"#,
            ),
            ("migrate-set-parameters max-bandwidth=64M", r#"{"max-bandwidth": 67108864}"#),
            ("migrate-set-parameters tls-creds=null", r#"{"tls-creds": "null"}"#),
            (
                "object-add qom-type=secret id=s data=@f",
                r#"{"qom-type": "secret", "id": "s", "data": "text of f"}"#,
            ),
            (
                "object-add qom-type=memory-backend-ram id=m size=16M share=off",
                r#"{"qom-type": "memory-backend-ram", "id": "m", "size": 16777216, "share": false}"#,
            ),
            (
                "transaction actions[].type=abort actions[0].data:={}",
                r#"{"actions": [{"type": "abort", "data": {}}]}"#,
            ),
            (
                "chardev-add id=c backend.type=socket backend.data.addr.type=unix backend.data.addr.data.path=/1 backend.data.server=on",
                r#"{"id": "c", "backend": {"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": "/1"}}, "server": true}}}"#,
            ),
        ] {
            let typed = typed(words).unwrap_or_else(|error| panic!("{words}: {error}"));
            assert_eq!(typed.json, json, "{words}");
            assert!(typed.guessed.is_empty(), "{words}: {:?}", typed.guessed);
        }
    }

    #[test]
    fn unknown_types_are_guessed_by_their_looks_and_named() {
        let guess = typed("x-new a=1 b=x c=007 d=true e.f=null g=[1] h:=2 i=on").unwrap();
        let json = r#"{"a": 1, "b": "x", "c": "007", "d": true, "e": {"f": null}, "g": [1], "h": 2, "i": "on"}"#;
        assert_eq!(guess.json, json);
        assert_eq!(guess.guessed, ["a", "d", "e.f", "g"]);
        let device = typed("device_add driver=1 id=2 mq=on romfile=3").unwrap();
        assert_eq!(device.json, r#"{"driver": "1", "id": "2", "mq": "on", "romfile": 3}"#);
        assert_eq!(device.guessed, ["romfile"]);
    }

    #[test]
    fn properties_of_a_device_have_their_types() {
        let members =
            arguments(["driver=virtio-net-pci", "mq=on", "vectors=3", "mac=5"], |_| unreachable!());
        let properties = [("mq", "bool"), ("vectors", "uint32"), ("mac", "str")]
            .map(|(name, of)| (name.to_owned(), of.to_owned()));
        let typing = Typing::new(vec![&BuiltIn], &properties);
        let typed = typing.arguments("device_add", &members.unwrap()).unwrap();
        let json = r#"{"driver": "virtio-net-pci", "mq": true, "vectors": 3, "mac": "5"}"#;
        assert_eq!(typed.json, json);
        assert!(typed.guessed.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_refused_before_it_is_sent() {
        for (words, why) in [
            ("balloon value=much", "value takes an integer"),
            ("set_link name=n up=maybe", "up takes true or false"),
            ("guest-exec path=/x arg=1", "arg takes a list; write arg[]=…"),
            ("chardev-add id=c backend=1", "backend takes an object; write backend.MEMBER=…"),
            ("balloon value:=x", "value:= takes JSON"),
            ("balloon value=1 value=2", "value is set twice"),
        ] {
            let error = typed(words).unwrap_err().to_string();
            assert!(error.contains(why), "{words}: {error}");
        }
    }

    #[test]
    fn one_line_end_of_a_file_is_removed() {
        for (text, rest) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("", "")] {
            assert_eq!(without_line_end(text.to_owned()), rest);
        }
    }
}
