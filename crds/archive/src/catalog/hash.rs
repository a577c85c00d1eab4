//! Where a key's index entries live.

use crate::names::ChunkId;

/// Hash chunk of a key, given as the text it has in the index: a decimal integer without sign plus
/// or leading zeros, or the bytes of a string.
///
/// FNV-1a over the bytes, then an avalanche step, because the low bits of FNV are weak for short
/// inputs. Loaders and czars must agree on it for the life of the archive: it never changes.
pub fn hash_chunk(key: &[u8], chunks: u32) -> ChunkId {
    let fnv = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut hash = fnv ^ (fnv >> 33);
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    (hash % u64::from(chunks.max(1))) as ChunkId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_chunks_never_move() {
        assert_eq!(
            ["0", "1", "390030275138483", "-5"].map(|key| hash_chunk(key.as_bytes(), 16)),
            GOLDEN
        );
    }

    const GOLDEN: [ChunkId; 4] = [12, 8, 0, 11];

    #[test]
    fn consecutive_keys_spread_evenly() {
        let mut counts = [0_u32; 16];
        for key in 0..16_000 {
            counts[hash_chunk(key.to_string().as_bytes(), 16) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1200).contains(count)),
            "{counts:?}"
        );
    }
}
