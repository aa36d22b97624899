//! Single files of Debian's pool, by name and checksum.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::mirror;
use crate::process;

/// Part of apt; it checks the checksum of its download.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// Downloads `pool/<folder>/<name>` unless `to` is that file already.
///
/// Fails if the mirror does not have the file, or has a different file of that name.
pub(crate) fn fetch(folder: &str, name: &str, sha256: &str, to: &Path) -> Result<()> {
    if to.exists() && checksum(to)? == sha256 {
        return Ok(());
    }
    let Some(mirror) = mirror::find()? else { bail!("this machine has no Debian mirror") };
    let name = name.replace('+', "%2b").replace('~', "%7e");
    let uri = format!("{}/pool/{folder}/{name}", mirror.trim_end_matches('/'));
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    // As root, apt would download as its own user, who may not be able to write here.
    process::read(
        Command::new(HELPER).args(["-o", "APT::Sandbox::User=root", "download-file"]).args([
            &uri,
            &to.display().to_string(),
            &format!("SHA256:{sha256}"),
        ]),
    )?;
    Ok(())
}

fn checksum(file: &Path) -> Result<String> {
    let line = process::read(Command::new("sha256sum").arg(file))?;
    Ok(line.split_whitespace().next().unwrap_or_default().to_owned())
}
