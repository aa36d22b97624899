//! What the schema does not describe, by hand.

mod device_add;
mod ringbuf;

pub use device_add::DeviceAdd;
pub use ringbuf::RingbufReadBytes;
