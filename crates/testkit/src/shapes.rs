//! The twelve shapes in which a provider fails, over real sockets: each makes a first provider that fails like that
//! and never does anything else. What should follow is the test's, or the bench's, to say.

use std::time::Duration;

use serde_json::json;

use crate::model_server::{Answer, Cut, FakeModel, Reply};
use crate::process::Ground;
use crate::tls::{Authority, Flaw, TlsFront};

/// How a provider fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nobody listens there.
    Refused,
    /// Its name is unknown.
    Dns,
    /// Its certificate is wrong.
    Tls(Flaw),
    /// The connection is reset before any header.
    Reset,
    /// An error's status: 401, 402, 404, 429 or 503.
    Status(u16),
    /// 200, and an error in place of an answer.
    ErrorObject,
    /// It takes the question and says nothing.
    Hang,
    /// It breaks off within the first sentence.
    CutShort,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 12] = [
        Shape::Refused,
        Shape::Dns,
        Shape::Tls(Flaw::Expired),
        Shape::Reset,
        Shape::Status(401),
        Shape::Status(402),
        Shape::Status(404),
        Shape::Status(429),
        Shape::Status(503),
        Shape::ErrorObject,
        Shape::Hang,
        Shape::CutShort,
    ];

    /// The first-token clock of the one that hangs.
    pub const CLOCK: Duration = Duration::from_secs(1);

    /// Its name in a table.
    pub fn name(self) -> String {
        match self {
            Shape::Refused => "connection refused".into(),
            Shape::Dns => "unknown name (DNS)".into(),
            Shape::Tls(flaw) => format!("TLS, certificate {flaw:?}").to_lowercase(),
            Shape::Reset => "reset before headers".into(),
            Shape::Status(status) => status.to_string(),
            Shape::ErrorObject => "200 with an error object".into(),
            Shape::Hang => "hang before the first token".into(),
            Shape::CutShort => "cut in mid-stream".into(),
        }
    }

    /// Whether questions get as far as its server, so that calls can be counted there.
    pub fn is_reached(self) -> bool {
        !matches!(self, Shape::Refused | Shape::Dns | Shape::Tls(_))
    }

    /// A provider that fails like this.
    pub async fn stage(self) -> Staged {
        let main = FakeModel::start().await;
        let authority = Authority::default();
        let mut front = None;
        let mut base_url = main.base_url();
        match self {
            Shape::Refused => main.goes_down(),
            Shape::Dns => base_url = "https://no-such-host.invalid/v1".into(),
            Shape::Tls(flaw) => {
                let tls = TlsFront::before(main.address(), &authority, flaw).await;
                base_url = tls.base_url();
                front = Some(tls);
            }
            Shape::Reset => main.always(Reply::reset()),
            Shape::Status(status) => main.always(Reply::error(status)),
            Shape::ErrorObject => {
                let error = json!({"error": {"message": "upstream went away", "code": null}});
                main.always(Reply::json(200, &error));
            }
            Shape::Hang => main.always(Reply::hang()),
            Shape::CutShort => {
                let answer = Answer::new("Tea is red because its leaves are oxidised.");
                main.always(answer.cut(Cut::Broken(400)).into());
            }
        }
        Staged {
            main,
            base_url,
            trusted: authority.pem().to_owned(),
            hangs: self == Shape::Hang,
            _front: front,
        }
    }
}

/// A first provider that fails.
pub struct Staged {
    /// The server behind it.
    pub main: FakeModel,
    base_url: String,
    trusted: String,
    hangs: bool,
    _front: Option<TlsFront>,
}

impl Staged {
    /// The ground's first provider, before a healthy spare.
    pub fn stands_before(&self, spare: &FakeModel, ground: &mut Ground) {
        ground.models = vec![
            ("main".into(), self.base_url.clone()),
            ("spare".into(), spare.base_url()),
        ];
        if self.hangs {
            ground.provider = format!("first_token = \"{}s\"\n", Shape::CLOCK.as_secs());
        }
        // The authority is trusted: what is refused is refused for the flaw alone.
        let file = ground.file("authority.pem");
        std::fs::write(&file, &self.trusted).expect("the file is written");
        let file = file.to_str().expect("names are UTF-8").to_owned();
        ground.environment.insert("SSL_CERT_FILE".into(), file);
    }
}
