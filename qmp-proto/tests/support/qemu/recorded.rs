//! The model, compared with the replies of real servers.

use super::{Read, Server};
use crate::data::from_hexadecimal;

#[derive(serde::Deserialize)]
struct Recorded {
    name: String,
    input_hex: String,
    reply_hex: String,
}

/// Returns the parse error in a recorded reply, if it is one.
fn complaint(answer: &serde_json::Value) -> Option<&str> {
    let text = answer["error"]["desc"].as_str()?;
    (answer.get("id").is_none() && text.starts_with("JSON ")).then_some(text)
}

#[test]
fn the_model_reads_the_same_as_real_servers() {
    let vectors: Vec<Recorded> =
        serde_json::from_str(include_str!("../../data/vectors/server.json")).unwrap();
    assert_eq!(vectors.len(), 117);
    for vector in &vectors {
        let input = from_hexadecimal(&vector.input_hex);
        let answers = from_hexadecimal(&vector.reply_hex);
        let answers: Vec<serde_json::Value> = answers
            .split(|&byte| byte == b'\n')
            .map(|line| line.strip_prefix(b"\xFF").unwrap_or(line).trim_ascii())
            .filter(|line| !line.is_empty())
            .filter_map(|line| {
                // A returned id may be too deep or not be JSON.
                let answer = serde_json::from_slice(line).unwrap_or_default();
                let answer: serde_json::Value = answer;
                answer.get("event").is_none().then_some(answer)
            })
            .collect();
        let read = Server::default().reads(&input);
        assert_eq!(read.len(), answers.len(), "{}: {read:?}", vector.name);
        for (read, answer) in read.iter().zip(&answers) {
            let agree = match (read, complaint(answer)) {
                (Read::Error(words), Some(text)) => text.contains(words),
                (Read::Message(_) | Read::NotAnObject, None) => true,
                _ => false,
            };
            assert!(agree, "{}: {read:?} {answer}", vector.name);
        }
    }
}
