//! Arm's MPS2 board with a Cortex-M4, as emulated by QEMU: a CMSDK APB UART.

use super::Register;

const TRANSMIT_FULL: u32 = 1;
const RECEIVE_FULL: u32 = 2;
const ENABLE_BOTH: u32 = 3;

/// The first serial line, polled. It holds one byte in each direction.
pub struct Uart {
    data: Register<u32>,
    state: Register<u32>,
}

impl Uart {
    /// Switches the line on.
    #[allow(unsafe_code)]
    pub fn enable() -> Self {
        const BASE: usize = 0x4000_4000;
        // SAFETY: these are the registers of UART0, and nothing else of the image touches them.
        let [data, state, control, divider] =
            unsafe { [0, 4, 8, 16].map(|offset| Register::at(BASE + offset)) };
        divider.write(16);
        control.write(ENABLE_BOTH);
        Self { data, state }
    }

    /// Returns the next byte, if one has arrived.
    pub fn receive(&mut self) -> Option<u8> {
        let come = self.state.read() & RECEIVE_FULL != 0;
        come.then(|| self.data.read() as u8)
    }

    /// Sends a byte as soon as there is room for it.
    pub fn send(&mut self, byte: u8) {
        while self.state.read() & TRANSMIT_FULL != 0 {}
        self.data.write(byte.into());
    }
}

impl core::fmt::Debug for Uart {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("UART0")
    }
}
