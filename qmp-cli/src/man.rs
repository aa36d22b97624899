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
            cli::Doctor::command(),
            cli::Launch::command(),
            cli::Ls::command(),
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
    let extra = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.disable_help_subcommand(true));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend(sections(&extra).bytes());
    Ok(page)
}

/// Writes tables under headings as sections, in which lines stay lines.
fn sections(text: &str) -> String {
    let mut page = String::new();
    for line in text.lines() {
        match line.strip_suffix(':').filter(|heading| !heading.starts_with(' ')) {
            Some(heading) => {
                if !page.is_empty() {
                    page.push_str(".fi\n");
                }
                page.push_str(&format!(".SH \"{}\"\n.nf\n", heading.to_uppercase()));
            }
            None if line.is_empty() => {}
            None => {
                // A line that begins with a dot or an apostrophe would be a request.
                page.push_str("\\&");
                page.push_str(&line.replace('\\', "\\e").replace('-', "\\-"));
                page.push('\n');
            }
        }
    }
    if !page.is_empty() {
        page.push_str(".fi\n");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keep_their_lines() {
        let page = sections("Exit codes:\n  0    done\n\nFiles:\n  a\\.b  -x\n");
        let expected = ".SH \"EXIT CODES\"\n.nf\n\\&  0    done\n.fi\n.SH \"FILES\"\n.nf\n\\&  a\\e.b  \\-x\n.fi\n";
        assert_eq!(page, expected);
    }
}
