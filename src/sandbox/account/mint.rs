//! Generates ids, tokens and secrets from a seed and a counter.
//!
//! They are predictable on purpose: the same seed gives the same account, so that a rehearsal can be repeated. A state
//! file keeps the counter, so that no value is ever generated twice for that file.

/// The hidden part of a masked secret.
pub(in crate::sandbox) const MASK: &str = "**********";

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";

/// The mixing step of splitmix64. It is a bijection: distinct counters give distinct words.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A generator of ids and secrets.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Mint {
    seed: u64,
    count: u64,
}

impl Mint {
    /// Returns a generator that continues after `count` words.
    pub(in crate::sandbox) fn new(seed: u64, count: u64) -> Mint {
        Mint { seed, count }
    }

    /// Returns a generator for one purpose, named by `salt`: the same seed and salt give the same values.
    pub(in crate::sandbox) fn salted(seed: u64, salt: &str) -> Mint {
        // FNV-1a is enough to tell purposes apart.
        let hash = salt
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        Mint::new(mix(seed ^ hash), 0)
    }

    /// The seed and the number of words generated so far, for the state file.
    pub(in crate::sandbox) fn position(&self) -> (u64, u64) {
        (self.seed, self.count)
    }

    /// Returns the next 64 bits.
    pub(in crate::sandbox) fn word(&mut self) -> u64 {
        self.count = self.count.wrapping_add(1);
        mix(self.seed.wrapping_add(self.count.wrapping_mul(GOLDEN)))
    }

    /// Returns a number in `0.0..1.0`.
    pub(in crate::sandbox) fn fraction(&mut self) -> f64 {
        // A double holds 53 bits exactly.
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a UUID in the form of version 4.
    pub(in crate::sandbox) fn uuid(&mut self) -> String {
        let (hi, lo) = (self.word(), self.word());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            hi >> 32,
            (hi >> 16) & 0xffff,
            hi & 0xfff,
            0x8000 | ((lo >> 48) & 0x3fff),
            lo & 0xffff_ffff_ffff
        )
    }

    /// Returns `len` characters of `[0-9A-Za-z_-]`.
    pub(in crate::sandbox) fn text(&mut self, len: usize) -> String {
        let mut out = String::with_capacity(len);
        while out.len() < len {
            let mut word = self.word();
            for _ in 0..10.min(len - out.len()) {
                out.push(char::from(ALPHABET[(word & 63) as usize]));
                word >>= 6;
            }
        }
        out
    }

    /// Returns a token of the newest shape: `HRKU-AA` and 58 characters (docs/heroku-api.md, Objects).
    pub(in crate::sandbox) fn token(&mut self) -> String {
        format!("HRKU-AA{}", self.text(58))
    }

    /// Returns a secret that looks like `masked` when it is masked again; an unmasked secret is returned as it is.
    ///
    /// The visible ends are kept. The middle is generated, in the shape that the beginning suggests: `HRKU-AA…`,
    /// `HRKU-` and a UUID, or a UUID.
    pub(in crate::sandbox) fn unmask(&mut self, masked: &str) -> String {
        let Some((prefix, rest)) = masked.split_once(MASK) else {
            return masked.to_owned();
        };
        let suffix = rest.trim_start_matches('*');
        let shape = match prefix.strip_prefix("HRKU-") {
            Some(after) if after.starts_with('A') => self.token(),
            Some(_) => format!("HRKU-{}", self.uuid()),
            None => self.uuid(),
        };
        let end = shape.len().checked_sub(suffix.len());
        match end.and_then(|end| shape.get(prefix.len()..end)) {
            // With fewer generated characters, two tokens could be equal.
            Some(middle) if middle.len() >= 8 => format!("{prefix}{middle}{suffix}"),
            _ => format!("{prefix}{}{suffix}", self.text(24)),
        }
    }
}

