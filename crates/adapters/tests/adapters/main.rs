//! Adapters as the other side of their wire meets them: real servers on loopback ports, real sockets.

mod moderate;
mod onebot;
mod parlour;
