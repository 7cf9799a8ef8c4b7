//! The house as outsiders meet it: a process, real sockets, real files; and, in `tea`, the simulation.

mod arrival;
mod commands;
mod contract;
mod crash;
mod dedup;
mod doors;
mod journey;
mod owner;
mod pages;
mod parlour;
mod quiet;
mod scene;
mod secrets;
mod sim;
mod talk;
mod tea;
mod tidy;
mod transcripts;