/// The appearance of the hidden part of a token in responses; no public source promises the ten stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mask {
    /// Ten `*`.
    #[default]
    Stars,
    /// Eight `*`.
    FewStars,
    /// A `*` for each hidden character.
    AllStars,
    /// `…`
    Ellipsis,
    /// Ten `x`.
    Letters,
    /// `[hidden]`
    Brackets,
    /// `REDACTED`
    Word,
    /// Nothing: only the visible ends are there.
    Cut,
    /// The token is left out, its visible ends too.
    Absent,
}

impl Mask {
    /// Returns the text in place of `hidden` characters.
    fn text(self, hidden: usize) -> String {
        match self {
            Mask::Stars => MASK.to_owned(),
            Mask::FewStars => "*".repeat(8),
            Mask::AllStars => "*".repeat(hidden),
            Mask::Ellipsis => "…".to_owned(),
            Mask::Letters => "x".repeat(10),
            Mask::Brackets => "[hidden]".to_owned(),
            Mask::Word => "REDACTED".to_owned(),
            Mask::Cut | Mask::Absent => String::new(),
        }
    }
}

/// Masks a secret with ten `*`; see [`mask_as`].
pub(in crate::sandbox) fn mask(secret: &str, visible: (usize, usize)) -> String {
    mask_as(secret, visible, Mask::Stars)
}

/// Masks a secret except for its first and last characters, whose numbers are in `visible`. Nothing of a secret that is
/// too short is visible.
pub(in crate::sandbox) fn mask_as(secret: &str, visible: (usize, usize), mask: Mask) -> String {
    let (prefix, suffix) = visible;
    let parts = || {
        let tail = secret.len().checked_sub(suffix)?;
        (prefix < tail).then_some(())?;
        Some((secret.get(..prefix)?, secret.get(tail..)?))
    };
    let (head, tail) = parts().unwrap_or_default();
    format!("{head}{}{tail}", mask.text(secret.len() - head.len() - tail.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_distinct_values() {
        let (mut a, mut b) = (Mint::new(7, 0), Mint::new(7, 0));
        let ids: Vec<String> = (0..10_000).map(|_| a.uuid()).collect();
        assert!(ids.iter().all(|id| *id == b.uuid()));
        let distinct: std::collections::HashSet<&String> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_ne!(Mint::salted(7, "x").uuid(), Mint::salted(7, "y").uuid());
    }

    #[test]
    fn a_generator_continues_from_its_position() {
        let mut a = Mint::new(3, 0);
        let _ = a.token();
        let (seed, count) = a.position();
        assert_eq!(a.uuid(), Mint::new(seed, count).uuid());
    }

    #[test]
    fn tokens_and_ids_have_the_shapes_of_the_api() {
        let mut mint = Mint::new(1, 0);
        assert_eq!(mint.token().len(), 65);
        let uuid = mint.uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!("89ab".contains(&uuid[19..20]));
    }

    #[test]
    fn an_unmasked_secret_masks_to_the_same_text() {
        let mut mint = Mint::new(1, 0);
        for (masked, visible, len) in [
            ("HRKU-AAx**********9zzz", (8, 4), 65),
            ("HRKU-01a**********beef", (8, 4), 41),
            ("01234567**********cdef", (8, 4), 36),
            ("01234567**********", (8, 0), 36),
            ("**********", (0, 0), 36),
            ("HRKU-**********", (5, 0), 41),
        ] {
            let secret = mint.unmask(masked);
            assert_eq!(mask(&secret, visible), masked);
            assert_eq!(secret.len(), len, "{masked}");
            assert_ne!(secret, mint.unmask(masked));
        }
        let long = format!("{}**********end", "p".repeat(40));
        assert!(mint.unmask(&long).starts_with(&"p".repeat(40)));
        assert_eq!(mint.unmask("in-clear"), "in-clear");
    }

    #[test]
    fn nothing_of_a_short_secret_is_visible() {
        assert_eq!(mask("abcdefgh", (8, 4)), MASK);
        assert_eq!(mask("é", (1, 0)), MASK);
        assert_eq!(mask("", (8, 4)), MASK);
    }
}
