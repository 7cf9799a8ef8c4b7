//! The owner of this house: made once through a link that the terminal shows, known by a password from then on. Wrong
//! tries cost the same time whatever was wrong, and too many of them close the door for a while, which it says.

use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use axum::http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use teahouse_store::{Store, StoreError};
use unicode_normalization::UnicodeNormalization;

use super::session::{Sessions, random_hex};
use crate::clock::Clock;

/// The fact that holds the password's hash.
const PASSWORD: &str = "owner/password";
/// The fact that holds the hash of a one-time code; empty once it is used.
const CODE: &str = "owner/code";
/// How long a password may be, in bytes: looked at before anything is computed.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=256;
/// Wrong tries of one address before it has to wait.
const TRIES: u32 = 5;
/// … and of all together within a minute.
const TRIES_OF_ALL: u32 = 60;
/// So long.
const WAIT: Duration = Duration::from_secs(60);
/// … and all.
const WAIT_OF_ALL: Duration = Duration::from_secs(5);
/// Addresses that are remembered.
const ADDRESSES: usize = 4_096;

/// Why nobody is let in.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// An owner is there, and nobody asked for a new link.
    #[error("this house has an owner; log in at /login")]
    Owned,
    /// Not the code.
    #[error("this code is not the one that was shown; use the newest link")]
    Code,
    /// Too short or too long.
    #[error("a password has 8 to 256 bytes")]
    Length,
    /// Not the password.
    #[error("that is not the password")]
    Password,
    /// Too many tries.
    #[error("too many wrong tries; wait {seconds} seconds")]
    Locked {
        /// For so long.
        seconds: u64,
    },
    /// Our own fault.
    #[error("it could not be looked up")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        Wrong::Broken(error.into())
    }
}

/// The house's owner.
pub struct Owner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Who is logged in.
    pub sessions: Sessions,
    link: PathBuf,
    /// One password is computed at a time: it takes 19 MiB and a CPU.
    one_at_a_time: tokio::sync::Mutex<()>,
    tries: Mutex<Tries>,
}

impl Owner {
    /// The owner as the store knows them. `data` is where a link is left for whoever holds the folder.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, data: &Path) -> Self {
        Owner {
            sessions: Sessions::new(store.clone(), clock.clone()),
            store,
            clock,
            link: data.join("enter.link"),
            one_at_a_time: tokio::sync::Mutex::default(),
            tries: Mutex::default(),
        }
    }

    /// The one-time link of a house without an owner, new at every start; nothing once there is one.
    pub async fn first_link(&self, address: SocketAddr) -> Result<Option<String>, Wrong> {
        let pending = self.fact(CODE).await?.is_some();
        match (self.fact(PASSWORD).await?, pending) {
            (None, _) => self.new_link(address).await.map(Some),
            (Some(_), true) => Ok(None),
            (Some(_), false) => {
                self.drop_link();
                Ok(None)
            }
        }
    }

    /// A new one-time link: who opens it chooses the password. Older links are dead.
    pub async fn new_link(&self, address: SocketAddr) -> Result<String, Wrong> {
        let code = new_code(&*self.store).await?;
        let link = link(address, &code);
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.link)
            .and_then(|mut file| {
                writeln!(file, "{link}")?;
                file.sync_all()
            });
        written.map_err(|error| Wrong::Broken(error.into()))?;
        Ok(link)
    }

    /// Whether a one-time code would be taken now.
    pub async fn is_open(&self) -> Result<bool, Wrong> {
        Ok(self.fact(CODE).await?.is_some())
    }

    /// Somebody comes with a code and a password of their choice; their session's cookie comes back. The code is used up.
    pub async fn enter(
        &self,
        code: &str,
        password: &str,
        from: IpAddr,
        headers: &HeaderMap,
    ) -> Result<HeaderValue, Wrong> {
        self.may_try(from)?;
        let _one_at_a_time = self.one_at_a_time.lock().await;
        let kept = self.fact(CODE).await?.ok_or(Wrong::Owned)?;
        if !bool::from(kept.as_bytes().ct_eq(code_hash(code).as_bytes())) {
            self.was_wrong(from);
            return Err(Wrong::Code);
        }
        let hash = computed(password, None).await?.0;
        self.store.keep_fact(PASSWORD, &hash).await?;
        self.store.keep_fact(CODE, "").await?;
        self.drop_link();
        self.store.end_sessions(Timestamp::MAX).await?;
        Ok(self.sessions.open(headers).await?)
    }

    /// The owner logs in; the session's cookie comes back. Without an owner it takes as long and says the same.
    pub async fn log_in(
        &self,
        password: &str,
        from: IpAddr,
        headers: &HeaderMap,
    ) -> Result<HeaderValue, Wrong> {
        self.may_try(from)?;
        let _one_at_a_time = self.one_at_a_time.lock().await;
        // Whoever waited behind a wrong try of the same address is stopped here.
        self.may_try(from)?;
        let kept = self.fact(PASSWORD).await?;
        let right = match computed(password, kept).await {
            Ok((_, right)) => right,
            Err(Wrong::Length) => false,
            Err(wrong) => return Err(wrong),
        };
        if !right {
            self.was_wrong(from);
            return Err(Wrong::Password);
        }
        self.tries().addresses.remove(&key(from));
        Ok(self.sessions.open(headers).await?)
    }

    async fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let fact = self.store.fact(name).await?;
        Ok(fact.filter(|fact| !fact.is_empty()))
    }

    fn drop_link(&self) {
        if self.link.exists()
            && let Err(error) = std::fs::remove_file(&self.link)
        {
            tracing::warn!(%error, "the used link \"{}\" could not be removed", self.link.display());
        }
    }

    fn tries(&self) -> std::sync::MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_try(&self, from: IpAddr) -> Result<(), Wrong> {
        match self.tries().wait(from, self.clock.now()) {
            None => Ok(()),
            Some(wait) => Err(Wrong::Locked {
                seconds: wait.as_secs().max(1),
            }),
        }
    }

    fn was_wrong(&self, from: IpAddr) {
        self.tries().wrong(from, self.clock.now());
    }
}

