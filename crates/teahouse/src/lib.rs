//! The program: all that waits, and the wiring. `host.rs` is the journey; read it first.

pub mod cli;
pub mod clock;
pub mod config;
pub mod host;

mod answer;
mod call;
mod console;
mod control;
mod delivery;
mod first_start;
mod room;
mod serve;
mod signs;
mod talk;
