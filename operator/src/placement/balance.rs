//! Which copies go to other workers so that bytes are even, by least movement: pure.
//!
//! First copies that share a node or a zone although they need not are parted. Then the fullest
//! worker gives chunks to the emptiest, never so that a chunk's copies stand worse than before. No
//! copy moves twice, so what moves is little more than what is too much on some workers.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use orrery_archive::names::{ChunkId, WorkerId};

use super::{Place, tie};

/// Workers differ from the mean of their zone by more than this part before anything moves.
const UNEVEN: u64 = 20;
/// Two workers differ by less than this part of the mean when enough has moved.
const EVEN: u64 = 50;

/// A chunk with its complete copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Family.
    pub family: &'a str,
    /// Chunk.
    pub chunk: ChunkId,
    /// Bytes of one copy.
    pub bytes: u64,
    /// Workers that hold it.
    pub on: Vec<WorkerId>,
}

/// A copy that goes from one worker to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Swap<'a> {
    /// Family.
    pub family: &'a str,
    /// Chunk.
    pub chunk: ChunkId,
    /// Worker that it leaves.
    pub from: WorkerId,
    /// Worker that gets it.
    pub to: WorkerId,
    /// Bytes of one copy.
    pub bytes: u64,
}

/// How even the bytes of a pool are, and what makes them so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance<'a> {
    /// Percentage by which the worker furthest from it differs from the mean of its zone.
    pub uneven_percent: u64,
    /// Copies that are to move; none while all is even enough.
    pub swaps: Vec<Swap<'a>>,
    /// Pairs of a copy and a worker that were compared: what this took.
    pub compared: u64,
}

/// Evens out the chunks of one pool over its open workers.
pub fn balance<'a>(places: &[Place], chunks: &[Chunk<'a>]) -> Balance<'a> {
    let mut floor = Floor::new(places, chunks);
    let uneven_percent = floor.uneven_percent();
    let mut swaps = floor.part();
    if uneven_percent > 100 / UNEVEN || !swaps.is_empty() {
        swaps.extend(floor.level());
    }
    Balance {
        uneven_percent,
        swaps,
        compared: floor.compared,
    }
}

/// A worker as it fills and empties.
struct Seat {
    worker: WorkerId,
    node: usize,
    zone: usize,
    bytes: u64,
    room: u64,
    open: bool,
}

struct Floor<'a, 'c> {
    seats: Vec<Seat>,
    chunks: &'c [Chunk<'a>],
    /// Seats of each chunk's copies, as they will be.
    copies: Vec<Vec<usize>>,
    /// Copies by the seat they were on in the beginning: chunk and its place among its copies.
    held: Vec<Vec<(usize, usize)>>,
    moved: Vec<Vec<bool>>,
    compared: u64,
}

