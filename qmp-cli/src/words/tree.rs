//! Arguments before their types are known: an object of texts and JSON.

use crate::words::word::{Step, WordError};

/// A value that is being put together from words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// A place that was made for a value.
    Empty,
    /// Text, whose type is not known yet.
    Text(String),
    /// JSON, which is sent as it was written.
    Json(String),
    /// Members, in the order in which they were written.
    Object(Vec<(String, Self)>),
    Array(Vec<Self>),
}

impl Node {
    /// Sets the value at a path. Places on the way are made as needed.
    ///
    /// # Errors
    ///
    /// Returns an error if the place has a value already, or is a value of another kind.
    pub(crate) fn set(&mut self, key: &str, path: &[Step], value: Self) -> Result<(), WordError> {
        let mut node = self;
        for step in path {
            node = node.child(step).map_err(|why| WordError::new(format!("{key}: {why}")))?;
        }
        if *node != Self::Empty {
            return Err(WordError::new(format!("{key} is set twice")));
        }
        *node = value;
        Ok(())
    }

    fn child(&mut self, step: &Step) -> Result<&mut Self, String> {
        match step {
            Step::Name(name) => {
                if *self == Self::Empty {
                    *self = Self::Object(Vec::new());
                }
                let Self::Object(members) = self else {
                    return Err("it is a value without members, set by an earlier word".into());
                };
                let found = members.iter().position(|(member, _)| member == name);
                let at = found.unwrap_or_else(|| {
                    members.push((name.clone(), Self::Empty));
                    members.len() - 1
                });
                Ok(&mut members[at].1)
            }
            Step::Index(_) | Step::Append => {
                if *self == Self::Empty {
                    *self = Self::Array(Vec::new());
                }
                let Self::Array(elements) = self else {
                    return Err("it is not a list: an earlier word sets it otherwise".into());
                };
                let at = match step {
                    Step::Index(at) => *at,
                    _ => elements.len(),
                };
                if at == elements.len() {
                    elements.push(Self::Empty);
                }
                let next = elements.len();
                elements
                    .get_mut(at)
                    .ok_or_else(|| format!("[{at}] leaves a gap: the next element is [{next}]"))
            }
        }
    }

    /// Returns the text of a member, if it is text, or JSON of a string.
    pub(crate) fn text_of(members: &[(String, Self)], name: &str) -> Option<String> {
        match members.iter().find(|(member, _)| member == name)? {
            (_, Self::Text(text)) => Some(text.clone()),
            (_, Self::Json(json)) => serde_json::from_str(json).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::word::Word;

    fn tree(words: &[&str]) -> Result<Node, WordError> {
        let mut tree = Node::Object(Vec::new());
        for word in words {
            let word = Word::parse(word)?;
            tree.set(word.key, &word.path, Node::Text(String::new()))?;
        }
        Ok(tree)
    }

    #[test]
    fn later_keys_do_not_fall_into_earlier_objects() {
        let empty = || Node::Text(String::new());
        let expected = Node::Object(vec![
            ("a".into(), Node::Object(vec![("b".into(), empty()), ("d".into(), empty())])),
            ("c".into(), empty()),
        ]);
        assert_eq!(tree(&["a.b=", "c=", "a.d="]).unwrap(), expected);
    }

    #[test]
    fn lists_are_filled_by_index_or_at_their_end() {
        let expected = tree(&["a[0].x=", "a[0].y=", "a[1].x="]).unwrap();
        assert_eq!(tree(&["a[].x=", "a[0].y=", "a[].x="]).unwrap(), expected);
    }

    #[test]
    fn clashes_are_errors() {
        for (words, why) in [
            (["a=", "a="], "a is set twice"),
            (["a=", "a.b="], "a.b: it is a value without members"),
            (["a.b=", "a="], "a is set twice"),
            (["a.b=", "a[0]="], "a[0]: it is not a list"),
            (["a[0]=", "a.b="], "a.b: it is a value without members"),
            (["a[0]=", "a[2]="], "a[2]: [2] leaves a gap: the next element is [1]"),
        ] {
            let error = tree(&words).unwrap_err().to_string();
            assert!(error.contains(why), "{words:?}: {error}");
        }
    }
}
