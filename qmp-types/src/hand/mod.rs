//! Commands that the schema does not describe completely.

mod device_add;
mod ringbuf;

pub use device_add::DeviceAdd;
pub use ringbuf::RingbufReadBytes;
