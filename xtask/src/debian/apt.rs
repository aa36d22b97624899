//! apt with private state: its own indexes, and almost nothing installed.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use super::closure::{Closure, planned_packages};
use super::mirror;
use crate::process;

/// The required programs; all belong to Debian's base system.
const NEEDS: [&str; 4] = ["apt-get", "dpkg", "dpkg-deb", "tar"];

/// Packages that are declared as installed: maintainer scripts, which are never run, need them; or
/// they contain a compiler, for which the machine's own is used; or a kernel, which is never
/// installed.
const PRETENDED: [&str; 16] = [
    "adduser",
    "binutils",
    "debconf",
    "dpkg",
    "gcc",
    "init-system-helpers",
    "initramfs-tools",
    "kmod",
    "libc-dev",
    "libpam-modules",
    "linux-base",
    "lsb-base",
    "mount",
    "passwd",
    "perl",
    "perl-base",
];

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// How long a suite's index is used before it is downloaded again.
const INDEX_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The mirror does not have this suite, or no longer has it.
#[derive(Debug)]
pub(crate) struct SuiteGone {
    suite: String,
    mirror: String,
}

impl fmt::Display for SuiteGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "suite {} is no longer offered by {}", self.suite, self.mirror)
    }
}

impl std::error::Error for SuiteGone {}

/// apt with its own indexes and downloads in one folder.
pub(crate) struct Apt {
    dir: PathBuf,
    mirror: String,
    arch: String,
}

impl Apt {
    /// Sets up `dir`, which is kept between runs. Returns `None` on a machine without Debian's
    /// package tools or without a Debian mirror.
    pub(crate) fn open(dir: PathBuf) -> Result<Option<Self>> {
        if NEEDS.iter().any(|program| process::find(program).is_none()) {
            return Ok(None);
        }
        let Some(mirror) = mirror::find()? else {
            return Ok(None);
        };
        let arch = process::read(Command::new("dpkg").arg("--print-architecture"))?;
        let apt = Self {
            dir,
            mirror: mirror.trim_end_matches('/').to_owned(),
            arch: arch.trim().to_owned(),
        };
        for folder in ["lists/partial", "archives/partial"] {
            let folder = apt.dir.join(folder);
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(apt.dir.join("status"), apt.pretended_status())?;
        Ok(Some(apt))
    }

    /// The architecture of the machine, by Debian's name.
    pub(crate) fn architecture(&self) -> &str {
        &self.arch
    }

    /// Resolves `names` and all their dependencies from `suites`, in the order of installation. Of
    /// several suites, the newest version is used only from `release`, if given. Downloads only
    /// indexes.
    pub(crate) fn resolve(
        &self,
        suites: &[&str],
        release: Option<&str>,
        names: &[&str],
    ) -> Result<Closure> {
        for suite in suites {
            self.refresh(suite)?;
        }
        let config = self.configure(&suites.join("+"), suites)?;
        let mut args: Vec<String> = vec!["install".into()];
        args.extend(release.map(|release| format!("--target-release={release}")));
        args.extend(names.iter().map(|name| (*name).to_owned()));
        let plan = process::read(apt_get(&config).args(["--quiet=1", "--simulate"]).args(&args))?;
        Ok(Closure {
            packages: planned_packages(&plan, &self.dir.join("archives")),
            indexes: suites.iter().map(|suite| self.stamp(suite)).collect(),
            config,
            args,
        })
    }

    /// Returns all versions of a package in a suite, newest first, in Debian's format.
    pub(crate) fn versions(&self, suite: &str, name: &str) -> Result<Vec<String>> {
        self.refresh(suite)?;
        let config = self.configure(suite, &[suite])?;
        let mut madison = Command::new("apt-cache");
        madison.arg("--config-file").arg(config).env("LC_ALL", "C").args(["madison", name]);
        let table = process::read(&mut madison)?;
        let versions = table.lines().filter_map(|line| line.split('|').nth(1));
        Ok(versions.map(|version| version.trim().to_owned()).collect())
    }

    /// Returns the file whose age is that of a suite's index.
    fn stamp(&self, suite: &str) -> PathBuf {
        self.dir.join(format!("{suite}.fetched"))
    }

    /// Downloads the index of one suite, unless that was done recently.
    fn refresh(&self, suite: &str) -> Result<()> {
        let stamp = self.stamp(suite);
        let age = fs::metadata(&stamp)
            .and_then(|meta| meta.modified())
            .map(|time| SystemTime::now().duration_since(time).unwrap_or_default());
        if age.as_ref().is_ok_and(|age| *age < INDEX_LIFE) {
            return Ok(());
        }
        let config = self.configure(suite, &[suite])?;
        let output = process::collect(apt_get(&config).args(["--quiet=2", "update"]))?;
        if output.success {
            File::create(&stamp).with_context(|| format!("cannot write {}", stamp.display()))?;
            return Ok(());
        }
        let said = output.stderr.trim_end();
        if ["does not have a Release file", "no longer has a Release file"]
            .iter()
            .any(|words| said.contains(words))
        {
            bail!(SuiteGone { suite: suite.to_owned(), mirror: self.mirror.clone() });
        }
        if age.is_ok() {
            eprintln!("the index of {suite} cannot be fetched, an older one is used:\n{said}");
            return Ok(());
        }
        bail!("cannot fetch the index of {suite} from {}:\n{said}", self.mirror)
    }

    /// Writes apt's configuration for some suites and returns its path.
    fn configure(&self, name: &str, suites: &[&str]) -> Result<PathBuf> {
        let (config, sources) =
            (self.dir.join(format!("{name}.conf")), self.dir.join(format!("{name}.list")));
        let signed_by = if Path::new(KEYRING).exists() {
            format!("[signed-by={KEYRING}] ")
        } else {
            String::new()
        };
        let lines =
            suites.iter().map(|suite| format!("deb {signed_by}{} {suite} main\n", self.mirror));
        fs::write(&sources, lines.collect::<String>())?;
        let (dir, sources, arch) = (self.dir.display(), sources.display(), &self.arch);
        // As root, apt would download as its own user, who may not be able to write here.
        let text = format!(
            r#"Dir::State "{dir}";
Dir::State::lists "{dir}/lists";
Dir::State::status "{dir}/status";
Dir::Cache "{dir}";
Dir::Cache::archives "{dir}/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "{sources}";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
#clear APT::Architectures;
APT::Architecture "{arch}";
APT::Architectures:: "{arch}";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Get::List-Cleanup "false";
#clear APT::Update;
APT::Update::Error-Mode "any";
#clear DPkg;
Acquire::Retries "3";
#clear Acquire::Languages;
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
"#
        );
        fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
        Ok(config)
    }

    fn pretended_status(&self) -> String {
        let entry = |name: &&str| {
            format!(
                "Package: {name}\nStatus: install ok installed\nVersion: 99:9\n\
                 Architecture: {}\nMulti-Arch: foreign\nMaintainer: none <none@invalid>\n\
                 Description: said to be there\n\n",
                self.arch
            )
        };
        PRETENDED.iter().map(entry).collect()
    }
}

pub(super) fn apt_get(config: &Path) -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--config-file").arg(config).env("LC_ALL", "C");
    command
}
