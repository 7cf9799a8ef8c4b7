//! The port, before anybody has said a word: how many may be connected at the same time. At most half of this process's
//! descriptors are for them, so that whoever fills the port takes none from the store, the models and the bridges that
//! are there already. Who finds no place waits outside; who has one and says nothing gives it back.

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
use tokio::time::{Sleep, sleep};
use tracing::{info, warn};

/// More are of no use to a house of one process.
const MOST: u64 = 4_096;
/// What the house itself cannot do without: some twenty files, and a few calls at once.
const OURS: u64 = 32;
/// With less a house is not opened.
const LEAST: u64 = OURS + 8;
/// What keeps us from accepting does not pass in a moment.
const PAUSE: Duration = Duration::from_secs(1);
/// Whoever means something says its first word within this.
const FIRST_WORD: Duration = Duration::from_secs(10);

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
            silent: Some(Box::pin(sleep(FIRST_WORD))),
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
    /// Until it has said anything.
    silent: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.silent = None;
        } else if let Some(silent) = &mut self.silent
            && silent.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        read
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bad_080_who_says_nothing_gives_the_place_back_and_who_has_spoken_may_be_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut port = Port::new(listener);
        for speaks in [false, true] {
            let mut stranger = TcpStream::connect(address).await.unwrap();
            let (mut guest, _) = port.accept().await;
            let mut word = [0];
            if speaks {
                stranger.write_all(b"G").await.unwrap();
                guest.read_exact(&mut word).await.unwrap();
            }
            // From here on nothing comes over the wire, and only the clock moves.
            tokio::time::pause();
            let heard = tokio::time::timeout(FIRST_WORD * 2, guest.read(&mut word)).await;
            tokio::time::resume();
            let gave_up = heard.map(|read| read.map_err(|error| error.kind()));
            match speaks {
                true => assert!(gave_up.is_err(), "{gave_up:?}"),
                false => assert_eq!(gave_up.unwrap(), Err(ErrorKind::TimedOut)),
            }
            let taken = port.most - port.places.available_permits();
            assert_eq!(taken, 1);
            drop(guest);
            assert_eq!(port.places.available_permits(), port.most);
        }
    }
}
