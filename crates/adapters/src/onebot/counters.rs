//! What a OneBot account counts, for `/metrics`. Only counts; nobody decides by these numbers.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// One number for each kind of thing that links bring or lack.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        impl Counters {
            /// Every counter by its name, in a fixed order.
            pub fn read(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

counters! {
    /// Events handed to the house.
    events,
    /// Events the house had no room for.
    shed,
    /// Answers that found their call.
    responses,
    /// Answers that nobody waits for, or waits no more.
    unknown_echo,
    /// Answers without an echo.
    missing_echo,
    /// Answers whose echo is no text.
    odd_echo,
    /// Frames that are neither answer nor known event.
    other,
    /// Frames that are not JSON.
    not_json,
    /// Frames that are JSON and no object.
    not_an_object,
    /// Frames nested too deep.
    too_deep,
    /// Frames beyond the cap.
    too_long,
    /// Frames that are not text.
    binary,
    /// Frames that are not UTF-8; each ends its link.
    not_utf8,
    /// Events that lack what they are about.
    missing_field,
    /// Events with an id that is none.
    bad_id,
    /// Messages that are neither of a group nor private.
    no_such_room,
    /// Events of another account.
    foreign_self,
    /// Messages whose two forms say different words.
    differing,
    /// Links that came.
    links_opened,
    /// Links that went.
    links_closed,
    /// Links closed for noise.
    links_noisy,
    /// Links on which nothing was heard for too long.
    links_dead,
    /// Links that we dialled and that never said anything.
    links_deaf,
    /// Times we dialled.
    dials,
    /// … and reached nobody.
    dials_failed,
    /// … and were refused for our token.
    dials_refused,
    /// Knocks without a token.
    refused_no_token,
    /// Knocks with a wrong token.
    refused_wrong_token,
    /// Knocks for another account.
    refused_self_id,
    /// Knocks in a role that we do not know.
    refused_role,
    /// Knocks while the house was not open.
    refused_closed,
}

pub(super) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
