//! The boards. They differ in the registers of the serial line.

#[cfg(target_arch = "arm")]
mod mps2_an386;
#[cfg(target_arch = "riscv32")]
mod riscv_virt;

#[cfg(target_arch = "arm")]
pub use mps2_an386::Uart;
#[cfg(target_arch = "riscv32")]
pub use riscv_virt::Uart;

/// A device register, 32 or 8 bits wide.
struct Register<T>(*mut T);

// Registers are memory that changes by itself.
#[allow(unsafe_code)]
impl<T: Copy> Register<T> {
    /// # Safety
    ///
    /// At the address there must be a register of that width, which no other code uses.
    const unsafe fn at(address: usize) -> Self {
        Self(address as *mut T)
    }

    fn read(&self) -> T {
        // SAFETY: the caller of `at` guarantees that it is a register.
        unsafe { self.0.read_volatile() }
    }

    fn write(&self, value: T) {
        // SAFETY: the caller of `at` guarantees that it is a register.
        unsafe { self.0.write_volatile(value) }
    }
}
