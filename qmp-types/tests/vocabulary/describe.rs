//! Descriptions compared with the facts, with a recorded schema and with random arguments.

use std::collections::BTreeSet;

use qmp_types::describe::{BuiltIn, Kind, Object, Vocabulary};
use serde_json::{Value, json};

use crate::conformance::recorded;
use crate::facts::{self, Facts};
use crate::forward::TEXT;
use crate::maker::{How, Maker};

fn members(object: &Object) -> BTreeSet<&str> {
    object.members.iter().map(|member| member.name.as_str()).collect()
}

fn arguments(vocabulary: &impl Vocabulary, command: &str) -> Object {
    match vocabulary.describe(command).unwrap().kind {
        Kind::Command { arguments, .. } => arguments,
        other => panic!("{command}: {other:?}"),
    }
}

#[test]
fn a_schema_describes_commands_as_the_built_in_vocabulary_does() {
    let live = recorded();
    let (mut count, mut branches) = (0, 0);
    for command in live.commands() {
        let (known, live) = (arguments(&BuiltIn, command), arguments(&live, command));
        assert!(members(&known).is_superset(&members(&live)), "{command}");
        assert_eq!(known.tag.is_some(), known.tag.is_some() && !known.branches.is_empty());
        if live.tag.is_some() {
            assert_eq!(known.tag, live.tag, "{command}");
        }
        for branch in &live.branches {
            let same = known.branches.iter().find(|it| it.value == branch.value).unwrap();
            assert!(members(&same.object).is_superset(&members(&branch.object)), "{command}");
            branches += 1;
        }
        count += 1;
    }
    assert!(count > 200 && branches > 80, "{count} {branches}");
    assert!(live.events().iter().all(|event| {
        let known = BuiltIn.describe(event).map(|it| it.kind);
        matches!(known, Some(Kind::Event(_)))
    }));
}

/// Calls `check` with random arguments for each command.
fn each(mut check: impl FnMut(&str, &Value)) {
    let facts = Facts::read(TEXT);
    for item in facts.items.iter().filter(|item| item.kind == facts::Kind::Command) {
        for seed in 0..2 {
            let value = Maker { facts: &facts, how: How::Full, seed }.item(item, 0);
            check(item.name, &value);
        }
    }
}

#[test]
fn accepts_arguments_made_from_the_facts() {
    let mut count = 0;
    each(|command, value| {
        let checked = BuiltIn.check_arguments(command, value);
        assert!(checked.is_ok(), "{command} {value}: {checked:?}");
        count += 1;
    });
    assert!(count >= 2 * 300, "{count}");
}

#[test]
fn reports_an_error_in_arguments_in_qemus_words() {
    let (mut unexpected, mut wrong, mut missing) = (0, 0, 0);
    each(|command, value| {
        let said = |value: &Value| match BuiltIn.check_arguments(command, value) {
            Err(error) => error.to_string(),
            Ok(()) => panic!("{command} {value} passes"),
        };
        let object = arguments(&BuiltIn, command);
        let mut more = value.clone();
        more["left-out"] = json!(1);
        if !object.open {
            assert_eq!(said(&more), "Parameter 'left-out' is unexpected");
            unexpected += 1;
        }
        for member in object.members.iter().filter(|member| member.required) {
            let mut less = value.clone();
            less.as_object_mut().unwrap().remove(&member.name);
            assert_eq!(said(&less), format!("Parameter '{}' is missing", member.name));
            missing += 1;
        }
        for name in value.as_object().unwrap().keys() {
            // No argument accepts a list of lists.
            let mut other = value.clone();
            other[name] = json!([[1]]);
            let known = object.members.iter().any(|member| member.name == *name);
            // A member that accepts any value cannot have a wrong one.
            if known && BuiltIn.check_arguments(command, &other).is_err() {
                let said = said(&other);
                let is_type = said.starts_with("Invalid parameter type for '")
                    || said.starts_with("Parameter '") && said.ends_with("' expects uint64");
                assert!(is_type, "{command} {other}: {said}");
                wrong += 1;
            }
        }
    });
    assert!(unexpected > 500 && wrong > 1000 && missing > 250, "{unexpected} {wrong} {missing}");
}
