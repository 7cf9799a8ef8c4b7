//! The house as outsiders meet it: a process, real sockets, real files; and, in `tea`, the simulation.

mod arrival;
mod commands;
mod contract;
mod crash;
mod dedup;
mod doors;
mod failover;
mod gap;
mod half_open;
mod journey;
mod limits;
mod outage;
mod owner;
mod pages;
mod parlour;
mod quiet;
mod scene;
mod secrets;
mod survive;
mod talk;
mod tea;
mod tidy;
mod transcripts;
