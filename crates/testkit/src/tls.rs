//! A TLS server in front of a scripted one: an authority of its own that a house can be told to trust, and the
//! certificates that a server should never have. What it lets through is the server behind it, untouched.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// It names another server.
    OtherName,
    /// Its time is over.
    Expired,
    /// Nobody knows who signed it.
    UnknownIssuer,
}

/// Signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Default for Authority {
    fn default() -> Self {
        let key = KeyPair::generate().expect("a key is made");
        let mut params = CertificateParams::new(Vec::new()).expect("it has no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("it signs itself").pem();
        Authority {
            issuer: Issuer::new(params, key),
            pem,
        }
    }
}

impl Authority {
    /// For the file of those who are trusted.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    fn signs(&self, flaw: Flaw) -> ServerConfig {
        let name = match flaw {
            Flaw::OtherName => "elsewhere.example",
            Flaw::None | Flaw::Expired | Flaw::UnknownIssuer => "localhost",
        };
        let key = KeyPair::generate().expect("a key is made");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        if flaw == Flaw::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).expect("it is signed");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the key fits the certificate")
    }
}

/// A server that speaks TLS and hands everything on. It stops when dropped.
pub struct TlsFront {
    address: SocketAddr,
    _stop: DropGuard,
}

impl TlsFront {
    /// In front of a server, with a certificate of this authority, or of another that nobody trusts.
    pub async fn before(behind: SocketAddr, authority: &Authority, flaw: Flaw) -> TlsFront {
        let config = match flaw {
            Flaw::UnknownIssuer => Authority::default().signs(flaw),
            Flaw::None | Flaw::OtherName | Flaw::Expired => authority.signs(flaw),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let (acceptor, stop) = (
            TlsAcceptor::from(Arc::new(config)),
            CancellationToken::new(),
        );
        let (tasks, stopped) = (TaskTracker::new(), stop.clone());
        tasks.clone().spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = stopped.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((socket, _)) = accepted else { continue };
                let (acceptor, stopped) = (acceptor.clone(), stopped.clone());
                tasks.spawn(async move {
                    let serving = async {
                        // Whoever does not trust us goes away.
                        let mut inner = acceptor.accept(socket).await?;
                        let mut outer = TcpStream::connect(behind).await?;
                        copy_bidirectional(&mut inner, &mut outer).await
                    };
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        _ = serving => {}
                    }
                });
            }
        });
        TlsFront {
            address,
            _stop: stop.drop_guard(),
        }
    }

    /// For a provider's `base_url`.
    pub fn base_url(&self) -> String {
        format!("https://localhost:{}/v1", self.address.port())
    }
}
