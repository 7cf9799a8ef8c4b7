//! A text as the lists of words read it, made once however many lists look at it: taken apart, put together of its
//! parts where it is written in some, and what reads as ordinary in it. Between the text and `WordList`; knows no list.

use std::cell::{Cell, OnceCell};

use super::line::{Line, Shape, parts};
use super::parts::joined_units;
use super::units::{Unit, units_into};

/// A place for so many units is kept from one text to the next.
const MOST_KEPT: usize = 1 << 14;

thread_local! {
    static UNITS: Cell<Vec<Unit>> = const { Cell::new(Vec::new()) };
}

/// A text that was read.
pub struct Read<'t> {
    pub(super) text: &'t str,
    pub(super) units: Vec<Unit>,
    pub(super) shape: Shape,
    joined: OnceCell<Option<Vec<Unit>>>,
    line: OnceCell<Line>,
}

impl<'t> Read<'t> {
    /// Reads a text.
    pub fn of(text: &'t str) -> Read<'t> {
        let mut units = UNITS.take();
        units_into(text, &mut units);
        Read {
            text,
            shape: Shape::of(&units),
            units,
            joined: OnceCell::new(),
            line: OnceCell::new(),
        }
    }

    /// The same with parts put together, if it is written in any.
    pub(super) fn joined(&self) -> Option<&[Unit]> {
        let joined = self.joined.get_or_init(|| match self.shape.han {
            true => joined_units(&self.units),
            false => None,
        });
        joined.as_deref()
    }

    pub(super) fn line(&self) -> &Line {
        self.line.get_or_init(|| Line::of(parts(&self.units)))
    }
}

impl Drop for Read<'_> {
    fn drop(&mut self) {
        if self.units.capacity() <= MOST_KEPT {
            UNITS.set(std::mem::take(&mut self.units));
        }
    }
}
