//! Methods that are the driver's own.

/// Methods of the client or the commands in the field `inner`.
macro_rules! forward {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(&self $(, $argument: $type)*) -> $output {
            self.inner.$name($($argument),*)
        }
    )*};
}

/// Settings of the builder in the first field.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*);)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self $(, $argument: $type)*) -> Self {
            self.0 = self.0.$name($($argument),*);
            self
        }
    )*};
}
