//! Events with types, and sets of them.

use core::fmt;
use core::str::Utf8Error;

use serde::Deserialize;

use crate::message::{Body, Event, OwnedEvent};
use crate::typed::DecodeError;
use crate::typed::decode::{decode_body, decode_nothing};

/// The data of one kind of event.
///
/// The type may borrow from the message.
///
/// ```
/// use qmp_proto::TypedEvent;
///
/// #[derive(serde::Deserialize)]
/// struct DeviceDeleted {
///     device: Option<String>,
///     path: String,
/// }
///
/// impl TypedEvent for DeviceDeleted {
///     const NAME: &'static str = "DEVICE_DELETED";
/// }
/// ```
pub trait TypedEvent {
    /// The event's name in QAPI.
    const NAME: &'static str;
}

/// A set of events that decode to one type.
///
/// Each [`TypedEvent`] is a set of one. [`event_set!`](crate::event_set) declares an enum of
/// several. Implement the trait yourself for other sets.
///
/// ```
/// use qmp_proto::{DecodeError, EventData, EventSet};
///
/// /// Whether the guest's processors run.
/// #[derive(Debug, PartialEq)]
/// struct Running(bool);
///
/// impl<'b> EventSet<'b> for Running {
///     const NAMES: &'static [&'static str] = &["RESUME", "STOP"];
///
///     fn decode(name: &str, _: EventData<'b>) -> Option<Result<Self, DecodeError>> {
///         Self::NAMES.contains(&name).then(|| Ok(Self(name == "RESUME")))
///     }
/// }
/// ```
pub trait EventSet<'b>: Sized {
    /// The names of the events. An empty list means all events.
    const NAMES: &'static [&'static str];

    /// Decodes the event with this name. Returns `None` if the set does not contain it.
    fn decode(name: &str, data: EventData<'b>) -> Option<Result<Self, DecodeError>>;
}

impl<'b, E: TypedEvent + Deserialize<'b>> EventSet<'b> for E {
    const NAMES: &'static [&'static str] = &[E::NAME];

    fn decode(name: &str, data: EventData<'b>) -> Option<Result<Self, DecodeError>> {
        (name == E::NAME).then(|| data.decode())
    }
}

/// The data of an event before decoding.
#[derive(Clone, Copy)]
pub struct EventData<'b>(Option<(Body<'b>, Result<&'b str, Utf8Error>)>);

impl<'b> EventData<'b> {
    /// Decodes the data; an event without data decodes as `{}`.
    ///
    /// # Errors
    ///
    /// If it is not a `T`, has more than [`DECODE_DEPTH`](crate::DECODE_DEPTH) levels, or is not
    /// valid JSON.
    pub fn decode<T: Deserialize<'b>>(self) -> Result<T, DecodeError> {
        match self.0 {
            Some((body, text)) => decode_body(&body, text),
            None => decode_nothing(),
        }
    }
}

impl fmt::Debug for EventData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The data can contain secrets, in members that depend on the event.
        f.debug_tuple("EventData").field(&self.0.is_some()).finish()
    }
}

impl<'b> Event<'b> {
    /// Decodes the event's data; an event without data decodes as `{}`.
    ///
    /// # Errors
    ///
    /// If it is not a `T`, has more than [`DECODE_DEPTH`](crate::DECODE_DEPTH) levels, or is not
    /// valid JSON.
    pub fn decode<T: Deserialize<'b>>(&self) -> Result<T, DecodeError> {
        self.undecoded().decode()
    }

    /// Decodes the event if it belongs to the set: a [`TypedEvent`], or an enum of several.
    pub fn typed<S: EventSet<'b>>(&self) -> Option<Result<S, DecodeError>> {
        S::decode(self.name(), self.undecoded())
    }

    fn undecoded(&self) -> EventData<'b> {
        EventData(self.data.map(|data| (data, data.text())))
    }
}

impl OwnedEvent {
    /// As [`Event::decode`].
    ///
    /// # Errors
    ///
    /// If it is not a `T`, has more than [`DECODE_DEPTH`](crate::DECODE_DEPTH) levels, or is not
    /// valid JSON.
    pub fn decode<'b, T: Deserialize<'b>>(&'b self) -> Result<T, DecodeError> {
        EventData(self.body()).decode()
    }

    /// As [`Event::typed`].
    pub fn typed<'b, S: EventSet<'b>>(&'b self) -> Option<Result<S, DecodeError>> {
        S::decode(self.name(), EventData(self.body()))
    }
}

