//! The house as outsiders meet it: a process, real sockets, real files; and, in `tea`, the simulation.

mod arrival;
mod bundles;
mod commands;
mod contract;
mod crash;
mod dedup;
mod doors;
mod forward;
mod gap;
mod journey;
mod limits;
mod owner;
mod pages;
mod parlour;
mod quiet;
mod quotes;
mod scene;
mod secrets;
mod survive;
mod swallowed;
mod talk;
mod tea;
mod tidy;
mod transcripts;
