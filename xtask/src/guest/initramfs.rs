//! The content of a guest: busybox, the modules, the agent with its libraries, and a script.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cpio::newc::{Builder, ModeFileType, trailer};

use super::kernel::Kernel;
use crate::debian::Tree;
use crate::process;

/// The modules that the guest needs in addition to its kernel.
const MODULES: [&str; 4] = ["virtio_pci", "virtio_console", "virtio_blk", "virtio_rng"];

const FOLDERS: [&str; 10] =
    ["bin", "dev", "lib", "lib64", "modules", "proc", "run", "sbin", "sys", "tmp"];

const INIT: &str = include_str!("init.sh");

/// The programs that agents call to shut a guest down, depending on the version.
const POWER: [&str; 4] = ["halt", "poweroff", "reboot", "shutdown"];

/// An archive that Linux unpacks into its initial file system. It is not compressed: an emulated
/// guest takes longer to decompress it than to read it.
pub(super) fn build(kernel: &Kernel, tree: &Tree) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in FOLDERS {
        archive.add(folder, ModeFileType::Directory, 0o755, &[])?;
    }
    archive.copy("bin/busybox", &kernel.busybox())?;
    archive.program("init", INIT)?;
    for name in POWER {
        archive.program(&format!("sbin/{name}"), &power(name))?;
    }
    let mut order = String::new();
    for module in kernel.modules(&MODULES)? {
        let name = module.file_name().unwrap_or_default().to_string_lossy().into_owned();
        archive.copy(&format!("modules/{name}"), &module)?;
        order += &format!("{name}\n");
    }
    archive.add("modules/order", ModeFileType::Regular, 0o644, order.as_bytes())?;
    let agent = tree.root().join("usr/sbin/qemu-ga");
    archive.copy("bin/qemu-ga", &agent)?;
    archive.copy("lib64/ld-linux-x86-64.so.2", &tree.root().join(tree.loader()?))?;
    for library in libraries(tree, &agent)? {
        let name = library.file_name().unwrap_or_default().to_string_lossy().into_owned();
        archive.copy(&format!("lib/{name}"), &library)?;
    }
    archive.finish()
}

/// A script instead of busybox's own program, which would signal its init, and init is a script
/// here.
fn power(name: &str) -> String {
    let by_option = "case \" $* \" in *' -r '*) what=reboot ;; *' -H '*) what=halt ;; \
                     *) what=poweroff ;; esac";
    let what = match name {
        "shutdown" => by_option.to_owned(),
        name => format!("what={name}"),
    };
    format!("#!/bin/busybox sh\n{what}\necho \"guest: $0 $*\" >/dev/ttyS0\nexec busybox $what -f\n")
}

/// Returns the files of the tree that a program is linked with, as found by the tree's own loader.
fn libraries(tree: &Tree, program: &Path) -> Result<Vec<PathBuf>> {
    let root = tree.root();
    let mut list = Command::new(root.join(tree.loader()?));
    list.args(["--inhibit-cache", "--library-path"]).arg(root.join(tree.library_dir()?));
    list.arg("--list");
    let list = process::read(list.arg(program))?;
    Ok(list.lines().filter_map(library).collect())
}

/// Returns the file in a line such as `libz.so.1 => /tree/lib/libz.so.1 (0x00007f00)`.
fn library(line: &str) -> Option<PathBuf> {
    let (_, file) = line.split_once("=> ")?;
    Some(file.rsplit_once(" (")?.0.into())
}

#[derive(Default)]
struct Archive {
    content: Vec<u8>,
    count: u32,
}

impl Archive {
    fn add(&mut self, name: &str, kind: ModeFileType, mode: u32, content: &[u8]) -> Result<()> {
        self.count += 1;
        let entry = Builder::new(name).ino(self.count).nlink(1).mode(mode);
        let size = u32::try_from(content.len())?;
        let mut entry = entry.set_mode_file_type(kind).write(&mut self.content, size);
        entry.write_all(content)?;
        entry.finish()?;
        Ok(())
    }

    fn program(&mut self, name: &str, text: &str) -> Result<()> {
        self.add(name, ModeFileType::Regular, 0o755, text.as_bytes())
    }

    fn copy(&mut self, name: &str, file: &Path) -> Result<()> {
        let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        self.add(name, ModeFileType::Regular, 0o755, &content)
    }

    fn finish(self) -> Result<Vec<u8>> {
        Ok(trailer(self.content)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_names_the_files_of_libraries() {
        let line = "\tlibz.so.1 => /some tree/lib/libz.so.1 (0x00007f0012345000)";
        assert_eq!(library(line), Some("/some tree/lib/libz.so.1".into()));
        assert_eq!(library("\tlinux-vdso.so.1 (0x00007ffd00000000)"), None);
        assert_eq!(library("\t/tree/ld-linux-x86-64.so.2 (0x00007f00123f0000)"), None);
    }

    #[test]
    fn an_archive_can_be_read_again() {
        let mut archive = Archive::default();
        archive.add("folder", ModeFileType::Directory, 0o755, &[]).unwrap();
        archive.program("folder/program", "#!/bin/sh\n").unwrap();
        let content = archive.finish().unwrap();
        let mut rest = &content[..];
        let mut entries = Vec::new();
        loop {
            let entry = cpio::newc::Reader::new(rest).unwrap();
            let (name, mode) = (entry.entry().name().to_owned(), entry.entry().mode());
            let trailer = entry.entry().is_trailer();
            rest = entry.finish().unwrap();
            if trailer {
                break;
            }
            entries.push((name, mode));
        }
        assert_eq!(entries, [("folder".into(), 0o040_755), ("folder/program".into(), 0o100_755)]);
    }
}
