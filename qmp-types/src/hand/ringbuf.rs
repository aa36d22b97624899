//! `ringbuf-read` and `ringbuf-write` for bytes. By default both use plain text, in which bytes that are
//! not UTF-8 are replaced.

use alloc::string::String;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qmp_proto::Command;
use serde::de::{Error, MapAccess};
use serde::ser::SerializeMap;

use crate::generated::char::{DataFormat, RingbufWrite};
use crate::wire::{Key, Members, Object, need, objects, put, skip};
use crate::{Availability, Base64};

impl RingbufWrite {
    /// Creates a command that writes bytes. It sets `format` to `base64`.
    ///
    /// ```
    /// use qmp_types::RingbufWrite;
    ///
    /// let write = RingbufWrite::bytes("ring0", b"\xff\0");
    /// let arguments = serde_json::to_value(&write)?;
    /// assert_eq!(arguments["data"], "/wA=");
    /// assert_eq!(arguments["format"], "base64");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn bytes(device: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self::new(device, STANDARD.encode(bytes)).format(DataFormat::Base64)
    }
}

/// The command `ringbuf-read` with the format `base64`, which returns bytes.
///
/// [`RingbufRead`](crate::RingbufRead) is the same command and returns plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingbufReadBytes {
    /// `device`.
    pub device: String,
    /// `size`, the maximum number of bytes to read.
    pub size: i64,
}

impl RingbufReadBytes {
    /// Creates a value from its required members.
    pub fn new(device: impl Into<String>, size: i64) -> Self {
        Self { device: device.into(), size }
    }
}

impl Object for RingbufReadBytes {
    const NAME: &'static str = "RingbufReadBytes";

    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
        const MEMBERS: Members = &["device", "size", "format"];
        let (mut device, mut size, mut format) = (None, None, None);
        while let Some(at) = map.next_key_seed(Key(MEMBERS))? {
            match at {
                0 => device = Some(map.next_value()?),
                1 => size = Some(map.next_value()?),
                2 => format = Some(map.next_value()?),
                _ => skip(map)?,
            }
        }
        if format != Some(DataFormat::Base64) {
            return Err(A::Error::custom("the format is not base64"));
        }
        Ok(Self { device: need(device, "device")?, size: need(size, "size")? })
    }

    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        put(map, "device", &self.device)?;
        put(map, "size", &self.size)?;
        put(map, "format", &DataFormat::Base64)
    }
}

impl Command for RingbufReadBytes {
    const NAME: &'static str = "ringbuf-read";
    type Output = Base64;
}

impl Availability for RingbufReadBytes {
    const SINCE: (u16, u16) = (1, 4);
}

objects! { RingbufReadBytes }
