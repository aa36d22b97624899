//! Manual pages.

use std::path::Path;
use std::{fs, io};

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli;
use crate::exit::Failure;
use crate::show;

/// Writes qmp(1) to stdout, or all pages to a folder.
///
/// # Errors
///
/// Returns an error if they cannot be written.
pub(crate) fn write(folder: Option<&Path>) -> Result<(), Failure> {
    let Some(folder) = folder else {
        let page = render(cli::Top::command()).map_err(|error| Failure::output(&error))?;
        return show::write(&page);
    };
    let written = || {
        fs::create_dir_all(folder)?;
        for command in [
            cli::Top::command(),
            cli::Events::command(),
            cli::Wait::command(),
            cli::Hmp::command(),
            cli::Completions::command(),
            cli::Man::command(),
        ] {
            let file = folder.join(format!("{}.1", command.get_name()));
            fs::write(file, render(command)?)?;
        }
        Ok(())
    };
    let failed = |error: io::Error| {
        Failure::usage(format!("cannot write the pages to {}: {error}", folder.display()))
    };
    written().map_err(failed)
}

fn render(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.disable_help_subcommand(true)).render(&mut page)?;
    Ok(page)
}
