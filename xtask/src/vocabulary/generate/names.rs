//! Converts names on the wire to names in Rust.

/// Returns `BlockdevAdd` for `blockdev-add`, `BlockJobCompleted` for `BLOCK_JOB_COMPLETED`.
pub(super) fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for word in name.split(['-', '_', '.', ':', '+']).filter(|word| !word.is_empty()) {
        let is_digit = |it: char| it.is_ascii_digit();
        if word.starts_with(is_digit) && (camel.is_empty() || camel.ends_with(is_digit)) {
            camel.push('_');
        }
        let shouted = word.len() > 1 && name.contains('_') && name == name.to_ascii_uppercase();
        let (first, rest) = word.split_at(1);
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(&if shouted { rest.to_ascii_lowercase() } else { rest.to_owned() });
    }
    camel
}

/// Returns `Stop` for the event `STOP`.
pub(super) fn event(name: &str) -> String {
    camel(&name.to_ascii_lowercase())
}

/// Returns `node_name` for `node-name`, `r#type` for `type`.
pub(super) fn snake(name: &str) -> String {
    let name = name.replace(['-', '.'], "_").to_ascii_lowercase();
    if KEYWORDS.contains(&name.as_str()) {
        return format!("r#{name}");
    }
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The variant for all values that are not listed.
pub(super) fn other<'v>(mut values: impl Iterator<Item = &'v str>) -> &'static str {
    if values.any(|value| camel(value) == "Other") { "Unlisted" } else { "Other" }
}

/// The keywords that can be raw identifiers.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "use", "virtual", "where",
    "while",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_rust_takes() {
        for (name, expected) in [
            ("blockdev-add", "BlockdevAdd"),
            ("device_add", "DeviceAdd"),
            ("x-blockdev-change", "XBlockdevChange"),
            ("x86_64", "X86_64"),
            ("3des", "_3des"),
            ("GenericError", "GenericError"),
            ("io_uring", "IoUring"),
            ("guest-get-vcpus", "GuestGetVcpus"),
        ] {
            assert_eq!(camel(name), expected);
        }
        assert_eq!(event("BLOCK_JOB_COMPLETED"), "BlockJobCompleted");
        assert_eq!(event("STOP"), "Stop");
        for (name, expected) in [("node-name", "node_name"), ("type", "r#type"), ("1st", "_1st")] {
            assert_eq!(snake(name), expected);
        }
    }
}
