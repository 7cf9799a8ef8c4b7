//! A provider that answers, fails, breaks off, hangs, says nothing or lies about its usage, as the seed will have it.
//! Each sentence it says bears the token of the question: whoever hears it knows where it belongs.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use teahouse_core::{ChatRequest, FailureKind, Finish};
use teahouse_providers::{ChatStream, Provider, ProviderError};
use teahouse_testkit::script::{Script, ScriptedProvider};

use super::chance::Chance;
use super::laws::Token;
use super::world::World;

const FAILURES: [FailureKind; 19] = [
    FailureKind::BadKey,
    FailureKind::IpOrRegion,
    FailureKind::AccountDead,
    FailureKind::NoMoney,
    FailureKind::PlanWindow,
    FailureKind::NoRight,
    FailureKind::Rate,
    FailureKind::Overloaded,
    FailureKind::Server,
    FailureKind::Timeout,
    FailureKind::Network,
    FailureKind::TooLong,
    FailureKind::ContentInput,
    FailureKind::ContentOutput,
    FailureKind::BadRequest,
    FailureKind::BadModel,
    FailureKind::Conflict,
    FailureKind::Interrupted,
    FailureKind::Empty,
];

pub struct SimModel {
    name: &'static str,
    world: Arc<World>,
    inner: ScriptedProvider,
}

impl SimModel {
    pub fn new(name: &'static str, world: Arc<World>) -> Self {
        SimModel {
            name,
            world,
            inner: ScriptedProvider::new(name),
        }
    }

    fn script(&self, asked: Option<&Token>) -> Script {
        let Some(asked) = asked else {
            return Script::say("Tea.");
        };
        let (world, faults) = (&self.world, &self.world.faults);
        let dice = world.dice(&format!(
            "model {} {}x{}",
            self.name, asked.room, asked.serial
        ));
        if world.strikes(dice.of("fails"), faults.fails) {
            return Script::fail(dice.of("failure").one(&FAILURES));
        }
        if world.strikes(dice.of("hangs"), faults.hangs) {
            return Script::new().hangs();
        }
        if world.strikes(dice.of("silent"), faults.silent) {
            return match dice.of("silence").below(4) {
                0 => Script::new().stops(Finish::Stop),
                1 => Script::say(" \n\t "),
                2 => Script::say("<think>tea, tea</think>"),
                _ => Script::new().stops(Finish::Filtered),
            };
        }
        self.answer(asked, dice)
    }

    fn answer(&self, asked: &Token, dice: Chance) -> Script {
        let (world, faults) = (&self.world, &self.world.faults);
        let sentences = dice.of("length").one(&[1, 1, 2, 4, 12, 40]);
        let pause = Duration::from_millis(dice.of("pause").one(&[0, 5, 60, 700]));
        let mut script = Script::new().waits(Duration::from_millis(dice.of("first").below(2_500)));
        if dice.of("thinks").below(6) == 0 {
            script = script.thinks_for(Duration::from_secs(10));
        }
        let breaks = world.strikes(dice.of("breaks"), faults.breaks);
        let hangs = world.strikes(dice.of("hangs late"), faults.hangs / 2);
        let last = if breaks || hangs {
            dice.of("last").below(sentences)
        } else {
            sentences
        };
        for n in 0..last {
            let (room, serial) = (asked.room, asked.serial);
            let words = format!("This is w{room}x{serial}s{n}w, said about tea. ");
            script = match pause.is_zero() {
                true => script.says(words),
                false => script.says_slowly(&words, pause / 6),
            };
        }
        if breaks {
            return script.fails(dice.of("failure").one(&FAILURES));
        }
        if hangs {
            return script.hangs();
        }
        match world.strikes(dice.of("liar"), faults.liar_usage) {
            true => {
                let lies = [0, 1, 9_999_999, u64::MAX];
                script.used(
                    dice.of("prompt").one(&lies),
                    dice.of("completion").one(&lies),
                )
            }
            false => script.used(100, 20 * sentences),
        }
    }
}

#[async_trait]
impl Provider for SimModel {
    fn name(&self) -> &str {
        self.name
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatStream, ProviderError> {
        self.world.door().await;
        let accounts = 1 + usize::from(self.world.faults.two_accounts);
        let asked = self.world.truth().called(self.name, request, accounts);
        let script = self.script(asked.as_ref());
        if let Some(asked) = &asked {
            let room = format!("{}{}", if asked.room == 0 { "d" } else { "g" }, asked.room);
            let what = format!("asks {} about q{}x{}q", self.name, asked.room, asked.serial);
            self.world.truth().note(&room, what);
        }
        self.inner.next(script);
        let chunks = self.inner.chat(request).await?;
        let world = self.world.clone();
        let guarded = chunks.then(move |chunk| {
            let world = world.clone();
            async move {
                world.door().await;
                chunk
            }
        });
        Ok(guarded.boxed())
    }
}
