//! Macros for methods that forward to the driver.

/// Forwards methods of the client or of the commands to the field `inner`.
macro_rules! forward {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(&self $(, $argument: $type)*) -> $output {
            self.inner.$name($($argument),*)
        }
    )*};
}

/// Forwards settings of a builder to its first field.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*);)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self $(, $argument: $type)*) -> Self {
            self.0 = self.0.$name($($argument),*);
            self
        }
    )*};
}
