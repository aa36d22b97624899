//! What the schema does not describe, by hand.

mod device_add;

pub use device_add::DeviceAdd;
