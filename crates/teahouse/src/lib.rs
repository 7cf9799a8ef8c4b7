//! The program: all that waits, and the wiring. `host.rs` is the journey; read it first.

pub mod cli;
pub mod clock;
pub mod config;
pub mod host;
mod judging;
pub mod parlour;
pub mod script;

mod acting;
mod alarms;
mod answer;
mod breakers;
mod call;
pub mod console;
mod control;
mod delivery;
mod first_start;
mod gap;
mod keeping;
pub mod law;
mod logs;
mod performing;
mod port;
mod proof;
pub mod reload;
mod retention;
mod room;
mod rule_edits;
mod serve;
mod signs;
mod talk;

// The lock of `breakers`, which its test takes from loom.
use std::sync::Mutex;