/// Declares an enum of events and implements [`EventSet`] for it.
///
/// A variant has the name of its event's type, or contains the type in parentheses. The types must
/// be [`TypedEvent`]s that decode without borrowing.
///
/// ```
/// # mod events {
/// #     use qmp_proto::TypedEvent;
/// #     #[derive(Debug, serde::Deserialize)]
/// #     pub struct JobStatusChange { pub id: String, pub status: String }
/// #     impl TypedEvent for JobStatusChange { const NAME: &'static str = "JOB_STATUS_CHANGE"; }
/// #     #[derive(Debug, serde::Deserialize)]
/// #     pub struct Stop {}
/// #     impl TypedEvent for Stop { const NAME: &'static str = "STOP"; }
/// # }
/// use events::JobStatusChange;
/// use qmp_proto::{EventSet, event_set};
///
/// event_set! {
///     /// What this program waits for.
///     #[derive(Debug)]
///     enum Awaited {
///         JobStatusChange,
///         Paused(events::Stop),
///     }
/// }
///
/// assert_eq!(Awaited::NAMES, ["JOB_STATUS_CHANGE", "STOP"]);
/// ```
#[macro_export]
macro_rules! event_set {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $set:ident {
            $($(#[$variant_meta:meta])* $variant:ident $(($event:ty))?),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $visibility enum $set {
            $($(#[$variant_meta])* $variant($crate::event_set!(@event $variant $($event)?))),*
        }

        impl<'b> $crate::EventSet<'b> for $set {
            const NAMES: &'static [&'static str] = &[$(
                <$crate::event_set!(@event $variant $($event)?) as $crate::TypedEvent>::NAME
            ),*];

            fn decode(
                name: &str,
                data: $crate::EventData<'b>,
            ) -> ::core::option::Option<::core::result::Result<Self, $crate::DecodeError>> {
                $(
                    let event = <$crate::event_set!(@event $variant $($event)?) as
                        $crate::EventSet<'b>>::decode(name, data);
                    if let ::core::option::Option::Some(event) = event {
                        return ::core::option::Option::Some(event.map(Self::$variant));
                    }
                )*
                ::core::option::Option::None
            }
        }
    };
    (@event $variant:ident) => { $variant };
    (@event $variant:ident $event:ty) => { $event };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::MAX_DEPTH;
    use crate::message::Message;
    use crate::wire::split;
    use alloc::borrow::Cow;
    use alloc::string::String;

    fn event(line: &str) -> Event<'_> {
        let Ok(Message::Event(event)) = split(line.as_bytes(), MAX_DEPTH) else { panic!("{line}") };
        event
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Stop {}

    impl TypedEvent for Stop {
        const NAME: &'static str = "STOP";
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Deleted<'a> {
        path: &'a str,
    }

    impl TypedEvent for Deleted<'_> {
        const NAME: &'static str = "DEVICE_DELETED";
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Job {
        id: String,
    }

    impl TypedEvent for Job {
        const NAME: &'static str = "JOB_STATUS_CHANGE";
    }

    event_set! {
        #[derive(Debug, PartialEq)]
        enum Set {
            Stop,
            /// A variant with another name than its type.
            Changed(Job),
        }
    }

    #[test]
    fn an_event_is_typed_if_its_name_matches() {
        for (line, is_stop, fits) in [
            (r#"{"event": "STOP"}"#, true, true),
            (r#"{"event": "STOP", "data": 1}"#, true, false),
            (r#"{"event": "RESUME"}"#, false, false),
        ] {
            let event = event(line);
            let owned = event.into_owned();
            for typed in [event.typed::<Stop>(), owned.typed::<Stop>()] {
                assert_eq!((typed.is_some(), typed.is_some_and(|it| it.is_ok())), (is_stop, fits));
            }
        }
    }

    #[test]
    fn a_typed_event_may_borrow_from_its_message() {
        let line = r#"{"event": "DEVICE_DELETED", "data": {"path": "/machine/x"}}"#;
        let expected = Some(Ok(Deleted { path: "/machine/x" }));
        assert_eq!(event(line).typed::<Deleted<'_>>(), expected);
        let owned = event(line).into_owned();
        assert_eq!(owned.typed::<Deleted<'_>>(), expected);
        #[derive(Deserialize)]
        struct Borrowed<'a>(#[serde(borrow)] std::collections::BTreeMap<&'a str, Cow<'a, str>>);
        assert_eq!(owned.decode::<Borrowed<'_>>().unwrap().0["path"], "/machine/x");
    }

    #[test]
    fn a_set_decodes_only_its_own_events() {
        assert_eq!(Set::NAMES, ["STOP", "JOB_STATUS_CHANGE"]);
        assert_eq!(<Stop as EventSet<'_>>::NAMES, ["STOP"]);
        assert_eq!(event(r#"{"event": "STOP"}"#).typed::<Set>(), Some(Ok(Set::Stop(Stop {}))));
        let job = event(r#"{"event": "JOB_STATUS_CHANGE", "data": {"id": "j"}}"#);
        let expected = Some(Ok(Set::Changed(Job { id: "j".into() })));
        assert_eq!(job.typed::<Set>(), expected);
        assert_eq!(job.into_owned().typed::<Set>(), expected);
        let broken = event(r#"{"event": "JOB_STATUS_CHANGE", "data": {"id": NaN}}"#);
        assert!(matches!(broken.typed::<Set>(), Some(Err(_))), "an error, and not another event");
        assert_eq!(event(r#"{"event": "RESUME"}"#).typed::<Set>(), None);
    }
}
