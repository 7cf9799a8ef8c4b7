//! Takes the pages' files into the program: our own from `web/`, htmx from where `script/bootstrap` fetched it,
//! proved by its hash. Comments and indentation of our scripts stay here; nothing else is changed. Each is packed as well, for browsers
//! that can unpack.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// htmx 2.0.11, `dist/htmx.min.js`.
const HTMX: &str = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717";

fn main() {
    let web = Path::new("../../web");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let htmx = web.join("node_modules/htmx.org/dist/htmx.min.js");
    let bytes = fs::read(&htmx).unwrap_or_else(|error| {
        stop(&format!(
            "{}: {error}; run script/bootstrap, it fetches the pages' parts",
            htmx.display()
        ))
    });
    if hash(&bytes) != HTMX {
        stop(&format!(
            "{} is not the htmx we know (its SHA-256 differs); run script/bootstrap, it fetches the right one",
            htmx.display()
        ));
    }
    let mut table = String::new();
    let mut take = |name: &str, kind: &str, bytes: &[u8]| {
        let (stem, ending) = name.split_once('.').expect("a file's name has a dot");
        fs::write(out.join(name), bytes).expect("OUT_DIR is writable");
        fs::write(out.join(format!("{name}.gz")), packed(bytes)).expect("OUT_DIR is writable");
        let short = &hash(bytes)[..12];
        table.push_str(&format!(
            "pub(super) const {}: Asset = Asset {{ path: \"/assets/{stem}.{short}.{ending}\", kind: \"{kind}\", \
             hash: \"{short}\", bytes: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\")), \
             packed: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.gz\")) }};\n",
            stem.to_uppercase()
        ));
    };
    take("htmx.js", "text/javascript; charset=utf-8", &bytes);
    for name in ["parlour.js", "door.js"] {
        let script = fs::read_to_string(web.join(name)).expect("web/ has the page's scripts");
        take(
            name,
            "text/javascript; charset=utf-8",
            bare(&script).as_bytes(),
        );
    }
    let css = fs::read(web.join("parlour.css")).expect("web/ has the page's style");
    take("style.css", "text/css; charset=utf-8", &css);
    let mark = fs::read_to_string("templates/mark.svg").expect("templates/ has the mark");
    let mark = mark.replacen(
        "<svg ",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" color=\"#2F6B4F\" ",
        1,
    );
    take("mark.svg", "image/svg+xml", mark.as_bytes());
    fs::write(out.join("assets.rs"), table).expect("OUT_DIR is writable");
    for name in ["parlour.js", "door.js", "parlour.css"] {
        println!("cargo::rerun-if-changed={}", web.join(name).display());
    }
    println!("cargo::rerun-if-changed={}", htmx.display());
    println!("cargo::rerun-if-changed=templates/mark.svg");
    println!("cargo::rerun-if-changed=build.rs");
}

/// Without lines that are comments, and without what stands before a line's first letter.
fn bare(script: &str) -> String {
    let lines = script.lines().map(str::trim_start);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// As gzip: packed once here, so that no visit has to.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer
        .write_all(bytes)
        .and_then(|()| packer.finish())
        .expect("packing into memory does not fail")
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// One clear line instead of a panic's noise.
fn stop(why: &str) -> ! {
    println!("cargo::error={why}");
    std::process::exit(1);
}
