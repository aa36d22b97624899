//! Completion with the cursor at every position of lines that people write.
//!
//! `golden.txt` has the candidates of each prefix, where they differ from those of the prefix before:
//! the first four, and how many more there are. With `QMP_WRITE_GOLDEN` set, the test writes the
//! file; its difference is then for a person to read.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::complete::{Candidates, complete};
use crate::config::Config;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/complete/golden.txt");

const LINES: [&str; 40] = [
    "vm1 query-status",
    "vm1 st",
    "-p vm1 query-block -q .[0]",
    "--color never vm1 stop",
    "vm1 --timeout 10s cont",
    "vm1 device_del id=net0",
    "vm1 device_add driver=virtio-net-pci id=net1 bus=pci.0",
    "vm1 blockdev-add driver=qcow2 node-name=d0 file.driver=file file.filename=/x.qcow2",
    "vm1 blockdev-add driver=nbd server.type=unix server.path=/nbd",
    "vm1 blockdev-add driver=raw read-only=true cache.direct=on discard=unmap",
    "vm1 blockdev-add driver=luks key-secret=s0 file=d1",
    "vm1 blockdev-backup device=d0 target=d1 sync=full job-id=j0 auto-dismiss=false",
    "vm1 blockdev-mirror device=d0 target=d1 sync=top copy-mode=write-blocking",
    "vm1 blockdev-snapshot node=d0 overlay=d1",
    "vm1 block-commit device=d0 job-id=j1 on-error=report",
    "vm1 block-stream device=d0 base-node=d1",
    "vm1 block-dirty-bitmap-add node=d0 name=b0 persistent=true",
    "vm1 block-export-add type=nbd id=e0 node-name=d0 writable=true",
    "vm1 block_resize node-name=d0 size=10G",
    "vm1 chardev-add id=c0 backend.type=socket backend.data.addr.type=unix",
    "vm1 chardev-remove id=c0",
    "vm1 job-complete id=j0",
    "vm1 migrate uri=unix:/run/m channels[].channel-type=main",
    "vm1 migrate-set-capabilities capabilities[].capability=events capabilities[0].state=true",
    "vm1 migrate-set-parameters max-bandwidth=1G multifd-compression=zstd",
    "vm1 netdev_add type=user id=n0 restrict=on",
    "vm1 object-add qom-type=iothread id=io0",
    "vm1 object-add qom-type=secret id=s0 data=x format=base64",
    "vm1 query-named-block-nodes flat=true",
    "vm1 screendump filename=/tmp/x.png format=png",
    "vm1 send-key keys[].type=qcode keys[0].data=ctrl",
    "vm1 set_password protocol=vnc password=x connected=keep",
    "vm1 transaction actions[].type=blockdev-snapshot-sync actions[0].data.node-name=d0",
    "vm1 events DEVICE_DELETED --until STOP",
    "vm1 wait JOB_STATUS_CHANGE -- job-dismiss id=j0",
    "vm1 hmp info block",
    "vm1 raw query-name",
    "--agent vm1 guest-exec path=/bin/ls arg[]=-l capture-output=true",
    "vm1 guest-set-user-password username=root password=x crypted=false",
    "completions zsh",
];

fn shown(candidates: &Candidates) -> String {
    let texts: Vec<_> = candidates.list.iter().map(|it| it.text.as_str()).collect();
    let (first, others) = texts.split_at(texts.len().min(4));
    let mut shown = first.join("  ");
    if !others.is_empty() {
        let _ = write!(shown, "  +{}", others.len());
    }
    if candidates.files || candidates.paths {
        shown.push_str("  [files]");
    }
    shown
}

#[test]
fn candidates_at_every_position_are_those_that_were_read() {
    let config: Config =
        toml::from_str("targets.vm1 = \"/x\"\nalias.st = \"query-status\"").unwrap();
    let mut golden = String::new();
    // Many lines begin alike.
    let mut known = HashMap::new();
    for line in LINES {
        let _ = writeln!(golden, "# {line}");
        let mut last = None;
        for end in 0..=line.len() {
            let shown = known.entry(&line[..end]).or_insert_with_key(|prefix| {
                let words: Vec<_> = prefix.split(' ').map(str::to_owned).collect();
                shown(&complete(&words, &config))
            });
            if last.as_ref() != Some(shown) {
                let _ = writeln!(golden, "{}| {shown}", &line[..end]);
            }
            last = Some(shown.clone());
        }
    }
    if std::env::var_os("QMP_WRITE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &golden).unwrap();
    }
    let expected = include_str!("golden.txt");
    for (now, expected) in golden.lines().zip(expected.lines()) {
        assert_eq!(now, expected);
    }
    assert_eq!(golden.lines().count(), expected.lines().count());
}
