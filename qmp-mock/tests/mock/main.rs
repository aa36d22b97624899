//! The mock, with clients of this project's.

#![cfg(unix)]

mod asynchronous;
mod clients;
mod descriptors;
mod ends;
mod events;
mod order;
mod presentation;
mod reading;
mod rules;
mod usual;
mod verification;
mod wire;
