//! Counts lines of code.

/// Returns the number of lines that are not blank, not a comment and not part of a test module.
pub(super) fn code_lines(text: &str) -> usize {
    let mut lines = 0;
    // The indentation of the test module that the line is part of.
    let mut tests: Option<usize> = None;
    let mut attribute = None;
    for line in text.lines() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if let Some(at) = tests {
            if indent == at && code.starts_with('}') {
                tests = None;
            }
            continue;
        }
        if code.starts_with("#[cfg(test)]") {
            attribute = Some(indent);
            continue;
        }
        if attribute.is_some() && (code.starts_with("#[") || code.is_empty()) {
            continue;
        }
        if let Some(at) = attribute.take() {
            if code.ends_with('{') {
                tests = Some(at);
            }
            continue;
        }
        lines += usize::from(!code.is_empty() && !code.starts_with("//"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_comments_and_tests_are_no_code() {
        let text = "//! About.\n\nuse std::fmt;\n\n/// Doc.\nfn f() {\n    // why\n    g();\n}\n\n\
                    #[cfg(test)]\n#[cfg(unix)]\nmod tests;\n\n#[cfg(test)]\nmod more {\n    fn h() \
                    {\n    }\n}\n\nfn after() {}\n";
        assert_eq!(code_lines(text), 5);
    }
}
