//! The model itself: one thread owns llama.cpp's model and its only context (two contexts made
//! at once are unsound, says the crate), takes one request after another and writes tokens.
//!
//! Between requests it keeps what the context holds, so that the same house rules at the head of
//! the next prompt need not be read again. It stops writing when nobody listens any more.
//! It never touches the socket.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::Context;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::model::{LlamaChatMessage, LlamaChatTemplate, LlamaModel};
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::{LogOptions, send_logs_to_tracing};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::server::{Desk, Event, Facts, Job};
use crate::text::{WholeText, disarm};
use crate::wire::{Finish, Message, Refusal, Request, Sampling, Usage};

pub struct Settings {
    pub name: String,
    pub model: PathBuf,
    pub threads: u16,
    pub context: u32,
}

/// Prompt tokens computed in one go. Small enough that a hung-up client is noticed within a few
/// seconds on a slow machine (20 to 40 tokens a second were measured on two busy cores); 512 was no
/// faster there.
const BATCH: usize = 128;
const REPEAT_PENALTY: f32 = 1.05;
const REPEAT_WINDOW: i32 = 64;

/// Loads the model, says so on the desk, then answers until told to stop. An error means that
/// this process is of no use any more.
pub fn run(
    settings: &Settings,
    desk: &Desk,
    mut jobs: mpsc::Receiver<Job>,
    runtime: &Handle,
) -> anyhow::Result<()> {
    send_logs_to_tracing(LogOptions::default());
    looks_like_gguf(&settings.model)?;
    let backend = LlamaBackend::init().context("cannot start llama.cpp")?;
    let model = LlamaModel::load_from_file(&backend, &settings.model, &LlamaModelParams::default()).with_context(|| {
        format!("cannot load the model {}; the file may be damaged (`teahouse model verify`) or too big for the memory", settings.model.display())
    })?;
    let mut engine = Engine::new(&backend, &model, settings)?;
    desk.loaded.send_replace(Some(Facts {
        n_ctx: engine.n_ctx(),
        n_params: model.n_params(),
        size: model.size(),
    }));

    let next = |jobs: &mut mpsc::Receiver<Job>| {
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = desk.stop.cancelled() => None,
                job = jobs.recv() => job,
            }
        })
    };
    while let Some(job) = next(&mut jobs) {
        let last = match engine.answer(&job, desk) {
            Ok(Some(done)) => done,
            Ok(None) => continue,
            Err(refusal) => Event::Refused(refusal),
        };
        // The client may have left a moment ago; then nobody misses this.
        let _ = job.events.try_send(last);
    }
    Ok(())
}

fn looks_like_gguf(path: &Path) -> anyhow::Result<()> {
    let mut magic = [0u8; 4];
    std::fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut magic))
        .with_context(|| format!("cannot read the model {}", path.display()))?;
    anyhow::ensure!(
        &magic == b"GGUF",
        "cannot load the model {}: it does not begin with GGUF, so it is no model file",
        path.display()
    );
    Ok(())
}

struct Engine<'model> {
    model: &'model LlamaModel,
    context: LlamaContext<'model>,
    template: LlamaChatTemplate,
    /// Texts that would be read as control tokens if a person wrote them.
    control_texts: Vec<String>,
    /// What the context holds, in order.
    held: Vec<LlamaToken>,
}

