//! `class<TAB>text` lines → the table of weights: a linear model with one weight a feature and class, softmax over
//! classes, AdaGrad; rounded to one byte a weight. `train LINES WEIGHTS [EPOCHS]`

#[path = "../../../../crates/core/src/rules/language/grams.rs"]
mod grams;

use grams::{BUCKETS, WIDTH, Walk};

const CLASSES: [&str; 22] = [
    "en", "pinyin", "fr", "de", "es", "pt", "it", "nl", "id", "ms", "tl", "vi", "sv", "da", "no", "fi", "pl", "tr",
    "ro", "cs", "hu", "xx",
];
/// One byte is this part of a nat.
const SCALE: f32 = 24.0;
const RATE: f32 = 0.12;
const DECAY: f32 = 2e-6;

struct Line {
    class: usize,
    places: Vec<u32>,
}

fn places(text: &str) -> Vec<u32> {
    let mut places = Vec::new();
    let mut touch = |place: usize| places.push(place as u32);
    let mut walk: Option<Walk> = None;
    for letter in text.chars() {
        let letter = if letter == '’' { '\'' } else { letter };
        if letter.is_alphabetic() || (letter == '\'' && walk.is_some()) {
            let lower = letter.to_lowercase().next().unwrap_or(letter);
            walk.get_or_insert_with(Walk::new).letter(lower, &mut touch);
        } else if let Some(mut walk) = walk.take() {
            walk.end(&mut touch);
        }
    }
    if let Some(mut walk) = walk {
        walk.end(&mut touch);
    }
    places.truncate(400);
    places
}

fn scores(weights: &[f32], places: &[u32]) -> [f32; WIDTH] {
    let mut sum = [0.0; WIDTH];
    for place in places {
        let row = &weights[*place as usize * WIDTH..][..WIDTH];
        for (sum, weight) in sum.iter_mut().zip(row) {
            *sum += weight;
        }
    }
    sum
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let text = std::fs::read_to_string(&arguments[1]).expect("the lines can be read");
    let epochs: usize = arguments.get(3).map_or(5, |epochs| epochs.parse().expect("a number"));
    let mut lines: Vec<Line> = Vec::new();
    let mut counts = [0usize; WIDTH];
    for line in text.lines() {
        let Some((class, text)) = line.split_once('\t') else { continue };
        let class = CLASSES.iter().position(|name| *name == class).expect("a class");
        let places = places(text);
        if !places.is_empty() {
            counts[class] += 1;
            lines.push(Line { class, places });
        }
    }
    let mut chance = 0x2545_F491_4F6C_DD1Du64;
    let mut next = |below: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % below as u64) as usize
    };
    for at in (1..lines.len()).rev() {
        lines.swap(at, next(at + 1));
    }
    let held = lines.split_off(lines.len() - lines.len() / 50);
    println!("{} lines, {:?}", lines.len(), counts);
    let mut weights = vec![0.0f32; BUCKETS * WIDTH];
    let mut squares = vec![1e-3f32; BUCKETS * WIDTH];
    for epoch in 0..epochs {
        let mut loss = 0.0f64;
        for _ in 0..lines.len() {
            let line = &lines[next(lines.len())];
            // Letters of a word are no independent witnesses: a softer sum keeps the scores honest.
            let soft = 1.0 / (line.places.len() as f32).sqrt().max(1.0) * 2.0;
            let sum = scores(&weights, &line.places);
            let most = sum[..CLASSES.len()].iter().fold(f32::MIN, |a, b| a.max(b * soft));
            let mut share = [0.0f32; WIDTH];
            let mut total = 0.0;
            for class in 0..CLASSES.len() {
                share[class] = (sum[class] * soft - most).exp();
                total += share[class];
            }
            for share in &mut share {
                *share /= total;
            }
            loss -= f64::from(share[line.class].max(1e-9).ln());
            share[line.class] -= 1.0;
            for place in &line.places {
                let at = *place as usize * WIDTH;
                for class in 0..CLASSES.len() {
                    let slope = share[class] * soft + DECAY * weights[at + class];
                    squares[at + class] += slope * slope;
                    weights[at + class] = (weights[at + class] - RATE * slope / squares[at + class].sqrt())
                        .clamp(-127.0 / SCALE, 127.0 / SCALE);
                }
            }
        }
        println!("epoch {epoch}: loss {:.4}", loss / lines.len() as f64);
    }
    let bytes: Vec<u8> = weights.iter().map(|weight| (weight * SCALE).round() as i8 as u8).collect();
    let rounded: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte as i8) / SCALE).collect();
    let mut right = [0usize; WIDTH];
    let mut of = [0usize; WIDTH];
    for line in &held {
        let sum = scores(&rounded, &line.places);
        let best = (0..CLASSES.len()).max_by(|a, b| sum[*a].total_cmp(&sum[*b])).unwrap_or(0);
        of[line.class] += 1;
        right[line.class] += usize::from(best == line.class);
    }
    for class in 0..CLASSES.len() {
        println!("{} {:.4} of {}", CLASSES[class], right[class] as f64 / of[class].max(1) as f64, of[class]);
    }
    let clipped = bytes.iter().filter(|byte| (**byte as i8).unsigned_abs() >= 127).count();
    println!("clipped {clipped}, zero {}", bytes.iter().filter(|byte| **byte == 0).count());
    std::fs::write(&arguments[2], bytes).expect("the weights can be written");
}