/// A new one-time code in the store; only its hash is kept.
pub async fn new_code(store: &dyn Store) -> Result<String, StoreError> {
    let code = random_hex::<16>();
    store.keep_fact(CODE, &code_hash(&code)).await?;
    Ok(code)
}

/// A one-time link. The code stands behind `#`, which no browser sends.
pub fn link(address: SocketAddr, code: &str) -> String {
    let port = address.port();
    match address.ip() {
        ip if ip.is_unspecified() => format!("http://localhost:{port}/enter#{code}"),
        IpAddr::V6(ip) => format!("http://[{ip}]:{port}/enter#{code}"),
        IpAddr::V4(ip) => format!("http://{ip}:{port}/enter#{code}"),
    }
}

fn code_hash(code: &str) -> String {
    let digest = Sha256::digest(code.trim().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Computes a password's hash off the async threads: compared with what is kept, or new.
async fn computed(password: &str, kept: Option<String>) -> Result<(String, bool), Wrong> {
    if !LENGTH.contains(&password.len()) {
        return Err(Wrong::Length);
    }
    // Two ways to write é are one password.
    let password: String = password.nfkc().collect();
    let work = move || match kept {
        Some(kept) => {
            let known = PasswordHash::new(&kept).map_err(|error| error.to_string())?;
            let right = Argon2::default().verify_password(password.as_bytes(), &known);
            Ok((String::new(), right.is_ok()))
        }
        None => Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash: PasswordHash| (hash.to_string(), false))
            .map_err(|error| error.to_string()),
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Wrong::Broken(error.into()))?
        .map_err(|error: String| Wrong::Broken(error.into()))
}

/// Who tried in vain.
#[derive(Default)]
struct Tries {
    addresses: HashMap<IpAddr, Count>,
    all: Option<Count>,
}

#[derive(Clone, Copy)]
struct Count {
    wrong: u32,
    since: Timestamp,
}

impl Count {
    fn left(&self, most: u32, wait: Duration, now: Timestamp) -> Option<Duration> {
        let passed = now.duration_since(self.since).unsigned_abs();
        (self.wrong >= most && passed < wait).then(|| wait - passed)
    }
}

impl Tries {
    fn wait(&self, from: IpAddr, now: Timestamp) -> Option<Duration> {
        let own = self.addresses.get(&key(from));
        let own = own.and_then(|count| count.left(TRIES, WAIT, now));
        let all = self
            .all
            .and_then(|count| count.left(TRIES_OF_ALL, WAIT_OF_ALL, now));
        own.max(all)
    }

    fn wrong(&mut self, from: IpAddr, now: Timestamp) {
        let lately = |count: &Count| now.duration_since(count.since).unsigned_abs() < WAIT;
        if self.addresses.len() >= ADDRESSES {
            self.addresses.retain(|_, count| lately(count));
        }
        let before = self.addresses.get(&key(from)).copied().filter(lately);
        let wrong = before.map_or(1, |count| count.wrong + 1);
        self.addresses
            .insert(key(from), Count { wrong, since: now });
        let before = self.all.filter(lately);
        let wrong = before.map_or(1, |count| count.wrong + 1);
        self.all = Some(Count { wrong, since: now });
    }
}

/// A whole network of IPv6 belongs to one subscriber.
fn key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = u128::from(address) >> 64 << 64;
            IpAddr::V6(bits.into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_wrong_try_closes_the_door_for_a_minute_to_that_address_alone() {
        let at = |s: i64| Timestamp::from_second(1_800_000_000 + s).unwrap();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (bad, good) = (ip("2001:db8::1"), ip("192.0.2.1"));
        let mut tries = Tries::default();
        for n in 0..5 {
            assert_eq!(tries.wait(bad, at(n)), None, "{n}");
            tries.wrong(bad, at(n));
        }
        assert_eq!(tries.wait(bad, at(4)), Some(Duration::from_secs(60)));
        assert!(
            tries.wait(ip("2001:db8::2"), at(5)).is_some(),
            "the same network"
        );
        assert_eq!(tries.wait(good, at(5)), None);
        assert_eq!(tries.wait(bad, at(65)), None);
        for n in 0..60u8 {
            tries.wrong(IpAddr::from([10, 0, 0, n]), at(100));
        }
        assert!(
            tries.wait(good, at(100)).is_some(),
            "a swarm slows everybody down"
        );
        assert_eq!(tries.wait(good, at(106)), None);
    }

    #[test]
    fn a_link_hides_its_code_behind_the_fragment() {
        let link_of = |address: &str| link(address.parse().unwrap(), "abc");
        assert_eq!(link_of("127.0.0.1:7788"), "http://127.0.0.1:7788/enter#abc");
        assert_eq!(link_of("0.0.0.0:80"), "http://localhost:80/enter#abc");
        assert_eq!(link_of("[::1]:7788"), "http://[::1]:7788/enter#abc");
    }
}
