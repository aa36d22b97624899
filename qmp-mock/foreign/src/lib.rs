//! Tests of the mock with third-party clients. This crate consists of tests only.
