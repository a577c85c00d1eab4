//! A catalog held against what workers have. Pure.
//!
//! The newest copy of a catalog may be older than the last root: chunks moved since, copies were
//! dropped. A worker that is listed without having the rows is entered as behind, so that no reader
//! asks it and a copy is made; a worker that has all rows of a chunk is listed where copies are
//! missing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use orrery_archive::catalog::{Behind, Catalog, ChunkSet, Family, Segment};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_worker_api::agent::{ManifestRow, RowState, TablePart};
use sha2::{Digest as _, Sha256};

/// Which physical table: incarnations and attempts are used once in the archive's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Incarnation of the table or index.
    pub incarnation: u64,
    /// Attempt that loaded it.
    pub attempt: u64,
    /// Chunk, hash chunk, or 0.
    pub chunk: ChunkId,
    /// Part.
    pub part: TablePart,
}

/// What of a manifest row counts here; a pool has a million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The table.
    pub place: Place,
    /// Its segment.
    pub segment: u64,
    /// Its state.
    pub state: RowState,
    /// placementEpoch at which the state was set.
    pub epoch: u64,
    /// Its rows.
    pub content: Content,
}

/// What the rows of a table are; equal for equal rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    rows: u64,
    schema_version: u32,
    checksum: [u8; 16],
}

impl Held {
    /// What counts of a manifest row.
    pub fn of(row: &ManifestRow) -> Self {
        let mut checksum = [0; 16];
        checksum.copy_from_slice(&Sha256::digest(&row.checksum)[..16]);
        Self {
            place: Place {
                incarnation: row.incarnation,
                attempt: row.attempt,
                chunk: row.chunk,
                part: row.part,
            },
            segment: row.segment,
            state: row.state,
            epoch: row.epoch,
            content: Content {
                rows: row.rows,
                schema_version: row.schema_version,
                checksum,
            },
        }
    }
}

/// Who holds which table, of the workers that said what they hold.
pub struct Holdings {
    asked: BTreeSet<WorkerId>,
    tables: HashMap<Place, Vec<(WorkerId, Content)>>,
}

impl Holdings {
    /// What these workers hold.
    pub fn of<'a>(workers: impl IntoIterator<Item = (WorkerId, &'a [Held])>) -> Self {
        let (mut asked, mut tables) = (BTreeSet::new(), HashMap::<_, Vec<_>>::new());
        for (worker, held) in workers {
            asked.insert(worker);
            for row in held {
                tables
                    .entry(row.place)
                    .or_default()
                    .push((worker, row.content));
            }
        }
        Self { asked, tables }
    }

    fn of_place(&self, place: &Place) -> &[(WorkerId, Content)] {
        self.tables.get(place).map_or(&[], Vec::as_slice)
    }

    fn content(&self, worker: WorkerId, place: &Place) -> Option<Content> {
        let mut held = self.of_place(place).iter();
        held.find(|(holder, _)| *holder == worker)
            .map(|(_, content)| *content)
    }
}

/// What was found of the rows that a catalog names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Copies of a chunk that workers have and the catalog did not list.
    pub adopted: usize,
    /// Copies of a table that the catalog lists and workers do not have.
    pub missing: usize,
    /// Chunks without a copy of some rows on any worker, by table.
    pub lost: BTreeMap<String, ChunkSet>,
    /// Chunks with rows that only workers have which are not to be read for them, by table.
    pub unread: BTreeMap<String, ChunkSet>,
    /// Chunks whose copies of some rows are all on workers that did not answer, by table.
    pub unconfirmed: BTreeMap<String, ChunkSet>,
    /// Chunks whose copies of some rows differ, by table: none of these is read.
    pub differing: BTreeMap<String, ChunkSet>,
}

