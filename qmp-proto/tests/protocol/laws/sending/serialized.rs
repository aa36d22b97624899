//! Arguments of any type that implements `Serialize`.

use proptest::collection::vec;
use proptest::prelude::*;
use qmp_proto::{OwnedArguments, Request};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{config, peer, read_one};
use crate::generators::text;

/// Implementations of `Serialize`, including invalid ones.
#[derive(Clone, Debug)]
enum Hostile {
    Null,
    Bool(bool),
    Float(f64),
    Small(f32),
    Huge(u128),
    Negative(i128),
    Text(String),
    Char(char),
    Bytes(Vec<u8>),
    Raw(Box<serde_json::value::RawValue>),
    List(Vec<Self>),
    /// A map with any names, including duplicates.
    Map(Vec<(Key, Self)>),
    Variant(Box<Self>),
    Deep(u16, Box<Self>),
    Fails,
}

#[derive(Clone, Debug)]
enum Key {
    Text(String),
    Number(i64),
    Float(f64),
    Bool(bool),
    Char(char),
    Unit,
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Number(number) => to.serialize_i64(*number),
            Self::Float(number) => to.serialize_f64(*number),
            Self::Bool(it) => to.serialize_bool(*it),
            Self::Char(it) => to.serialize_char(*it),
            Self::Unit => to.serialize_unit(),
        }
    }
}

impl Serialize for Hostile {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_none(),
            Self::Bool(it) => to.serialize_bool(*it),
            Self::Float(number) => to.serialize_f64(*number),
            Self::Small(number) => to.serialize_f32(*number),
            Self::Huge(number) => to.serialize_u128(*number),
            Self::Negative(number) => to.serialize_i128(*number),
            Self::Text(text) => to.serialize_str(text),
            Self::Char(it) => to.serialize_char(*it),
            Self::Bytes(bytes) => to.serialize_bytes(bytes),
            Self::Raw(raw) => raw.serialize(to),
            Self::List(all) => {
                let mut list = to.serialize_seq(None)?;
                all.iter().try_for_each(|it| list.serialize_element(it))?;
                list.end()
            }
            Self::Map(all) => {
                let mut map = to.serialize_map(None)?;
                all.iter().try_for_each(|(key, it)| map.serialize_entry(key, it))?;
                map.end()
            }
            Self::Variant(it) => to.serialize_newtype_variant("E", 0, "variant", it),
            Self::Deep(0, inner) => inner.serialize(to),
            Self::Deep(levels, inner) => {
                let mut list = to.serialize_seq(Some(1))?;
                list.serialize_element(&Self::Deep(levels - 1, inner.clone()))?;
                list.end()
            }
            Self::Fails => Err(serde::ser::Error::custom("it fails")),
        }
    }
}

fn hostile() -> impl Strategy<Value = Hostile> {
    let raw = text().prop_filter_map("no JSON", |text| {
        serde_json::value::RawValue::from_string(text).ok().map(Hostile::Raw)
    });
    let leaf = prop_oneof![
        Just(Hostile::Null),
        any::<bool>().prop_map(Hostile::Bool),
        any::<f64>().prop_map(Hostile::Float),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, -0.0, 5e-324, 1e300])
            .prop_map(Hostile::Float),
        any::<f32>().prop_map(Hostile::Small),
        any::<u128>().prop_map(Hostile::Huge),
        any::<i128>().prop_map(Hostile::Negative),
        any::<String>().prop_map(Hostile::Text),
        "[\\x00-\\x1F\"\\\\\\x7F\u{FFFD}-\u{FFFF}]{0,3}".prop_map(Hostile::Text),
        any::<char>().prop_map(Hostile::Char),
        vec(any::<u8>(), 0..4).prop_map(Hostile::Bytes),
        raw,
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            2 => vec(inner.clone(), 0..4).prop_map(Hostile::List),
            4 => vec((key(), inner.clone()), 0..4).prop_map(Hostile::Map),
            1 => inner.clone().prop_map(|it| Hostile::Variant(it.into())),
            1 => (0_u16..8, inner).prop_map(|(levels, it)| Hostile::Deep(levels, it.into())),
        ]
    });
    prop_oneof![
        1 => value.clone(),
        1 => Just(Hostile::Fails),
        8 => vec((key(), value), 0..4).prop_map(Hostile::Map),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        6 => "[a-z]{0,3}".prop_map(Key::Text),
        1 => any::<String>().prop_map(Key::Text),
        1 => (-3_i64..3).prop_map(Key::Number),
        1 => any::<f64>().prop_map(Key::Float),
        1 => any::<bool>().prop_map(Key::Bool),
        1 => any::<char>().prop_map(Key::Char),
        1 => Just(Key::Unit),
    ]
}

fn sends(value: &Hostile) -> Result<bool, TestCaseError> {
    let Ok(arguments) = OwnedArguments::serialize(value) else { return Ok(false) };
    let mut peer = peer();
    peer.send(Request::new("x").arguments(arguments.as_arguments()), 0).unwrap();
    let message = read_one(&peer.wire.bytes)?;
    let arguments = message.member("arguments").map(<[u8]>::trim_ascii);
    prop_assert_eq!(message.names().len(), if arguments.is_some() { 3 } else { 2 });
    if let Some(arguments) = arguments {
        let meant = serde_json::to_vec(value).unwrap();
        prop_assert_eq!(arguments, meant.trim_ascii());
    }
    Ok(true)
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn arguments_of_any_type_are_one_message(value in hostile()) {
        sends(&value)?;
    }
}

#[test]
fn the_depth_limit_is_that_of_the_server() {
    let work = || {
        for (levels, sent) in [(1022, true), (1023, false), (3000, false)] {
            let deep = Hostile::Deep(levels, Hostile::Bool(true).into());
            let value = Hostile::Map(vec![(Key::Text("a".into()), deep)]);
            assert_eq!(sends(&value).unwrap(), sent, "{levels}");
        }
    };
    // Serializing recurses, and this type needs much stack per level.
    let thread = std::thread::Builder::new().stack_size(64 * 1024 * 1024);
    thread.spawn(work).unwrap().join().unwrap();
}

#[test]
fn duplicate_members_and_unserializable_values_are_refused() {
    let twice =
        Hostile::Map(vec![(Key::Number(1), Hostile::Null), (Key::Text("1".into()), Hostile::Null)]);
    assert!(!sends(&twice).unwrap());
    for value in [
        Hostile::Fails,
        Hostile::List(vec![]),
        Hostile::Text("x".into()),
        Hostile::Map(vec![(Key::Unit, Hostile::Null)]),
        Hostile::Map(vec![(Key::Text("\u{FFFF}".into()), Hostile::Null)]),
    ] {
        assert!(!sends(&value).unwrap(), "{value:?}");
    }
    let fine = Hostile::Map(vec![(Key::Float(1.5), Hostile::Float(f64::NAN))]);
    assert!(sends(&fine).unwrap());
    assert!(sends(&Hostile::Null).unwrap() && sends(&Hostile::Map(vec![])).unwrap());
}
