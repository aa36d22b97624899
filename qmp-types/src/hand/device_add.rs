//! `device_add`, whose arguments include the properties of the device.

use alloc::string::String;

use qmp_proto::{ArgumentError, Command, Empty, RawJson};
use serde::de::MapAccess;
use serde::ser::SerializeMap;
use serde_json::{Map, Value};

use crate::Availability;
use crate::wire::{Members, Name, Object, need, objects, put, put_some};

/// The command `device_add`, since QEMU 0.13.
///
/// The schema lists three of the arguments. All other arguments are properties of the device, which
/// depend on its driver; `device-list-properties` lists them.
///
/// ```
/// use qmp_types::DeviceAdd;
///
/// let disk = DeviceAdd::new("virtio-blk-pci").id("disk0").property("drive", "node0");
/// let text = serde_json::to_string(&disk)?;
/// assert_eq!(text, r#"{"driver":"virtio-blk-pci","id":"disk0","drive":"node0"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Returns nothing.
///
/// [QEMU's manual](https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html#command-QMP-qdev.device_add)
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeviceAdd {
    /// `driver`.
    pub driver: String,
    /// `bus`.
    pub bus: Option<String>,
    /// `id`.
    pub id: Option<String>,
    /// The properties of the device.
    pub properties: Map<String, Value>,
}

impl DeviceAdd {
    /// Creates a value from its required members.
    pub fn new(driver: impl Into<String>) -> Self {
        Self { driver: driver.into(), bus: None, id: None, properties: Map::new() }
    }

    /// Sets `bus`.
    #[must_use]
    pub fn bus(mut self, bus: impl Into<String>) -> Self {
        self.bus = Some(bus.into());
        self
    }

    /// Sets `id`.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets a property of the device.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }
}

impl Object for DeviceAdd {
    const NAME: &'static str = "DeviceAdd";

    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
        const MEMBERS: Members = &["driver", "bus", "id"];
        let (mut driver, mut bus, mut id, mut properties) = (None, None, None, Map::new());
        while let Some(name) = map.next_key_seed(Name(MEMBERS))? {
            match name {
                Ok(0) => driver = Some(map.next_value()?),
                Ok(1) => bus = map.next_value()?,
                Ok(_) => id = map.next_value()?,
                Err(name) => drop(properties.insert(name, map.next_value()?)),
            }
        }
        Ok(Self { driver: need(driver, "driver")?, bus, id, properties })
    }

    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        put(map, "driver", &self.driver)?;
        put_some(map, "bus", &self.bus)?;
        put_some(map, "id", &self.id)?;
        self.properties.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
    }
}

impl Command for DeviceAdd {
    const NAME: &'static str = "device_add";
    type Output = Empty;

    #[inline]
    fn check_arguments(arguments: RawJson<'_>) -> Result<(), ArgumentError> {
        crate::describe::check_command(<Self as Command>::NAME, arguments)
    }
}

impl Availability for DeviceAdd {
    const SINCE: (u16, u16) = (0, 13);
    const FEATURES: &'static [&'static str] = &["json-cli", "json-cli-hotplug"];
}

objects! { DeviceAdd }
