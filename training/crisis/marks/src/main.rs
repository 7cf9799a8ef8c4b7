//! `label<TAB>kind<TAB>line` lines → for each part of each line its marks: `number<TAB>flags<TAB>places`, the
//! number being that of the line, the flags whether the part is anchored and whether it is all in ASCII.
//! `marks THINGS < LINES`

/// What `reading` needs of the crate that it is from.
mod normalise {
    pub mod lexicon {
        /// Only says where anchors may begin.
        pub fn mix(n: u64) -> u64 {
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
        }
    }
}

#[path = "../../../../crates/core/src/rules"]
mod rules {
    mod reading;
    #[path = "crisis"]
    mod crisis {
        mod chinese;
        mod english;
        pub mod marks;

        pub const ANCHORS: [&[&str]; 2] = [english::ANCHORS, chinese::ANCHORS];
    }

    use std::io::{BufRead, Write};

    use crisis::marks::{Things, parts, read};
    use reading::{Finder, Plain};

    pub fn run() -> Result<(), Box<dyn std::error::Error>> {
        let path = std::env::args().nth(1).ok_or("usage: marks THINGS < LINES")?;
        let things = Things::new(&std::fs::read_to_string(path)?);
        let anchors = crisis::ANCHORS.map(|anchors| Finder::new(anchors, &[], &[], &[]));
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for (number, line) in std::io::stdin().lock().lines().enumerate() {
            let line = line?;
            let text = line.splitn(3, '\t').nth(2).unwrap_or_default().replace("\\n", "\n");
            let plain = Plain::of(&text, 0..text.len());
            let plain = std::str::from_utf8(plain.text())?;
            for part in parts(plain).into_iter().map(|part| &plain[part]) {
                let anchored = anchors.iter().any(|anchors| anchors.may(part));
                let mut places = Vec::new();
                read(&things, part, &mut |place| places.push(place.to_string()));
                let [anchored, ascii] = [anchored, part.is_ascii()].map(u8::from);
                writeln!(out, "{number}\t{anchored}{ascii}\t{}", places.join(" "))?;
            }
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    rules::run()
}
