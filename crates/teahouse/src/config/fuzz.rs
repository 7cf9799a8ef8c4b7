//! 20,000 hostile settings and charters (I-28): no panic, an error that a person can read, and never a secret in it.

use teahouse_testkit::mutate::Mutator;

use super::tests::{CHARTER, SETTINGS};
use super::*;

const CASES: usize = 20_000;
const WORDS: [&str; 14] = [
    "[[account]]\n",
    "[server]\n",
    "token = ",
    "\"",
    "\"\"\"",
    "{ env = \"TOKEN\" }",
    "\t",
    "\r\n",
    "\u{feff}",
    "# ",
    "= 1e400\n",
    "quiet = [\"25:00-07:00\"]\n",
    "price = { input = \"-1\" }",
    "[[[[",
];

#[test]
fn no_settings_panic_or_show_a_secret() {
    let files = [SETTINGS, CHARTER];
    let corpus = files.map(|file| file.as_bytes().to_vec());
    let mut mutator = Mutator::new(19, &corpus, &WORDS);
    let folder = tempfile::tempdir().unwrap();
    let charter = folder.path().join("charter.toml");
    std::fs::write(&charter, CHARTER).unwrap();
    let file = folder.path().join("teahouse.toml");
    let secrets = |name: &str| (!name.is_empty()).then(|| "s3cret-of-the-test".to_owned());
    for case in 0..CASES {
        let mut text = mutator.next_case();
        text.truncate(2_000);
        std::fs::write(&file, &text).unwrap();
        let told = match case % 2 {
            0 => load(&file, &secrets).err().unwrap_or_default(),
            _ => load_charter(&file).err().into_iter().collect(),
        };
        for error in told {
            let shown = error.to_string();
            assert!(
                shown.len() < 16 * 1024,
                "case {case}: {} bytes",
                shown.len()
            );
            assert!(!shown.contains("s3cret"), "case {case}: {shown}");
        }
    }
}
