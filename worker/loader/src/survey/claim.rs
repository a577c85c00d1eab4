//! What a file that was cut into chunks before says of a row's chunk. It is compared, never trusted.
//! Pure.

use orrery_sky::Cell;

/// The chunk and sub-chunk that a file says; nothing where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Chunk.
    pub chunk: Option<u32>,
    /// Sub-chunk.
    pub sub_chunk: Option<u32>,
}

impl Claim {
    /// Why a row that is in `cell` is not where its file says; `None` when it is.
    pub fn contradiction(&self, cell: Cell) -> Option<String> {
        let chunk = self.chunk.is_none_or(|chunk| chunk == cell.chunk);
        let sub_chunk = self.sub_chunk.is_none_or(|own| own == cell.sub_chunk);
        if chunk && sub_chunk {
            return None;
        }
        let named = |name: &str, number: Option<u32>| Some(format!("{name} {}", number?));
        let claimed = [
            named("chunk", self.chunk),
            named("sub-chunk", self.sub_chunk),
        ];
        let claimed: Vec<String> = claimed.into_iter().flatten().collect();
        Some(format!(
            "its file says {}, and it is in chunk {}, sub-chunk {}: the file has another \
             partitioning than the family, or is wrong",
            claimed.join(", "),
            cell.chunk,
            cell.sub_chunk
        ))
    }
}
