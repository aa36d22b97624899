//! Two versions of a schema, merged.

use std::collections::BTreeSet;
use std::fs;

use super::{Manual, Release, facts, merge};
use crate::vocabulary::qapi::Schema;
use crate::workspace;

const OLD: &str = r"
##
# @do-it:
#
# Since: 1.0
##
{ 'command': 'do-it', 'data': { 'how': 'str', '*gone': 'OldName' }, 'returns': 'Job' }
{ 'enum': 'OldName', 'data': [ 'a', 'b' ] }
{ 'command': 'use-it', 'data': { 'it': 'OldName', 'back': 'Backend' } }
{ 'union': 'Backend', 'data': { 'file': 'File' } }
{ 'struct': 'File', 'data': { 'path': 'str' } }
{ 'struct': 'Job', 'data': { 'type': 'str', 'len': 'int', 'policy': 'int' } }
{ 'struct': 'Unused', 'data': { 'x': 'str' } }
";

const NEW: &str = r"
##
# @do-it:
#
# @how: in which way (since 7.0)
#
# Since: 1.0
##
{ 'command': 'do-it', 'data': { 'how': 'How', '*later': 'bool' }, 'returns': 'Job' }
{ 'enum': 'How', 'data': [ 'x' ] }
{ 'command': 'use-it', 'data': { 'it': 'NewName', 'back': 'Backend' }, 'features': [ 'deprecated' ] }
{ 'enum': 'NewName', 'data': [ 'b', { 'name': 'c', 'if': 'CONFIG_C' } ] }
{ 'union': 'Backend', 'base': { 'type': 'BackendKind' }, 'discriminator': 'type',
  'data': { 'file': 'FileWrapper' } }
{ 'enum': 'BackendKind', 'data': [ 'file', 'none' ] }
{ 'struct': 'FileWrapper', 'data': { 'data': 'File' } }
{ 'struct': 'File', 'data': { 'path': 'str' } }
{ 'union': 'Job', 'base': { 'type': 'JobType', 'len': 'uint64' }, 'discriminator': 'type',
  'data': { 'mirror': 'Mirror' } }
{ 'enum': 'JobType', 'data': [ 'mirror' ] }
{ 'struct': 'Mirror', 'data': { 'policy': 'int' } }
";

fn merged(name: &str, old: &str, new: &str) -> anyhow::Result<String> {
    let folder = workspace::target("vocabulary").join("tests").join(name);
    fs::create_dir_all(&folder)?;
    let release = |version: &str, text: &str| {
        let file = folder.join(format!("{version}.json"));
        fs::write(&file, text)?;
        let schema = Schema::read(&file)?;
        anyhow::Ok(Release { version: version.into(), schema, daemon: BTreeSet::new() })
    };
    let releases = [release("5.2", old)?, release("7.2", new)?];
    let text = facts(&releases, &merge(&releases)?, &Manual::new());
    Ok(text
        .lines()
        .filter(|line| !line.starts_with("module") && !line.is_empty())
        .fold(String::new(), |all, line| all + line + "\n"))
}

#[test]
fn renamed_types_are_one_and_moved_members_stand_in_their_branch() {
    let expected = "\
command do-it -> Job since=1.0
. how How
. later bool ? 7.2..
. gone NewName ? ..5.2
command use-it #deprecated@7.2..
. it NewName
. back Backend
union Backend tag=type
. type BackendKind
| file File data
enum BackendKind
= file
= none 7.2..
struct File
. path str
enum How 7.2..
= x
union Job tag=type
. type JobType
. len uint64
| mirror Mirror 7.2..
enum JobType 7.2..
= mirror
struct Mirror 7.2..
. policy int
enum NewName
= b
= c 7.2.. if
= a ..5.2
";
    assert_eq!(merged("renamed", OLD, NEW).unwrap(), expected);
}

#[test]
fn a_change_that_no_rule_covers_is_named() {
    let old = "{ 'command': 'do-it', 'data': { 'how': 'bool' } }";
    let new = "{ 'command': 'do-it', 'data': { 'how': 'int' } }";
    let error = merged("changed", old, new).unwrap_err().to_string();
    assert!(error.contains("5.2: how"), "{error}");
}
