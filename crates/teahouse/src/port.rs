//! The port, before anybody has said a word: how many may be connected at the same time. At most half of this process's
//! descriptors are for them, so that whoever fills the port takes none from the store, the models and the bridges that
//! are there already. Who finds no place waits outside; nobody is sent away here.

use std::io::{ErrorKind, IoSlice, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{info, warn};

/// More are of no use to a house of one process.
const MOST: u64 = 4_096;
/// What the house itself cannot do without: some twenty files, and a few calls at once.
const OURS: u64 = 32;
/// With less a house is not opened.
const LEAST: u64 = OURS + 8;
/// What keeps us from accepting does not pass in a moment.
const PAUSE: Duration = Duration::from_secs(1);

/// Refuses where a house would soon stand still for want of descriptors.
pub fn enough_descriptors() -> anyhow::Result<()> {
    match descriptors() {
        LEAST.. => Ok(()),
        few => anyhow::bail!(
            "cannot open the house: this process may hold only {few} files open and needs {LEAST} or more; raise the \
             limit, as with `ulimit -n 1024`"
        ),
    }
}

/// A listener with so many places.
pub struct Port {
    listener: TcpListener,
    places: Arc<Semaphore>,
    most: usize,
}

impl Port {
    /// As many places as the descriptors of this process allow, after as many as may be were asked for.
    pub fn new(listener: TcpListener) -> Self {
        let all = descriptors();
        let most = all.saturating_sub(OURS.max(all / 2)).max(1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Port {
            listener,
            places: Arc::new(Semaphore::new(most)),
            most,
        }
    }

    async fn place(&self) -> OwnedSemaphorePermit {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return place;
        }
        warn!(
            "all {} places of the port are taken: who comes now waits until somebody leaves; a higher limit of open \
             files (`ulimit -n`) gives more",
            self.most
        );
        let place = self.places.clone().acquire_owned().await;
        info!("the port has a place again");
        place.expect("the places are never closed")
    }

    async fn next(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(guest) => return guest,
                // They left while they waited.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
                    ) => {}
                Err(error) => {
                    warn!("the port cannot take in a connection, and tries again: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

impl Listener for Port {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        let place = self.place().await;
        let (stream, address) = self.next().await;
        // A sentence leaves when it is said; an old system that cannot do that is no reason to refuse.
        let _ = stream.set_nodelay(true);
        let guest = Guest {
            stream,
            _place: place,
        };
        (guest, address)
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// How many files this process may hold open, at most twice of what the port needs.
fn descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(MOST * 2).min(MOST * 2);
    let current = limit.current.unwrap_or(MOST * 2);
    if current >= wanted {
        return current.min(MOST * 2);
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(_) => current,
    }
}

/// A connection that holds its place until it is closed.
pub struct Guest {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
