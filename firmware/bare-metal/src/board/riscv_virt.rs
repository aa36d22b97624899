//! QEMU's own RISC-V board `virt`: a 16550 UART.

use super::Register;

const DATA_READY: u8 = 1 << 0;
const TRANSMIT_EMPTY: u8 = 1 << 5;

/// The first serial line, polled. It holds one byte in each direction.
pub struct Uart {
    data: Register<u8>,
    line_status: Register<u8>,
}

impl Uart {
    /// Sets the line up. It is on from the start, and already holds a byte of the greeting:
    /// switching to its longer queue would discard that byte.
    #[allow(unsafe_code)]
    pub fn enable() -> Self {
        const BASE: usize = 0x1000_0000;
        const EIGHT_BITS: u8 = 3;
        // SAFETY: these are the registers of UART0, and nothing else of the image touches them.
        let [data, line_control, line_status] =
            unsafe { [0, 3, 5].map(|offset| Register::at(BASE + offset)) };
        line_control.write(EIGHT_BITS);
        Self { data, line_status }
    }

    /// Returns the next byte, if one has arrived.
    pub fn receive(&mut self) -> Option<u8> {
        let come = self.line_status.read() & DATA_READY != 0;
        come.then(|| self.data.read())
    }

    /// Sends a byte as soon as there is room for it.
    pub fn send(&mut self, byte: u8) {
        while self.line_status.read() & TRANSMIT_EMPTY == 0 {}
        self.data.write(byte);
    }
}

impl core::fmt::Debug for Uart {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("UART0")
    }
}
