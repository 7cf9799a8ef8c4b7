//! A share that was counted, the bar it has to reach, and how sure that is. Judges nothing but its own bar.

use std::fmt;

/// What a share has to be.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// This much or more.
    AtLeast(f64),
    /// This much or less.
    AtMost(f64),
    /// Only told.
    None,
}

/// So many of so many.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The letter of the evals' README.
    pub need: char,
    /// What was counted, and in which data.
    pub what: String,
    /// So many …
    pub count: u64,
    /// … of so many.
    pub of: u64,
    /// The bar.
    pub bar: Bar,
}

impl Figure {
    pub fn new(need: char, what: impl Into<String>, count: usize, of: usize, bar: Bar) -> Self {
        Figure {
            need,
            what: what.into(),
            count: count as u64,
            of: of as u64,
            bar,
        }
    }

    fn share(&self) -> f64 {
        if self.of == 0 {
            return 0.0;
        }
        self.count as f64 / self.of as f64
    }

    /// Wilson's interval of 95 %.
    fn interval(&self) -> (f64, f64) {
        const Z: f64 = 1.96;
        let (p, n) = (self.share(), (self.of as f64).max(1.0));
        let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let reach = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        ((middle - reach).max(0.0), (middle + reach).min(1.0))
    }

    pub fn is_met(&self) -> bool {
        match self.bar {
            Bar::AtLeast(bar) => self.of > 0 && self.share() >= bar,
            Bar::AtMost(bar) => self.of > 0 && self.share() <= bar,
            Bar::None => true,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.interval();
        let mark = match (self.bar, self.is_met()) {
            (Bar::None, _) => "  ",
            (_, true) => "ok",
            (_, false) => "NO",
        };
        let bar = match self.bar {
            Bar::AtLeast(bar) => format!(">= {bar}"),
            Bar::AtMost(bar) => format!("<= {bar}"),
            Bar::None => "told only".into(),
        };
        write!(
            f,
            "{mark} ({}) {}: {:.4} [{low:.3}, {high:.3}] {}/{} (bar {bar})",
            self.need,
            self.what,
            self.share(),
            self.count,
            self.of
        )
    }
}
