//! Tables that fit: columns shrink to what they need at least, then the least needed ones are left out.

use console::{measure_text_width, truncate_str};

use super::{Style, on_one_line};

const GAP: usize = 2;

/// A column and how much of it is needed.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) title: String,
    /// Below this width it says nothing any more.
    pub(crate) width_min: usize,
    /// The highest goes first where there is no room; 0 never goes.
    pub(crate) leaves: u8,
}

impl Column {
    pub(crate) fn new(title: &str, width_min: usize, leaves: u8) -> Self {
        Self {
            title: on_one_line(title),
            width_min,
            leaves,
        }
    }
}

/// One value in one style.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self::styled(text, Style::Plain)
    }

    pub(crate) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self {
            text: on_one_line(text.as_ref()),
            style,
        }
    }

    pub(crate) fn paint(&self, with_colour: bool) -> String {
        self.style.paint(&self.text, with_colour)
    }

    /// What may be missing.
    pub(crate) fn maybe(text: Option<&str>) -> Self {
        text.map_or_else(|| Self::styled("-", Style::Dim), Self::new)
    }
}

#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// One cell for each column.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }

    /// The lines, none longer than `width`.
    pub(crate) fn render(&self, width: Option<usize>, with_colour: bool) -> String {
        let widths = self.widths(width);
        let mut text = String::new();
        let titles = self
            .columns
            .iter()
            .map(|column| Cell::styled(&column.title, Style::Bold));
        write_row(&mut text, &titles.collect::<Vec<_>>(), &widths, with_colour);
        for row in &self.rows {
            write_row(&mut text, row, &widths, with_colour);
        }
        text
    }

    /// Whether all of it can be shown in that width without leaving a column out or cutting a value short.
    pub(crate) fn fits(&self, width: Option<usize>) -> bool {
        width.is_none_or(|width| total(&self.natural()) <= width)
    }

    fn natural(&self) -> Vec<Option<usize>> {
        let natural = self.columns.iter().enumerate().map(|(index, column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let widest = cells.map(|cell| measure_text_width(&cell.text)).max().unwrap_or(0);
            Some(widest.max(measure_text_width(&column.title)))
        });
        natural.collect()
    }

    /// The width of each column; none for one that is left out.
    fn widths(&self, limit: Option<usize>) -> Vec<Option<usize>> {
        let natural = self.natural();
        let Some(limit) = limit else { return natural };
        let mut widths = natural.clone();
        loop {
            let excess = total(&widths).saturating_sub(limit);
            if excess == 0 {
                return widths;
            }
            if self.shrink(&mut widths, excess) {
                return widths;
            }
            let kept = self
                .columns
                .iter()
                .enumerate()
                .filter(|(index, column)| widths[*index].is_some() && column.leaves > 0);
            let Some((leaving, _)) = kept.max_by_key(|(_, column)| column.leaves) else {
                // Not even the last ones fit: what is too long is cut at the end of the line.
                return self.cut(widths, limit);
            };
            for (index, width) in widths.iter_mut().enumerate() {
                *width = width.and(natural[index]);
            }
            widths[leaving] = None;
        }
    }

    /// Takes `excess` from the columns that are widest beyond what they need. False, and all at their least, if that is too much.
    fn shrink(&self, widths: &mut [Option<usize>], mut excess: usize) -> bool {
        while excess > 0 {
            let spare = |index: usize, width: usize| width.saturating_sub(self.columns[index].width_min);
            let shown = widths
                .iter()
                .enumerate()
                .filter_map(|(index, width)| width.map(|width| (index, width)));
            let Some((index, width)) = shown
                .filter(|(index, width)| spare(*index, *width) > 0)
                .max_by_key(|(_, width)| *width)
            else {
                return false;
            };
            widths[index] = Some(width - 1);
            excess -= 1;
        }
        true
    }

    fn cut(&self, mut widths: Vec<Option<usize>>, limit: usize) -> Vec<Option<usize>> {
        let mut left = limit;
        for width in widths.iter_mut().flatten() {
            *width = (*width).min(left);
            left = left.saturating_sub(*width + GAP);
        }
        widths.iter().map(|width| width.filter(|width| *width > 0)).collect()
    }
}

fn total(widths: &[Option<usize>]) -> usize {
    let shown = widths.iter().flatten();
    shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
}

fn write_row(text: &mut String, row: &[Cell], widths: &[Option<usize>], with_colour: bool) {
    let shown: Vec<(&Cell, usize)> = row
        .iter()
        .zip(widths)
        .filter_map(|(cell, width)| Some((cell, (*width)?)))
        .collect();
    for (index, (cell, width)) in shown.iter().enumerate() {
        let cut = truncate_str(&cell.text, *width, "…");
        let used = measure_text_width(&cut);
        text.push_str(&cell.style.paint(&cut, with_colour));
        if index + 1 < shown.len() {
            text.extend(std::iter::repeat_n(' ', width.saturating_sub(used) + GAP));
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests;
