//! The memory that a program takes, by crate.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind, SymbolKind, elf};

/// Sizes in bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Code, constants and the initial values of variables: the content of flash.
    pub(super) flash: u64,
    /// Variables: RAM used besides the stack.
    pub(super) variables: u64,
    /// Functions of qmp-proto that were not inlined.
    pub(super) proto: u64,
    /// Functions of memchr.
    pub(super) memchr: u64,
}

impl Sizes {
    pub(super) fn of(program: &Path) -> Result<Self> {
        let file = || program.display().to_string();
        let bytes = std::fs::read(program).with_context(file)?;
        let object = object::File::parse(&*bytes).with_context(file)?;
        let mut sizes = Self::default();
        for section in object.sections() {
            let SectionFlags::Elf { sh_flags: flags } = section.flags() else { continue };
            // Space that is only reserved, such as a stack, has none of these names.
            let empty = section.kind() == SectionKind::UninitializedData;
            if flags & u64::from(elf::SHF_ALLOC) == 0 || empty && section.name() != Ok(".bss") {
                continue;
            }
            if !empty {
                sizes.flash += section.size();
            }
            if flags & u64::from(elf::SHF_WRITE) != 0 {
                sizes.variables += section.size();
            }
        }
        for symbol in object.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
            // Without the hashes of the crates.
            let name = format!("{:#}", rustc_demangle::demangle(symbol.name()?));
            match whose(&name) {
                Some("qmp_proto") => sizes.proto += symbol.size(),
                Some("memchr") => sizes.memchr += symbol.size(),
                _ => {}
            }
        }
        Ok(sizes)
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flash, variables, proto, memchr } = self;
        write!(
            f,
            "{flash} bytes of code and constants, {variables} of variables; \
             functions of qmp-proto {proto}, of memchr {memchr}"
        )
    }
}

/// Returns the crate of a function: the first one in its name, or, if that is `core`, the crate
/// whose types and closures the function was instantiated for.
fn whose(name: &str) -> Option<&'static str> {
    const CRATES: [&str; 2] = ["qmp_proto", "memchr"];
    let path = name.trim_start_matches(['<', '&', '_']);
    let first = path.split("::").next().unwrap_or_default();
    match CRATES.into_iter().find(|name| *name == first) {
        None if first == "core" => {
            CRATES.into_iter().find(|krate| name.contains(&format!("{krate}::")))
        }
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_of_the_crate_that_it_was_written_in_or_made_for() {
        for (name, krate) in [
            ("<qmp_proto::client::Client<monitor::Mark, 4>>::handle_input", Some("qmp_proto")),
            ("qmp_proto::wire::split::split", Some("qmp_proto")),
            ("<core::option::Option<qmp_proto::json::Member>>::and_then", Some("qmp_proto")),
            ("memchr::arch::generic::memchr", Some("memchr")),
            ("<bare_metal::line::Line<qmp_proto::Reply>>::hear", None),
            ("core::fmt::write", None),
        ] {
            assert_eq!(whose(name), krate, "{name}");
        }
    }

    #[test]
    fn this_very_program_has_code() {
        let sizes = Sizes::of(&std::env::current_exe().unwrap()).unwrap();
        assert!(sizes.flash > 100_000 && sizes.variables > 0, "{sizes}");
    }
}
