//! Finding duplicate members of an object while it is walked.

use core::cmp::Ordering;

use super::JsonErrorKind;
use super::string::Unescaped;

/// The number of names that are compared without an allocator, in all open objects together.
const ROOM: usize = 64;

/// The names of all open objects, innermost last.
///
/// QEMU refuses an object with a duplicate member with an error reply without an id. Up to 64 names
/// are stored in place and compared one by one. More names are moved to allocated memory and sorted
/// when their object ends.
pub(crate) struct Names<'a> {
    kept: [Name<'a>; ROOM],
    count: usize,
    #[cfg(feature = "alloc")]
    more: alloc::vec::Vec<Name<'a>>,
}

#[derive(Clone, Copy)]
enum Name<'a> {
    /// The start of an object.
    Opening,
    Of(&'a [u8]),
}

impl Default for Names<'_> {
    fn default() -> Self {
        Self {
            kept: [Name::Opening; ROOM],
            count: 0,
            #[cfg(feature = "alloc")]
            more: alloc::vec::Vec::new(),
        }
    }
}

impl<'a> Names<'a> {
    pub(crate) fn open(&mut self) -> Result<(), JsonErrorKind> {
        self.push(Name::Opening)
    }

    pub(crate) fn add(&mut self, name: &'a [u8]) -> Result<(), JsonErrorKind> {
        self.push(Name::Of(name))
    }

    pub(crate) fn close(&mut self) -> Result<(), JsonErrorKind> {
        let twice = self.innermost_has_twice();
        let opening = self.innermost();
        self.truncate(opening);
        if twice { Err(JsonErrorKind::DuplicateMember) } else { Ok(()) }
    }

    /// Returns whether the innermost object has a duplicate member.
    pub(crate) fn innermost_has_twice(&mut self) -> bool {
        let opening = self.innermost();
        has_twice(self.all().get_mut(opening + 1..).unwrap_or_default())
    }

    /// Returns whether an open object has a duplicate member, ignoring the last member of each,
    /// whose value is incomplete.
    #[cfg(feature = "alloc")]
    pub(crate) fn complete_has_twice(&mut self) -> bool {
        let mut objects = self.all().split_mut(|name| matches!(name, Name::Opening));
        objects.any(|names| names.split_last_mut().is_some_and(|(_, names)| has_twice(names)))
    }

    /// Returns the position of the innermost object's start.
    fn innermost(&mut self) -> usize {
        self.all().iter().rposition(|name| matches!(name, Name::Opening)).unwrap_or(0)
    }

    #[cfg(not(feature = "alloc"))]
    fn push(&mut self, name: Name<'a>) -> Result<(), JsonErrorKind> {
        *self.kept.get_mut(self.count).ok_or(JsonErrorKind::TooManyMembers)? = name;
        self.count += 1;
        Ok(())
    }

    #[cfg(feature = "alloc")]
    fn push(&mut self, name: Name<'a>) -> Result<(), JsonErrorKind> {
        match self.kept.get_mut(self.count) {
            Some(free) if self.more.is_empty() => {
                *free = name;
                self.count += 1;
            }
            _ => {
                if self.more.is_empty() {
                    self.more.extend_from_slice(&self.kept);
                }
                self.more.push(name);
            }
        }
        Ok(())
    }

    fn all(&mut self) -> &mut [Name<'a>] {
        #[cfg(feature = "alloc")]
        if !self.more.is_empty() {
            return &mut self.more;
        }
        self.kept.get_mut(..self.count).unwrap_or_default()
    }

    fn truncate(&mut self, count: usize) {
        #[cfg(feature = "alloc")]
        if !self.more.is_empty() {
            self.more.truncate(count);
            // `kept` is stale from here on. Nothing is copied back when all objects are closed.
            self.count = if self.more.is_empty() { 0 } else { ROOM };
            return;
        }
        self.count = count;
    }
}

fn has_twice(names: &mut [Name<'_>]) -> bool {
    // Without an allocator there are too few names to justify the code of a sort.
    #[cfg(feature = "alloc")]
    if names.len() > 16 {
        names.sort_unstable_by(compare);
        let neighbours = names.iter().zip(names.iter().skip(1));
        return neighbours.map(|(one, next)| compare(one, next)).any(Ordering::is_eq);
    }
    let mut rest = &*names;
    while let [name, others @ ..] = rest {
        if others.iter().any(|other| compare(name, other).is_eq()) {
            return true;
        }
        rest = others;
    }
    false
}

fn compare(one: &Name<'_>, other: &Name<'_>) -> Ordering {
    let (Name::Of(one), Name::Of(other)) = (one, other) else {
        return Ordering::Less;
    };
    if !one.contains(&b'\\') && !other.contains(&b'\\') {
        return one.cmp(other);
    }
    let unescaped = |name| Unescaped::new(core::str::from_utf8(name).unwrap_or_default());
    unescaped(one).cmp(unescaped(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_occur_once_per_object() {
        let mut names = Names::default();
        names.open().unwrap();
        names.add(b"a").unwrap();
        names.open().unwrap();
        names.add(b"a").unwrap();
        names.close().unwrap();
        names.add(b"b").unwrap();
        names.close().unwrap();

        names.open().unwrap();
        names.add(b"a").unwrap();
        names.add(br"\u0061").unwrap();
        assert_eq!(names.close(), Err(JsonErrorKind::DuplicateMember));
    }

    #[cfg(not(feature = "alloc"))]
    #[test]
    fn without_an_allocator_too_many_names_are_refused() {
        let mut names = Names::default();
        names.open().unwrap();
        for _ in 1..ROOM {
            names.add(b"n").unwrap();
        }
        assert_eq!(names.add(b"n"), Err(JsonErrorKind::TooManyMembers));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn with_an_allocator_any_number_is_compared() {
        let all: std::vec::Vec<_> = (0..1000).map(|n| std::format!("member-{n}")).collect();
        for twice in [false, true] {
            let mut names = Names::default();
            names.open().unwrap();
            for inner in ["x", "y"] {
                names.add(inner.as_bytes()).unwrap();
                names.open().unwrap();
                for name in &all {
                    names.add(name.as_bytes()).unwrap();
                }
                names.close().unwrap();
            }
            names.add(if twice { b"x" } else { b"z" }).unwrap();
            assert_eq!(names.close().is_err(), twice);
        }
    }
}
