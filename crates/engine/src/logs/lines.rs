//! From pieces of text, however they are cut, to whole masked lines.

use super::mask::{MASK, Masks};

/// The longest line that is kept, in bytes. What is longer is cut there, and says so.
pub(crate) const MAX_LINE_BYTES: usize = 16 * 1024;
/// So much more is looked at, so that a secret that lies across the cut is seen whole.
const LOOK_AHEAD_BYTES: usize = 4 * 1024;
/// A private key that does not end after so many lines was none.
const LONGEST_KEY_LINES: u32 = 200;

/// Joins pieces and gives out whole lines, masked and without their line feed. A line is given out only when its end is seen:
/// what was cut in the middle of a secret is never looked at alone.
#[derive(Debug, Default)]
pub(crate) struct LineMasker {
    pending: String,
    /// Bytes of the pending line that were not kept.
    left_out: usize,
    /// Inside a private key of several lines: how many more there may be.
    key_lines: u32,
}

impl LineMasker {
    /// The lines that end in this piece.
    pub(crate) fn push(&mut self, masks: &Masks, piece: &str, lines: &mut Vec<String>) {
        let mut rest = piece;
        while let Some((line, after)) = rest.split_once('\n') {
            self.keep(line);
            lines.push(self.end_line(masks));
            rest = after;
        }
        self.keep(rest);
    }

    /// The last line, where the text ends without a line feed.
    pub(crate) fn finish(&mut self, masks: &Masks) -> Option<String> {
        (!self.pending.is_empty()).then(|| self.end_line(masks))
    }

    fn keep(&mut self, piece: &str) {
        let room = (MAX_LINE_BYTES + LOOK_AHEAD_BYTES).saturating_sub(self.pending.len());
        // Once something was left out, what follows it does not belong behind what was kept.
        let room = if self.left_out > 0 { 0 } else { room };
        let kept = floor(piece, room);
        self.pending.push_str(&piece[..kept]);
        self.left_out += piece.len() - kept;
    }

    fn end_line(&mut self, masks: &Masks) -> String {
        let line = std::mem::take(&mut self.pending);
        let left_out = std::mem::take(&mut self.left_out);
        if self.key_lines > 0 {
            self.key_lines = if line.contains("-----END") {
                0
            } else {
                self.key_lines - 1
            };
            return MASK.to_owned();
        }
        if let Some((_, key)) = line.split_once("-----BEGIN ")
            && key.contains("PRIVATE KEY-----")
            && !key.contains("-----END")
        {
            self.key_lines = LONGEST_KEY_LINES;
        }
        let line = line.strip_suffix('\r').unwrap_or(&line);
        if line.len() <= MAX_LINE_BYTES && left_out == 0 {
            return masks.mask(line).into_owned();
        }
        shorten(masks, line, left_out)
    }
}

/// Cuts a line before the secret or the word that lies across the limit.
fn shorten(masks: &Masks, line: &str, left_out: usize) -> String {
    let mut cut = floor(line, MAX_LINE_BYTES);
    if let Some(secret) = masks.find(line).into_iter().find(|secret| secret.contains(&cut)) {
        cut = secret.start;
    }
    let looked_back = floor(line, cut.saturating_sub(LOOK_AHEAD_BYTES));
    // What looks like a word may be a secret whose end, by which it would be known, was not kept.
    cut = line[looked_back..cut]
        .rfind(char::is_whitespace)
        .map_or(looked_back, |at| looked_back + at);
    let bytes = line.len() - cut + left_out;
    format!("{} [{bytes} bytes of this line left out]", masks.mask(&line[..cut]))
}

/// The largest boundary of a character up to `at`.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(masks: &Masks, pieces: &[&str]) -> Vec<String> {
        let (mut masker, mut lines) = (LineMasker::default(), Vec::new());
        for piece in pieces {
            masker.push(masks, piece, &mut lines);
        }
        lines.extend(masker.finish(masks));
        lines
    }

    #[test]
    fn lines_are_kept_as_they_are_but_for_secrets_and_length() {
        let masks = Masks::default();
        assert_eq!(whole(&masks, &["a\n\nb\r\n", "c"]), ["a", "", "b", "c"]);
        let long = format!("{} end\nnext\n", "x".repeat(3 * MAX_LINE_BYTES));
        let lines = whole(&masks, &[&long]);
        assert!(lines[0].ends_with("bytes of this line left out]") && lines[0].len() < MAX_LINE_BYTES + 50);
        assert_eq!(lines[1], "next");
        let key = "-----BEGIN PRIVATE KEY-----\nMIIE\nabc\n-----END PRIVATE KEY-----\nok\n";
        assert_eq!(
            whole(&masks, &[key]),
            ["-----BEGIN PRIVATE KEY-----", MASK, MASK, MASK, "ok"]
        );
    }

    /// A secret that has nothing in common with what is around it.
    const NEEDLE: &str = "ZQXJKVWZQXJKVW42";

    fn secret() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            format!("tk-us-{NEEDLE}"),
            format!("slp_{NEEDLE}"),
            format!("Authorization: Bearer {NEEDLE}"),
            format!("https://user:{NEEDLE}@host/path"),
            format!("eyJ{NEEDLE}.{NEEDLE}.{NEEDLE}"),
            format!("API_TOKEN={NEEDLE}"),
            format!("custom-{NEEDLE}"),
        ])
    }

    fn text() -> impl Strategy<Value = String> {
        let filler = "[a-z é.\n]{0,40}";
        let long = (Just("w ".to_owned()), 8_000..10_500_usize).prop_map(|(word, count)| word.repeat(count));
        let part = prop_oneof![4 => filler.prop_map(|text| text), 3 => secret().prop_map(|text| format!(" {text} ")), 1 => long];
        prop::collection::vec(part, 1..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn no_secret_is_seen_wherever_the_text_is_cut(text in text(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
            let masks = Masks::new(&["custom-[A-Z0-9]+".to_owned()]).unwrap();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| floor(&text, cut.index(text.len() + 1))).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let lines = whole(&masks, &pieces);
            for line in &lines {
                // Not a beginning of it either.
                prop_assert!(!line.contains(&NEEDLE[..6]), "{}", line);
                prop_assert!(line.len() < MAX_LINE_BYTES + 100);
            }
            prop_assert_eq!(lines, whole(&masks, &[&text]), "the cuts make no difference");
        }
    }
}
