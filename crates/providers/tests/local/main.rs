//! The model in the box, as the house meets it: fetched, proved, kept running.
//! pip and the child are stand-ins from `fixtures/local`; the real ones are script/smoke-model's.

// `cfg(test)` lets their helpers unwrap: clippy knows a test by it or by `#[test]` alone.
#[cfg(test)]
mod child;
#[cfg(test)]
mod hub;
#[cfg(test)]
mod import;
#[cfg(test)]
mod pull;

use std::path::PathBuf;

/// A program from `fixtures/local`. They lie in the tree, not in a temporary folder: running a
/// file that was written a moment ago can meet ETXTBSY while another test forks.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/local")
        .join(name)
}
