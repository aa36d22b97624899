//! Makes random values of the types in the facts.

use serde_json::{Map, Value, json};

use crate::facts::{Facts, Item, Kind, Part};

/// The kind of values to make.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum How {
    /// All members, with known values.
    Full,
    /// Only the members that every version requires.
    Least,
    /// All members, and values, members and branches that no version has.
    Later,
    /// The members that every build of one version has, with some of the optional ones. The version is
    /// an index.
    Of(usize),
}

pub(crate) struct Maker<'f> {
    pub(crate) facts: &'f Facts<'f>,
    pub(crate) how: How,
    pub(crate) seed: u64,
}

/// Returns a random number below the limit.
pub(crate) fn random(seed: &mut u64, limit: usize) -> usize {
    // Knuth's generator; its upper bits are random enough.
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).unwrap() % limit.max(1)
}

impl Maker<'_> {
    /// Returns a random number below the limit.
    fn pick(&mut self, limit: usize) -> usize {
        random(&mut self.seed, limit)
    }

    /// Returns whether values can contain a part.
    fn has(&self, part: &Part<'_>) -> bool {
        match self.how {
            How::Of(version) => part.versions.has(version) && !part.conditional,
            _ => true,
        }
    }

    fn value(&mut self, of: &str, depth: usize) -> Value {
        if let Some(element) = of.strip_prefix('[').and_then(|of| of.strip_suffix(']')) {
            let count = if depth > 4 { 0 } else { 1 + self.pick(2) };
            return (0..count).map(|_| self.value(element, depth + 1)).collect();
        }
        match of {
            // Also valid as base64.
            "str" => json!("AAAA"),
            "bool" => json!(self.pick(2) == 0),
            "number" => json!(0.5),
            "any" => json!({"a": [1, null]}),
            "null" => Value::Null,
            _ => match self.facts.items.iter().find(|item| item.name == of) {
                Some(item) => self.item(item, depth),
                None => json!(self.pick(100)),
            },
        }
    }

    pub(crate) fn item(&mut self, item: &Item<'_>, depth: usize) -> Value {
        match item.kind {
            Kind::Enum if self.how == How::Later => json!("a-later-value"),
            Kind::Enum => {
                let values: Vec<_> = item.values.iter().filter(|it| self.has(it)).collect();
                // In versions before the enum it was any string.
                let some = values.get(self.pick(values.len()));
                json!(some.map_or("AAAA", |value| value.name))
            }
            Kind::Alternate => {
                let mut forms: Vec<_> = item.members.iter().filter(|it| self.has(it)).collect();
                // In versions before the alternate it had the type of the first form.
                forms.extend(item.members.first().filter(|_| forms.is_empty()));
                // The last form does not recurse.
                let at = if depth > 4 { forms.len() - 1 } else { self.pick(forms.len()) };
                let form = forms[at].of;
                self.value(form, depth + 1)
            }
            _ => Value::Object(self.object(item, depth)),
        }
    }

    fn object(&mut self, item: &Item<'_>, depth: usize) -> Map<String, Value> {
        if let Some(arguments) = item.arguments {
            let named = self.facts.items.iter().find(|it| it.name == arguments).unwrap();
            return self.object(named, depth);
        }
        let mut object = Map::new();
        for member in item.members.iter().filter(|member| member.name != item.tag) {
            self.member(&mut object, item, member, depth);
        }
        if let Some(tag) = item.members.iter().find(|member| member.name == item.tag) {
            let of = self.facts.items.iter().find(|it| it.name == tag.of).unwrap();
            let lacks_branch = |value: &Part<'_>| {
                item.branches.iter().any(|it| it.name == value.name && !self.has(it))
            };
            let values: Vec<_> =
                of.values.iter().filter(|it| self.has(it) && !lacks_branch(it)).collect();
            // The first branches may recurse.
            let shallow = values
                .iter()
                .rev()
                .find(|value| !item.branches.iter().any(|branch| branch.name == value.name));
            let value = match shallow {
                Some(shallow) if depth > 4 => shallow.name,
                // In versions before the enum the tag was any string.
                _ => values.get(self.pick(values.len())).map_or("AAAA", |value| value.name),
            };
            let branch = item.branches.iter().find(|branch| branch.name == value);
            match branch {
                // Only the tag of an unknown branch is kept.
                _ if self.how == How::Later => {
                    object.insert("left-out".into(), json!([{}]));
                    object.insert(tag.name.into(), json!("a-later-branch"));
                    return object;
                }
                Some(branch) if branch.wrapped => {
                    let data = self.value(branch.of, depth + 1);
                    object.insert("data".into(), data);
                }
                Some(branch) => {
                    let of = self.facts.items.iter().find(|it| it.name == branch.of).unwrap();
                    let members = self.object(of, depth + 1);
                    object.extend(members);
                }
                None => {}
            }
            // Last, as servers often send it.
            object.insert(tag.name.into(), json!(value));
        }
        if self.how == How::Later {
            object.insert("left-out".into(), json!({"deep": [1, "x"]}));
        }
        object
    }

    fn member(
        &mut self,
        object: &mut Map<String, Value>,
        item: &Item<'_>,
        member: &Part<'_>,
        depth: usize,
    ) {
        if let How::Of(version) = self.how {
            let optional = member.optional.has(version);
            if self.has(member) && (!optional || depth <= 3 && self.pick(3) == 0) {
                let value = self.value(member.of, depth + 1);
                object.insert(member.name.into(), value);
            }
            return;
        }
        let always = member.optional.is_empty() && member.versions.contains(item.versions);
        if always || self.how != How::Least && depth <= 4 {
            let value = self.value(member.of, depth + 1);
            object.insert(member.name.into(), value);
        }
    }
}
