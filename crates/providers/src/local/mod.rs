//! The model in the box: a real model on this machine, with no account and no key.
//!
//! Three steps, one file each, and `provider` which joins them to the gateway: `catalogue` knows which models there are and which one suits this
//! machine, `pull` brings its bytes into the cache and proves them, `child` keeps the program
//! `teahouse-model` running on them. What comes out is the path of a Unix socket that speaks
//! OpenAI's chat completions; talking to it is `openai`'s business, not ours.
//! Nothing here reads a prompt or an answer.

pub mod catalogue;
pub mod child;
mod provider;
pub mod pull;

pub use catalogue::{Catalogue, Choice, Machine, Model};
pub use child::{Busy, LocalConfig, LocalError, LocalModel, LocalState};
pub use provider::LocalProvider;
pub use pull::{Cache, CacheEnvironment, Imported, Progress, PullError, Route, Unknown};
