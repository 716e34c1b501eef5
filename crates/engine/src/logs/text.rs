//! A final text on its way into the database: masked, cut to size, in compressed blocks.

use slipway_store::logs::Chunk;

use super::lines::LineMasker;
use super::mask::Masks;

/// How much text a block has: small enough that a page or a range needs little of it, large enough to be compressed well.
const BLOCK_BYTES: usize = 128 * 1024;

/// A final text, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FinalText {
    /// In order.
    pub(crate) chunks: Vec<Chunk>,
    /// Whether it begins with the text that was stored before.
    pub(crate) goes_on: bool,
    /// Whether it is shorter than what was stored before, of which it is the beginning: more may come at the provider.
    pub(crate) falls_short: bool,
}

/// Makes a final text of what the provider answered. `stored` is the masked text so far. Takes some 20 ms for a MiB.
pub(crate) fn prepare(masks: &Masks, text: &str, max_bytes: usize, stored: &str) -> FinalText {
    let masked = mask(masks, text);
    let goes_on = masked.starts_with(stored);
    FinalText {
        falls_short: !goes_on && stored.starts_with(&masked),
        goes_on,
        chunks: blocks(&shorten(masked, max_bytes)),
    }
}

/// Every line masked, each with its line feed.
fn mask(masks: &Masks, text: &str) -> String {
    let (mut masker, mut lines) = (LineMasker::default(), Vec::new());
    masker.push(masks, text, &mut lines);
    lines.extend(masker.finish(masks));
    let mut masked = String::with_capacity(text.len() + 1);
    for line in lines {
        masked.push_str(&line);
        masked.push('\n');
    }
    masked
}

/// Keeps the beginning and the end of a text that is too long, and says how much is missing.
fn shorten(text: String, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text;
    }
    let half = max_bytes / 2;
    let bytes = text.as_bytes();
    let head = bytes[..half]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let tail_from = bytes.len() - half;
    let tail = bytes[tail_from..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |at| tail_from + at + 1);
    format!("{}{}{}", &text[..head], left_out(tail - head), &text[tail..])
}

/// The line that stands for what is not kept.
pub(super) fn left_out(bytes: usize) -> String {
    format!("[slipway: {bytes} bytes of this log left out]\n")
}

fn blocks(text: &str) -> Vec<Chunk> {
    let (mut chunks, mut first_line, mut begin) = (Vec::new(), 1, 0);
    while begin < text.len() {
        let rest = &text.as_bytes()[begin..];
        let limit = rest.len().min(BLOCK_BYTES);
        // A line longer than a block does not occur; if it did, it would be a block of its own.
        let end = rest[..limit].iter().rposition(|byte| *byte == b'\n');
        let end = end.or_else(|| rest.iter().position(|byte| *byte == b'\n'));
        let end = begin + end.map_or(rest.len(), |at| at + 1);
        let block = &text[begin..end];
        let line_count = signed(block.bytes().filter(|byte| *byte == b'\n').count());
        chunks.push(Chunk::compressed(first_line, line_count, signed(begin), block));
        first_line += line_count;
        begin = end;
    }
    chunks
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(chunks: &[Chunk]) -> String {
        chunks.iter().map(|chunk| chunk.text().unwrap()).collect()
    }

    #[test]
    fn blocks_hold_the_whole_text_with_counts_that_fit_together() {
        let text: String = (0..20_000).map(|number| format!("line {number} of many\n")).collect();
        let made = prepare(&Masks::default(), text.trim_end(), usize::MAX, "");
        assert_eq!(text_of(&made.chunks), text);
        assert!(made.chunks.len() > 2 && made.goes_on);
        let (mut line, mut byte) = (1, 0);
        for chunk in &made.chunks {
            assert_eq!((chunk.first_line, chunk.first_byte), (line, byte));
            line += chunk.line_count;
            byte += chunk.byte_count;
        }
        assert_eq!((line, byte), (20_001, signed(text.len())));
        assert!(prepare(&Masks::default(), "", 10, "").chunks.is_empty());
    }

    #[test]
    fn what_is_too_long_keeps_its_beginning_and_its_end() {
        let text: String = (0..10_000).map(|number| format!("line {number}\n")).collect();
        let kept = text_of(&prepare(&Masks::default(), &text, 10_000, "").chunks);
        assert!(kept.starts_with("line 0\nline 1\n") && kept.ends_with("line 9998\nline 9999\n"));
        let marker = kept
            .lines()
            .find(|line| line.starts_with("[slipway: "))
            .expect("it says so");
        let missing: usize = marker.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(missing + kept.len() - marker.len() - 1, text.len());
        assert!(kept.len() <= 10_000 + 100);
    }

    #[test]
    fn it_is_told_whether_the_text_goes_on_where_it_was_followed_to() {
        let made = |text: &str, stored: &str| {
            let made = prepare(&Masks::default(), text, usize::MAX, stored);
            (made.goes_on, made.falls_short)
        };
        assert_eq!(made("a\nb\nc\n", "a\nb\n"), (true, false));
        assert_eq!(made("a\n", "a\nb\n"), (false, true));
        assert_eq!(made("a\nX\nc\n", "a\nb\n"), (false, false));
    }
}