/// Has `catalog` list who holds what.
pub fn correct(catalog: &mut Catalog, holdings: &Holdings) -> Findings {
    let parts = Parts::of(catalog);
    let mut findings = Findings::default();
    for place in &parts.references {
        if holdings.of_place(place).is_empty() {
            enter(&mut findings.lost, &parts, place);
        }
    }
    for (name, family) in &mut catalog.families {
        let Some(chunks) = parts.chunked.get(name) else {
            continue;
        };
        let mut lacking = Lacking::of(family);
        for (chunk, tables) in chunks {
            let mut look = Look {
                family: &mut *family,
                holdings,
                parts: &parts,
                chunk: *chunk,
                tables,
            };
            look.mark(&mut lacking, &mut findings);
            look.adopt(&lacking, &mut findings);
            look.judge(&lacking, &mut findings);
        }
        family.behind = lacking.behind();
    }
    findings
}

fn enter(among: &mut BTreeMap<String, ChunkSet>, parts: &Parts, place: &Place) {
    let table = parts.names.get(&place.incarnation).cloned();
    let table = table.unwrap_or_else(|| format!("incarnation {}", place.incarnation));
    among.entry(table).or_default().insert(place.chunk);
}

/// The physical tables that a catalog names.
struct Parts {
    /// By family and chunk, each with its segment.
    chunked: BTreeMap<String, BTreeMap<ChunkId, Vec<(u64, Place)>>>,
    references: Vec<Place>,
    /// Names of tables by incarnation.
    names: BTreeMap<u64, String>,
}

impl Parts {
    fn of(catalog: &Catalog) -> Self {
        let mut parts = Self {
            chunked: BTreeMap::new(),
            references: Vec::new(),
            names: BTreeMap::new(),
        };
        for (key, table) in catalog.kept() {
            let own = table.incarnation;
            parts.names.insert(own, key.to_string());
            let segments = table.segments.iter().chain(&table.revoked);
            match table.kind.family() {
                Some(family) => {
                    for segment in segments {
                        parts.add(family, own, segment, TablePart::Home, &segment.home);
                        parts.add(family, own, segment, TablePart::Overlap, &segment.overlap);
                    }
                }
                None => parts.references.extend(segments.map(|segment| Place {
                    incarnation: own,
                    attempt: segment.attempt,
                    chunk: 0,
                    part: TablePart::Reference,
                })),
            }
            if let Some(index) = table.kind.index() {
                let name = format!("the index of {key}");
                parts.names.insert(index.incarnation, name);
                for segment in index.segments.iter().chain(&index.revoked) {
                    let (family, number) = (&index.family, index.incarnation);
                    parts.add(family, number, segment, TablePart::Index, &segment.home);
                }
            }
        }
        parts
    }

    fn add(
        &mut self,
        family: &str,
        incarnation: u64,
        segment: &Segment,
        part: TablePart,
        chunks: &ChunkSet,
    ) {
        let placed = self.chunked.entry(family.to_owned()).or_default();
        for chunk in chunks {
            let place = Place {
                incarnation,
                attempt: segment.attempt,
                chunk: *chunk,
                part,
            };
            placed.entry(*chunk).or_default().push((segment.id, place));
        }
    }
}

/// What listed workers lack, by worker and segment.
struct Lacking(BTreeMap<(WorkerId, u64), ChunkSet>);

impl Lacking {
    fn of(family: &Family) -> Self {
        let behind = family.behind.iter();
        Self(
            behind
                .map(|behind| ((behind.worker, behind.segment), behind.chunks.clone()))
                .collect(),
        )
    }

    fn has(&self, worker: WorkerId, segment: u64, chunk: ChunkId) -> bool {
        let chunks = self.0.get(&(worker, segment));
        chunks.is_some_and(|chunks| chunks.contains(&chunk))
    }

    fn add(&mut self, worker: WorkerId, segment: u64, chunk: ChunkId) {
        self.0.entry((worker, segment)).or_default().insert(chunk);
    }

