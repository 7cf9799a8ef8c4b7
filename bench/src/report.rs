//! Runs → one table: the median of each figure and its range, house beside echo. Prints; measures nothing.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::load::Figures;
use crate::target::Kind;

pub fn print(runs: &[(Kind, Figures)]) -> anyhow::Result<()> {
    let kinds: Vec<Kind> = [Kind::House, Kind::Ruled, Kind::Echo]
        .into_iter()
        .filter(|kind| runs.iter().any(|(known, _)| known == kind))
        .collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut head = vec!["figure".to_owned()];
    head.extend(kinds.iter().map(|kind| kind.word().to_owned()));
    rows.push(head);
    let Some((_, first)) = runs.first() else {
        return Ok(());
    };
    for (n, (name, unit, _)) in first.iter().enumerate() {
        let name = if unit.is_empty() {
            (*name).to_owned()
        } else {
            format!("{name}, {unit}")
        };
        let mut row = vec![name];
        for kind in &kinds {
            let of_kind = runs.iter().filter(|(known, _)| known == kind);
            let mut values: Vec<f64> = of_kind
                .filter_map(|(_, figures)| Some(figures.get(n)?.2))
                .collect();
            values.sort_by(f64::total_cmp);
            let median = values[values.len() / 2];
            row.push(format!(
                "{} ({}–{})",
                show(median),
                show(values[0]),
                show(values[values.len() - 1])
            ));
        }
        rows.push(row);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", for_eyes(&rows))?;
    writeln!(out, "{}", markdown(&rows))?;
    Ok(())
}

fn for_eyes(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let mut out = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(out, "{cell:<0$}  ", width(column));
        }
        out.push('\n');
    }
    out
}

fn markdown(rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (n, row) in rows.iter().enumerate() {
        let _ = writeln!(out, "| {} |", row.join(" | "));
        if n == 0 {
            let _ = writeln!(out, "|{}", " --- |".repeat(row.len()));
        }
    }
    out
}

/// Three digits that matter.
fn show(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