impl<'a, 'c> Floor<'a, 'c> {
    fn new(places: &[Place], chunks: &'c [Chunk<'a>]) -> Self {
        let mut seats = seats(places);
        let by_id: HashMap<WorkerId, usize> = (0..)
            .zip(&seats)
            .map(|(i, seat)| (seat.worker, i))
            .collect();
        let mut held = vec![Vec::new(); seats.len()];
        let mut copies = Vec::with_capacity(chunks.len());
        for (c, chunk) in chunks.iter().enumerate() {
            let on = chunk.on.iter().filter_map(|worker| by_id.get(worker));
            let on: Vec<usize> = on.copied().collect();
            for (copy, seat) in on.iter().enumerate() {
                seats[*seat].bytes = seats[*seat].bytes.saturating_add(chunk.bytes);
                held[*seat].push((c, copy));
            }
            copies.push(on);
        }
        // A sample of all chunks moves, not the first or the largest ones.
        for (seat, own) in seats.iter().zip(&mut held) {
            own.sort_by_key(|(c, _)| (tie(chunks[*c].chunk, seat.worker), *c));
        }
        let moved = copies.iter().map(|on| vec![false; on.len()]).collect();
        Self {
            seats,
            chunks,
            copies,
            held,
            moved,
            compared: 0,
        }
    }

    /// By how many percent the worker furthest from it differs from the mean of its zone.
    fn uneven_percent(&self) -> u64 {
        let mut zones: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for seat in self.seats.iter().filter(|seat| seat.open) {
            zones.entry(seat.zone).or_default().push(seat.bytes);
        }
        let furthest = zones.values().flat_map(|own| {
            let mean = own.iter().sum::<u64>() / own.len() as u64;
            own.iter()
                .map(move |bytes| (bytes.abs_diff(mean).saturating_mul(100)).div_ceil(mean.max(1)))
        });
        furthest.max().unwrap_or(0)
    }

    /// How many of a chunk's other copies share node and zone with `seat`.
    fn crowd(&self, c: usize, copy: usize, seat: usize) -> (usize, usize) {
        let (mut node, mut zone) = (0, 0);
        for (other, on) in self.copies[c].iter().enumerate() {
            if other != copy {
                node += usize::from(self.seats[*on].node == self.seats[seat].node);
                zone += usize::from(self.seats[*on].zone == self.seats[seat].zone);
            }
        }
        (node, zone)
    }

    /// The best open seat for a copy that is to move: where the fewest others are near, then the
    /// emptiest. Only seats with fewer bytes than `below`, as crowded as `fits` admits.
    fn best(
        &mut self,
        c: usize,
        copy: usize,
        below: u64,
        fits: impl Fn((usize, usize)) -> bool,
    ) -> Option<usize> {
        let Chunk { chunk, bytes, .. } = self.chunks[c];
        let mut best = None;
        for (i, seat) in self.seats.iter().enumerate() {
            let takes = seat.open && seat.bytes < below && seat.room >= bytes;
            if !takes || self.copies[c].contains(&i) {
                continue;
            }
            let crowd = self.crowd(c, copy, i);
            if !fits(crowd) {
                continue;
            }
            let key = (crowd, seat.bytes, tie(chunk, seat.worker), i);
            if best.is_none_or(|best| key < best) {
                best = Some(key);
            }
        }
        self.compared += self.seats.len() as u64;
        best.map(|(_, _, _, i)| i)
    }

    fn swap(&mut self, c: usize, copy: usize, to: usize) -> Swap<'a> {
        let Chunk {
            family,
            chunk,
            bytes,
            ..
        } = self.chunks[c];
        let from = std::mem::replace(&mut self.copies[c][copy], to);
        self.moved[c][copy] = true;
        self.seats[from].bytes = self.seats[from].bytes.saturating_sub(bytes);
        self.seats[to].bytes = self.seats[to].bytes.saturating_add(bytes);
        // Room comes back only when the rows are dropped.
        self.seats[to].room = self.seats[to].room.saturating_sub(bytes);
        Swap {
            family,
            chunk,
            from: self.seats[from].worker,
            to: self.seats[to].worker,
            bytes,
        }
    }

    /// Parts copies that stand nearer to one another than they need to.
    fn part(&mut self) -> Vec<Swap<'a>> {
        let mut swaps = Vec::new();
        for c in 0..self.chunks.len() {
            for copy in 0..self.copies[c].len() {
                let from = self.copies[c][copy];
                let near = self.crowd(c, copy, from);
                if near == (0, 0) || !self.seats[from].open {
                    continue;
                }
                if let Some(to) = self.best(c, copy, u64::MAX, |crowd| crowd < near) {
                    swaps.push(self.swap(c, copy, to));
                }
            }
        }
        swaps
    }

    /// Has the fullest workers give to the emptiest.
    fn level(&mut self) -> Vec<Swap<'a>> {
        let open = self.seats.iter().filter(|seat| seat.open);
        let (count, sum) = open.fold((0, 0_u64), |(count, sum), seat| {
            (count + 1, sum.saturating_add(seat.bytes))
        });
        let band = sum / u64::max(count, 1) / EVEN;
        let mut next = vec![0; self.seats.len()];
        let mut swaps = Vec::new();
        while let Some(from) = self.fullest(&next) {
            let (c, copy) = self.held[from][next[from]];
            next[from] += 1;
            if self.moved[c][copy] {
                continue;
            }
            let below = self.seats[from].bytes.saturating_sub(band);
            if self.emptiest().is_none_or(|bytes| bytes >= below) {
                break;
            }
            // The other is clearly emptier then than this one is now.
            let below = below.saturating_sub(self.chunks[c].bytes);
            let near = self.crowd(c, copy, from);
            if let Some(to) = self.best(c, copy, below, |crowd| crowd <= near) {
                swaps.push(self.swap(c, copy, to));
            }
        }
        swaps
    }

    /// The fullest open seat with copies that were not tried.
    fn fullest(&self, next: &[usize]) -> Option<usize> {
        let seats = self.seats.iter().enumerate();
        seats
            .filter(|(i, seat)| seat.open && next[*i] < self.held[*i].len())
            .max_by_key(|(i, seat)| (seat.bytes, std::cmp::Reverse(*i)))
            .map(|(i, _)| i)
    }

    /// Bytes of the emptiest open seat.
    fn emptiest(&self) -> Option<u64> {
        let open = self.seats.iter().filter(|seat| seat.open);
        open.map(|seat| seat.bytes).min()
    }
}

fn seats(places: &[Place]) -> Vec<Seat> {
    let (mut nodes, mut zones) = (HashMap::new(), HashMap::new());
    places
        .iter()
        .map(|place| {
            let node = nodes.len();
            let zone = zones.len();
            Seat {
                worker: place.worker,
                node: *nodes.entry(place.node.as_str()).or_insert(node),
                zone: *zones.entry(place.zone.as_str()).or_insert(zone),
                bytes: 0,
                room: place.room,
                open: place.open,
            }
        })
        .collect()
}
