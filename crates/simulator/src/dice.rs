//! Repeatable randomness: every value is a pure function of the seed and of what it is for.
//!
//! A library generator may change its stream with a release, and then every id of a kept world would change.

/// A stream of pseudo-random values (`SplitMix64`) that belongs to one purpose.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream of `purpose` for item `number` in the world of `seed`.
    pub(crate) fn new(seed: u64, purpose: &str, number: u64) -> Self {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in purpose.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut dice = Self(state ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
        dice.next();
        dice
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `low..=high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high.saturating_sub(low) + 1)
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = self.next() % items.len() as u64;
        &items[index as usize]
    }

    /// `length` lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(length);
        text
    }

    /// `length` letters and digits.
    pub(crate) fn word(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..length).map(|_| char::from(*self.pick(ALPHABET))).collect()
    }

    /// A UUID in the form of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        let variant = ['8', '9', 'a', 'b'][(self.next() % 4) as usize];
        format!(
            "{}-{}-4{}-{variant}{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..]
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn same_purpose_same_stream_and_other_purpose_another() {
        let draw = |seed, purpose, number| Dice::new(seed, purpose, number).hex(32);
        assert_eq!(draw(1, "a", 1), draw(1, "a", 1));
        assert_ne!(draw(1, "a", 1), draw(2, "a", 1));
        assert_ne!(draw(1, "a", 1), draw(1, "b", 1));
        assert_ne!(draw(1, "a", 1), draw(1, "a", 2));
    }

    #[test]
    fn uuid_has_the_form_of_version_4() {
        let uuid = Dice::new(7, "uuid", 0).uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
    }
}
