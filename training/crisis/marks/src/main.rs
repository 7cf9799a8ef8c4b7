//! `label<TAB>kind<TAB>line` lines → of each line `number<TAB>glance<TAB>places`, the pairs of places of its words at a
//! glance, and of each of its parts `number<TAB>flags<TAB>places`, its marks; the number is that of the line, the flags
//! are whether the part is anchored and whether it is all in ASCII. `marks THINGS < LINES`

#[path = "../../../../crates/core/src/rules"]
mod rules {
    mod reading;
    #[path = "crisis"]
    mod crisis {
        mod chinese;
        mod english;
        pub mod glance;
        pub mod marks;

        /// For whose sake a part is weighed.
        pub fn anchors() -> [Vec<&'static str>; 2] {
            [
                (english::ANCHORS, english::ORDINARY),
                (chinese::ANCHORS, chinese::ORDINARY),
            ]
            .map(|(anchors, ordinary)| {
                let mut anchors = anchors.to_vec();
                anchors.retain(|anchor| !ordinary.contains(anchor));
                anchors
            })
        }
    }

    use std::io::{BufRead, Write};

    use crisis::glance::Words;
    use crisis::marks::{Things, parts, read};
    use reading::{Finder, Plain};

    pub fn run() -> Result<(), Box<dyn std::error::Error>> {
        let path = std::env::args().nth(1).ok_or("usage: marks THINGS < LINES")?;
        let things = Things::new(&std::fs::read_to_string(path)?);
        let anchors = crisis::anchors().map(|anchors| Finder::new(&anchors, &[], &[], &[]));
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for (number, line) in std::io::stdin().lock().lines().enumerate() {
            let line = line?;
            let text = line.splitn(3, '\t').nth(2).unwrap_or_default().replace("\\n", "\n");
            let glanced = Words::of(&text).flatten();
            let glanced: Vec<String> = glanced.map(|[one, two]| format!("{one} {two}")).collect();
            writeln!(out, "{number}\tglance\t{}", glanced.join(" "))?;
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
