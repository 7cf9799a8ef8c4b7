//! Forward WebSocket: the bridge listens and we dial, again and again with growing pauses. A bridge that refuses our
//! token is asked rarely, since nothing changes until a person acts. What a link brings is `links.rs`'s.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use rand::RngExt;
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tracing::{debug, error, warn};

use super::counters::add;
use super::door::{BUFFER, LinkRole, MOST_UNWRITTEN};
use super::links::Way;
use super::{LONGEST_FRAME, OneBot};
use crate::dialled::Dialled;
use crate::link::Ended;

/// A bridge that is there answers at once.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A link that has lived so long was a good one.
const HEALTHY: Duration = Duration::from_secs(60);
/// A wrong token stays wrong until somebody corrects it.
const AFTER_REFUSAL: Duration = Duration::from_secs(5 * 60);
/// The code with which a bridge closes on a wrong token.
const POLICY: u16 = 1008;

/// What became of one dial.
#[derive(Debug)]
enum Dial {
    /// There was a link for so long.
    Lived(Duration),
    /// Nobody answered, or not as a bridge does.
    Unreachable(String),
    /// The token is wrong there.
    Refused,
    /// The house closes.
    Stopped,
}

impl OneBot {
    /// Dials until told to stop.
    pub(super) async fn keep_dialling(self: Arc<Self>, url: String) {
        let mut failures = 0;
        let mut was_refused = false;
        let mut was_missed = false;
        loop {
            let dial = tokio::select! {
                dial = self.dial(&url) => dial,
                () = self.closing.cancelled() => return,
            };
            let refused = matches!(dial, Dial::Refused);
            self.state().refused = refused;
            self.show_connection();
            failures = match &dial {
                Dial::Stopped => return,
                Dial::Lived(length) if *length >= HEALTHY => 1,
                Dial::Lived(_) | Dial::Refused => failures + 1,
                Dial::Unreachable(why) => {
                    add(&self.counters.dials_failed);
                    if !was_missed {
                        warn!(account = %self.name, url, "the bridge of account \"{}\" at {url} cannot be reached: {why}; trying again", self.name);
                    } else {
                        debug!(account = %self.name, url, failures, "the bridge of account \"{}\" at {url} cannot be reached: {why}", self.name);
                    }
                    failures + 1
                }
            };
            if refused {
                add(&self.counters.dials_refused);
                self.knocks.refused_us(&url);
                if !was_refused {
                    error!(account = %self.name, url, "the bridge of account \"{}\" at {url} refuses our token: enter the same token there and here; next try in 5 minutes", self.name);
                }
            }
            was_refused = refused;
            was_missed = matches!(dial, Dial::Unreachable(_));
            let pause = match refused {
                true => AFTER_REFUSAL,
                false => pause(failures, rand::rng().random()),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closing.cancelled() => return,
            }
        }
    }

    /// One dial, and the link to its end.
    async fn dial(self: &Arc<Self>, url: &str) -> Dial {
        let mut request = match url.into_client_request() {
            Ok(request) => request,
            Err(error) => return Dial::Unreachable(error.to_string()),
        };
        match HeaderValue::from_str(&format!("Bearer {}", self.token.expose_secret())) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
            }
            Err(_) => return Dial::Unreachable("the token fits no header".into()),
        }
        add(&self.counters.dials);
        let config = WebSocketConfig::default()
            .max_message_size(Some(LONGEST_FRAME))
            .max_frame_size(Some(LONGEST_FRAME))
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_write_buffer_size(MOST_UNWRITTEN);
        let dialled = connect_async_with_config(request, Some(config), true);
        let socket = match timeout(CONNECT_LIMIT, dialled).await {
            Ok(Ok((socket, _))) => socket,
            Ok(Err(Error::Http(answer))) if matches!(answer.status().as_u16(), 401 | 403) => {
                return Dial::Refused;
            }
            Ok(Err(Error::Http(answer))) => {
                return Dial::Unreachable(format!("it answers HTTP {}", answer.status().as_u16()));
            }
            Ok(Err(error)) => return Dial::Unreachable(error.to_string()),
            Err(_) => return Dial::Unreachable("nobody answered within 5 seconds".into()),
        };
        let since = Instant::now();
        let served = Arc::clone(self).serve(Dialled(socket), LinkRole::Universal, Way::Dialled);
        match served.await {
            (Ended::Refused, _) | (Ended::Left(Some(POLICY)), false) => Dial::Refused,
            (Ended::Stopped, _) => Dial::Stopped,
            (_, _) => Dial::Lived(since.elapsed()),
        }
    }
}

/// How long to wait after so many failures in a row: doubled each time, with some chance in it, so that many houses do
/// not dial as one.
fn pause(failures: u32, chance: f64) -> Duration {
    let doubled = FIRST_PAUSE * 2_u32.pow(failures.saturating_sub(1).min(6));
    doubled.min(LONGEST_PAUSE).mul_f64(0.75 + chance / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_one_second_to_a_minute() {
        for (failures, seconds) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (6, 32),
            (7, 60),
            (5_000, 60),
        ] {
            let longest = Duration::from_secs(seconds);
            assert_eq!(pause(failures, 1.0), longest, "{failures}");
            assert_eq!(pause(failures, 0.0), longest.mul_f64(0.75), "{failures}");
        }
    }
}
