//! The fuzzer's functions on its corpus, and on inputs like it; see fuzz/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(missing_docs, unreachable_pub)]

#[path = "../fuzz/targets.rs"]
mod targets;

use std::path::Path;

/// The inputs kept for a target.
fn kept(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let paths = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut kept: Vec<_> = paths.map(|p| (p.display().to_string(), std::fs::read(p).unwrap())).collect();
    kept.sort();
    kept
}

/// A sequence of numbers that is the same in each run, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }

    /// A part of something of that length.
    fn part(&mut self, len: usize) -> std::ops::Range<usize> {
        let from = self.below(len + 1);
        from..from + self.below((len - from).min(40) + 1)
    }

    /// One change of an input; `other` is an input to take a part of.
    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        const TELLING: &[u8] = b"\0\n\r\t \"'\\,:;{}[]=~*-+@#%&0e.\x7f\x80\xc3\xe2\xff";
        let at = self.part(bytes.len());
        let new = match self.below(5) {
            0 => vec![TELLING[self.below(TELLING.len())]],
            1 => vec![self.below(256) as u8],
            2 => Vec::new(),
            3 => [&bytes[at.clone()], &bytes[at.clone()]].concat(),
            _ => other[self.part(other.len())].to_vec(),
        };
        // The new bytes are inserted, or replace one byte or many.
        let end = [at.start, at.end.min(at.start + 1), at.end][self.below(3)];
        bytes.splice(at.start..end, new);
    }
}

#[test]
fn changed_inputs_of_the_corpus_pass() {
    for (name, target) in targets::TARGETS {
        let kept = kept(name);
        let mut dice = Dice(name.len() as u64);
        let rounds = if ["http", "input"].contains(&name) { 500 } else { 5_000 };
        for round in 0..rounds {
            let mut bytes = kept[dice.below(kept.len())].1.clone();
            for _ in 0..=dice.below(6) {
                let other = dice.below(kept.len());
                dice.change(&mut bytes, &kept[other].1);
            }
            if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                panic!("{name}, round {round}: {}", bytes.escape_ascii());
            }
        }
    }
}

#[test]
fn every_input_of_the_corpus_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let folders = std::fs::read_dir(&corpus).unwrap().count();
    assert_eq!(folders, targets::TARGETS.len(), "a folder for each target");
    for (name, target) in targets::TARGETS {
        let kept = kept(name);
        assert!(!kept.is_empty(), "{name} has a corpus");
        for (path, bytes) in kept {
            println!("{path}");
            target(&bytes);
        }
        target(b"");
    }
}
