//! `query-version`, and other small commands.

use serde::{Deserialize, Serialize};

use crate::Failure;

#[derive(Debug, Deserialize)]
pub struct Version {
    pub qemu: Numbers,
    pub package: String,
}

#[derive(Debug, Deserialize)]
pub struct Numbers {
    pub major: u32,
    pub minor: u32,
    pub micro: u32,
}

impl Version {
    /// Any real one is accepted.
    pub fn check(&self) -> Result<(), Failure> {
        if self.qemu.major < 2 { Err("this is no version of QEMU".into()) } else { Ok(()) }
    }
}

#[derive(Debug, Serialize)]
pub struct QuerySchema;

/// The fake server's own command: returns a string of the given length.
#[derive(Debug, Serialize)]
pub struct XString {
    pub size: usize,
}

#[cfg(feature = "qmp")]
pub use commands::Check;

#[cfg(feature = "qmp")]
mod commands {
    use qmp_proto::Command;

    use super::{QuerySchema, XString};
    use crate::{Failure, SchemaInfo};

    /// Any real version is accepted.
    pub trait Check {
        fn check(&self) -> Result<(), Failure>;
    }

    impl Check for qmp_types::VersionInfo {
        fn check(&self) -> Result<(), Failure> {
            if self.qemu.major < 2 { Err("this is no version of QEMU".into()) } else { Ok(()) }
        }
    }

    impl Command for QuerySchema {
        const NAME: &'static str = "query-qmp-schema";
        type Output = Vec<SchemaInfo>;
    }

    impl Command for XString {
        const NAME: &'static str = "x-string";
        type Output = String;
    }
}