    fn behind(self) -> Vec<Behind> {
        let lacking = self.0.into_iter();
        lacking
            .map(|((worker, segment), chunks)| Behind {
                worker,
                segment,
                chunks,
            })
            .collect()
    }
}

/// A look at one chunk.
struct Look<'a> {
    family: &'a mut Family,
    holdings: &'a Holdings,
    parts: &'a Parts,
    chunk: ChunkId,
    tables: &'a [(u64, Place)],
}

impl Look<'_> {
    fn listed(&self) -> Vec<WorkerId> {
        let listed = self.family.placement.get(&self.chunk);
        listed.cloned().unwrap_or_default()
    }

    /// Enters what listed workers do not have. Copies that differ are read by nobody: which of them
    /// is right cannot be seen.
    fn mark(&self, lacking: &mut Lacking, findings: &mut Findings) {
        for (segment, place) in self.tables {
            let mut contents = Vec::new();
            for worker in self.listed() {
                let is_read = !lacking.has(worker, *segment, self.chunk);
                if !is_read || !self.holdings.asked.contains(&worker) {
                    continue;
                }
                if let Some(content) = self.holdings.content(worker, place) {
                    contents.push((worker, content));
                } else {
                    findings.missing += 1;
                    lacking.add(worker, *segment, self.chunk);
                }
            }
            let differ = contents.windows(2).any(|pair| pair[0].1 != pair[1].1);
            if differ {
                enter(&mut findings.differing, self.parts, place);
                for (worker, _) in contents {
                    lacking.add(worker, *segment, self.chunk);
                }
            }
        }
    }

    /// Lists workers that have every table of the chunk, with the same rows as all others that do,
    /// until there are as many complete copies as wanted.
    fn adopt(&mut self, lacking: &Lacking, findings: &mut Findings) {
        let mut listed = self.listed();
        let is_complete = |worker: &&WorkerId| {
            let mut tables = self.tables.iter();
            self.holdings.asked.contains(worker)
                && !tables.any(|(segment, _)| lacking.has(**worker, *segment, self.chunk))
        };
        let complete = listed.iter().filter(is_complete).count();
        let wanted = (self.family.replicas.desired as usize).saturating_sub(complete);
        let fit = self.holdings.asked.iter().copied();
        let fit = fit.filter(|worker| !listed.contains(worker) && self.has_all(*worker));
        let adopted: Vec<WorkerId> = fit.take(wanted).collect();
        if adopted.is_empty() {
            return;
        }
        findings.adopted += adopted.len();
        if let Some(intended) = self.family.intended.get_mut(&self.chunk) {
            intended.retain(|worker| !adopted.contains(worker));
        }
        self.family
            .intended
            .retain(|_, workers| !workers.is_empty());
        listed.extend(adopted);
        listed.sort_unstable();
        self.family.placement.insert(self.chunk, listed);
    }

    /// Whether a worker has each table with the rows that every other copy has.
    fn has_all(&self, worker: WorkerId) -> bool {
        self.tables.iter().all(|(_, place)| {
            let own = self.holdings.content(worker, place);
            let mut all = self.holdings.of_place(place).iter();
            own.is_some_and(|own| all.all(|(_, content)| *content == own))
        })
    }

    /// Enters rows of which no copy was seen that is read.
    fn judge(&self, lacking: &Lacking, findings: &mut Findings) {
        for (segment, place) in self.tables {
            let listed = self.listed();
            let reads = |worker: &&WorkerId| !lacking.has(**worker, *segment, self.chunk);
            let mut read = listed.iter().filter(reads).peekable();
            if read.peek().is_none() {
                let is_lost = self.holdings.of_place(place).is_empty();
                let among = if is_lost {
                    &mut findings.lost
                } else {
                    &mut findings.unread
                };
                enter(among, self.parts, place);
            } else if !read.any(|worker| self.holdings.asked.contains(worker)) {
                enter(&mut findings.unconfirmed, self.parts, place);
            }
        }
    }
}
