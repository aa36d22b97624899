//! Command lines of the human monitor.

/// Commands without secret arguments. The line of any other command is masked.
pub(super) const HARMLESS: [&str; 41] = [
    "?",
    "announce_self",
    "balloon",
    "block_job_cancel",
    "block_job_complete",
    "block_job_pause",
    "block_job_resume",
    "block_resize",
    "boot_set",
    "c",
    "chardev-remove",
    "commit",
    "cont",
    "cpu",
    "delvm",
    "device_del",
    "drive_del",
    "eject",
    "gdbserver",
    "help",
    "info",
    "loadvm",
    "memsave",
    "migrate_cancel",
    "migrate_continue",
    "migrate_pause",
    "netdev_del",
    "nmi",
    "object_del",
    "pmemsave",
    "print",
    "q",
    "qom-list",
    "quit",
    "savevm",
    "screendump",
    "set_link",
    "stop",
    "system_reset",
    "x",
    "xp",
];

/// Returns whether a line is one command without secret arguments.
pub(super) fn is_harmless(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    HARMLESS.iter().any(|command| command.as_bytes() == first)
        && !line.iter().any(u8::is_ascii_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_commands_are_harmless() {
        for line in ["info block", " info  block", "stop", "x /4i $pc"] {
            assert!(is_harmless(line.as_bytes()), "{line}");
        }
        for line in ["", " ", "information", "change vnc password x", "info block\nchange vnc"] {
            assert!(!is_harmless(line.as_bytes()), "{line}");
        }
    }
}
