//! qmp-blocking