impl<'model> Engine<'model> {
    fn new(
        backend: &LlamaBackend,
        model: &'model LlamaModel,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let threads = i32::from(settings.threads);
        let wanted = settings.context.min(model.n_ctx_train().max(1));
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(wanted))
            .with_n_batch(BATCH as u32)
            .with_n_ubatch(BATCH as u32)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        let context = model.new_context(backend, params).with_context(|| {
            format!("cannot make a context of {wanted} tokens; try a smaller --context")
        })?;
        let template = match model.chat_template(None) {
            Ok(template) => template,
            Err(_) => LlamaChatTemplate::new("chatml")?,
        };
        let vocab = model.vocab();
        let control_texts = vocab
            .tokens()
            .filter(|token| vocab.is_control(*token))
            .filter_map(|token| vocab.text(token)?.to_str().ok().map(String::from))
            .filter(|text| text.chars().count() > 1)
            .collect();
        Ok(Self {
            model,
            context,
            template,
            control_texts,
            held: Vec::new(),
        })
    }

    fn n_ctx(&self) -> usize {
        self.context.n_ctx() as usize
    }

    /// Answers one request. `None`: the client left, so there is nobody to tell.
    fn answer(&mut self, job: &Job, desk: &Desk) -> Result<Option<Event>, Refusal> {
        let left = || job.events.is_closed();
        if left() {
            return Ok(None);
        }
        let prompt = self.tokens(&job.request)?;
        let cached = self.keep_common_prefix(&prompt);
        if !self.read(&prompt[cached..], &|| left() || desk.stop.is_cancelled())? {
            return if left() {
                Ok(None)
            } else {
                Err(Refusal::Stopping)
            };
        }
        // Sent once the prompt is read, so that a client may see the slow part end.
        let _ = job.events.try_send(Event::Started);

        let room = self.n_ctx() - prompt.len();
        let limit = job
            .request
            .max_tokens
            .map_or(room, |max| room.min(max as usize));
        let mut usage = Usage {
            prompt: prompt.len(),
            cached,
            completion: 0,
        };
        let mut sampler = self.sampler(job.request.sampling);
        let mut text = WholeText::default();
        let finish = loop {
            if usage.completion == limit {
                break Finish::Length;
            }
            let token = sampler.sample(&self.context, -1);
            usage.completion += 1;
            if self.model.vocab().is_eog(token) {
                break Finish::Stop;
            }
            let piece = text.push(&self.model.vocab().token_to_piece(token, false, None));
            if !piece.is_empty() && job.events.try_send(Event::Text(piece)).is_err() {
                return Ok(None);
            }
            if left() {
                return Ok(None);
            }
            // A last token's place in the context would never be used.
            if usage.completion < limit && !self.read(&[token], &|| desk.stop.is_cancelled())? {
                return Err(Refusal::Stopping);
            }
        };
        Ok(Some(Event::Done { finish, usage }))
    }

    /// The request in the model's own template, as tokens that leave room for an answer.
    fn tokens(&self, request: &Request) -> Result<Vec<LlamaToken>, Refusal> {
        let chat: Vec<LlamaChatMessage> = request
            .messages
            .iter()
            .map(|Message { role, content }| {
                LlamaChatMessage::new((*role).into(), disarm(content, &self.control_texts))
                    .expect("disarm leaves no NUL")
            })
            .collect();
        let prompt = self
            .model
            .apply_chat_template(&self.template, &chat, true)
            .map_err(|error| {
                Refusal::Engine(format!(
                    "cannot put the messages into the model's chat template: {error}"
                ))
            })?;
        let tokens = self.model.vocab().tokenize(prompt.as_bytes(), true, true);
        if tokens.is_empty() || tokens.len() >= self.n_ctx() {
            return Err(Refusal::TooLong {
                n_prompt_tokens: tokens.len(),
                n_ctx: self.n_ctx(),
            });
        }
        Ok(tokens)
    }

    /// Drops from the context what differs from `prompt` and returns how many tokens stay. The
    /// prompt's last token always goes: only computing it again gives the first word's odds.
    fn keep_common_prefix(&mut self, prompt: &[LlamaToken]) -> usize {
        let common = self
            .held
            .iter()
            .zip(prompt)
            .take_while(|(held, wanted)| held == wanted)
            .count()
            .min(prompt.len() - 1);
        let cut = u32::try_from(common).ok();
        // Models with a running state cannot be cut in the middle; they start over.
        if common > 0 && self.context.kv_cache_seq_rm(0, cut, None).is_ok() {
            self.held.truncate(common);
        } else {
            self.context.clear_kv_cache();
            self.held.clear();
        }
        self.held.len()
    }

    /// Computes tokens after what the context holds. False: given up because `give_up` said so.
    fn read(&mut self, tokens: &[LlamaToken], give_up: &dyn Fn() -> bool) -> Result<bool, Refusal> {
        let mut batch = LlamaBatch::new(BATCH, 1);
        for part in tokens.chunks(BATCH) {
            if give_up() {
                return Ok(false);
            }
            batch.clear();
            for (i, token) in part.iter().enumerate() {
                let position = i32::try_from(self.held.len() + i)
                    .expect("a context is smaller than 2^31 tokens");
                batch
                    .add(*token, position, &[0], i + 1 == part.len())
                    .expect("a part fits its batch");
            }
            if let Err(error) = self.context.decode(&mut batch) {
                // Half a batch may be in there; nothing of it can be trusted.
                self.context.clear_kv_cache();
                self.held.clear();
                return Err(Refusal::Engine(format!(
                    "llama.cpp cannot compute the next tokens: {error}"
                )));
            }
            self.held.extend_from_slice(part);
        }
        Ok(true)
    }

    fn sampler(&self, sampling: Sampling) -> LlamaSampler {
        let penalties = LlamaSampler::penalties(
            self.model.vocab().n_tokens(),
            REPEAT_WINDOW,
            REPEAT_PENALTY,
            0.0,
            0.0,
        );
        match sampling {
            Sampling::Greedy => LlamaSampler::chain_simple([penalties, LlamaSampler::greedy()]),
            Sampling::Chance {
                temperature,
                top_p,
                seed,
            } => LlamaSampler::chain_simple([
                penalties,
                LlamaSampler::top_k(40),
                LlamaSampler::top_p(top_p, 1),
                LlamaSampler::temp(temperature),
                LlamaSampler::dist(seed.unwrap_or_else(any_seed)),
            ]),
        }
    }
}

/// The standard library's hasher is keyed by the system's randomness: enough for picking words.
fn any_seed() -> u32 {
    RandomState::new().build_hasher().finish() as u32
}
