//! Extracts `facts.txt` from QEMU's schema files. Of their comments only version numbers are used.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::merge::{self, Manual, Release};
use super::qapi::{Kind, Schema};
use super::sources::SOURCES;

/// Returns the facts of all versions in the table.
pub(super) fn distil() -> Result<String> {
    let (mut system, mut agent) = (Vec::new(), Vec::new());
    let (mut system_manual, mut agent_manual) = (Manual::new(), Manual::new());
    for source in &SOURCES {
        let folder = source.schema_files()?;
        let version = source.version.to_owned();
        system.push(Release {
            version: version.clone(),
            schema: Schema::read(&folder.join("qapi/qapi-schema.json"))?,
            daemon: roots(&folder.join("storage-daemon/qapi/qapi-schema.json"))?,
        });
        agent.push(Release {
            version: version.clone(),
            schema: Schema::read(&folder.join("qga/qapi-schema.json"))?,
            daemon: BTreeSet::new(),
        });
        if let Some([page, _, agent_page]) = source.manual()? {
            add_anchors(&mut system_manual, &page, "-QMP-", &version);
            add_anchors(&mut agent_manual, &agent_page, "-QGA-", &version);
        }
    }
    let versions: Vec<&str> = SOURCES.iter().map(|source| source.version).collect();
    let mut text = format!("versions {}\n", versions.join(" "));
    text += &merge::facts(&system, &merge::merge(&system)?, &system_manual);
    text += &merge::facts(&agent, &merge::merge(&agent)?, &agent_manual);
    Ok(text)
}

/// Returns the names of the commands and events of a program.
fn roots(file: &Path) -> Result<BTreeSet<String>> {
    let schema = Schema::read(file)?;
    let is_root = |kind: &Kind| matches!(kind, Kind::Command(_) | Kind::Event(_));
    let roots = schema.definitions.into_iter().filter(|it| is_root(&it.kind));
    Ok(roots.map(|it| it.name).collect())
}

/// Records where a page of the manual has each item: `id="command-QMP-block-core.blockdev-add"`.
fn add_anchors(manual: &mut Manual, page: &str, program: &str, version: &str) {
    for id in page.split("id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let Some((kind, place)) = id.split_once(program) else { continue };
        if !["command", "event", "object", "enum", "alternate"].contains(&kind) {
            continue;
        }
        if let Some((module, name)) = place.split_once('.') {
            manual.insert(name.to_owned(), (version.to_owned(), module.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_of_a_page_are_found() {
        let mut manual = Manual::new();
        let page = "<dt id=\"command-QMP-block-core.blockdev-add\"><h2 id=\"module-QMP-x\">\
                    <dt id=\"event-QMP-run-state.STOP\">";
        add_anchors(&mut manual, page, "-QMP-", "11.1");
        let found: Vec<_> = manual.keys().map(String::as_str).collect();
        assert_eq!(found, ["STOP", "blockdev-add"]);
        assert_eq!(manual["STOP"], ("11.1".into(), "run-state".into()));
    }
}
