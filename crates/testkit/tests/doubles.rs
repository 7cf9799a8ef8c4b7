//! The doubles are tested by programs that know only the protocols: a bare WebSocket server and an ordinary HTTP client.
//! What is promised here is what the house's own tests build on. No house code runs.

// `cfg(test)`, so that clippy treats the helpers as tests too.
#[cfg(test)]
#[path = "doubles/bridge.rs"]
mod bridge;
#[cfg(test)]
#[path = "doubles/model.rs"]
mod model;
