//! The test doubles: the other side of every wire, scripted, and what every implementation of a trait promises.
//! `bridge`, `hub`, `model_server` and `tls` speak the true protocols over real sockets and know nothing of the house's own types,
//! so that a mistake of ours can not be made twice and cancel out. `platform` and `script` stand behind our own
//! traits, in this process and on simulated time. Never linked into the program.

pub mod bridge;
pub mod case_contract;
pub mod disk;
pub mod erase_contract;
pub mod hub;
pub mod model_server;
pub mod mutate;
pub mod platform;
pub mod process;
pub mod script;
pub mod shapes;
pub mod store_contract;
pub mod tls;
