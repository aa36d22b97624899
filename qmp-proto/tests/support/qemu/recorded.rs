//! The model against what real servers answered.

use super::{Read, Server};
use crate::data::from_hexadecimal;

#[derive(serde::Deserialize)]
struct Recorded {
    name: String,
    input_hex: String,
    reply_hex: String,
}

/// Which of the recorded answers says that something could not be read.
fn is_complaint(answer: &serde_json::Value) -> bool {
    let text = answer["error"]["desc"].as_str().unwrap_or_default();
    answer.get("id").is_none() && text.starts_with("JSON ")
}

#[test]
fn the_model_reads_what_real_servers_read() {
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
                // What is echoed may be too deep, or be no JSON at all.
                let answer = serde_json::from_slice(line).unwrap_or_default();
                let answer: serde_json::Value = answer;
                answer.get("event").is_none().then_some(answer)
            })
            .collect();
        let complaints: Vec<_> = answers.iter().map(is_complaint).collect();
        let read = Server::default().reads(&input);
        let misread: Vec<_> = read.iter().map(|it| matches!(it, Read::Error(_))).collect();
        assert_eq!(misread, complaints, "{}: {read:?}", vector.name);
    }
}
