//! Prints a table of n-grams: the n-gram, a tab, the logarithm of its relative frequency.
use fst::Streamer;
use std::io::Write;
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: fstdump FILE")?;
    let map = fst::Map::new(std::fs::read(path)?)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut stream = map.stream();
    while let Some((key, value)) = stream.next() {
        writeln!(out, "{}\t{}", String::from_utf8_lossy(key), f64::from_bits(value))?;
    }
    Ok(())
}
