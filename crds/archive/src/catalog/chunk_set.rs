//! Text form of a set of chunk ids: the smaller of runs (`6630-6631,6800`) and bitmap (`@6630:` and
//! base64).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::model::ChunkSet;
use crate::names::ChunkId;

/// Largest chunk id any scheme makes (a sphere of 648,000 sub-stripes has fewer than this).
const MAX_CHUNK: ChunkId = 50_000_000;

/// The shorter text form of `chunks`.
pub fn write(chunks: &ChunkSet) -> String {
    let runs = runs(chunks);
    match bitmap_length(chunks) {
        Some(length) if length < runs.len() => bitmap(chunks),
        _ => runs,
    }
}

/// The set of `text`; `None` when it is malformed.
pub fn read(text: &str) -> Option<ChunkSet> {
    match text.strip_prefix('@') {
        Some(bitmap) => read_bitmap(bitmap),
        None if text.is_empty() => Some(ChunkSet::new()),
        None => read_runs(text),
    }
}

fn runs(chunks: &ChunkSet) -> String {
    let mut text = String::new();
    let mut ids = chunks.iter().copied().peekable();
    while let Some(first) = ids.next() {
        let mut last = first;
        while ids.next_if_eq(&(last + 1)).is_some() {
            last += 1;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&first.to_string());
        if last > first {
            text.push_str(&format!("-{last}"));
        }
    }
    text
}

fn read_runs(text: &str) -> Option<ChunkSet> {
    let mut chunks = ChunkSet::new();
    for run in text.split(',') {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let (first, last): (ChunkId, ChunkId) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || last > MAX_CHUNK {
            return None;
        }
        chunks.extend(first..=last);
    }
    Some(chunks)
}

fn bitmap_length(chunks: &ChunkSet) -> Option<usize> {
    let (first, last) = (chunks.first()?, chunks.last()?);
    Some((last - first) as usize / 6 + first.to_string().len() + 4)
}

fn bitmap(chunks: &ChunkSet) -> String {
    let (Some(first), Some(last)) = (chunks.first().copied(), chunks.last().copied()) else {
        return String::new();
    };
    let mut bits = vec![0_u8; (last - first) as usize / 8 + 1];
    for chunk in chunks {
        let offset = (chunk - first) as usize;
        bits[offset / 8] |= 1 << (offset % 8);
    }
    format!("@{first}:{}", STANDARD_NO_PAD.encode(bits))
}

fn read_bitmap(text: &str) -> Option<ChunkSet> {
    let (first, bits) = text.split_once(':')?;
    let first: ChunkId = first.parse().ok().filter(|first| *first <= MAX_CHUNK)?;
    let bits = STANDARD_NO_PAD.decode(bits).ok()?;
    let set = bits.iter().enumerate().flat_map(|(byte, value)| {
        (0..8)
            .filter(move |bit| value & (1 << bit) != 0)
            .map(move |bit| byte * 8 + bit)
    });
    Some(set.map(|offset| first + offset as ChunkId).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_shorter_form_is_chosen() {
        assert_eq!(write(&(5..=900).collect()), "5-900");
        assert!(write(&(0..900).step_by(2).collect()).starts_with('@'));
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in ["5-3", "a", "1,,2", "@x:AA", "@1", "1-99999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_set_reads_back(chunks in prop::collection::btree_set(0_u32..100_000, 0..300)) {
            prop_assert_eq!(read(&write(&chunks)), Some(chunks));
        }
    }
}
