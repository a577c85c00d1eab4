//! A reader that stalls in the middle of five million rows costs czar and proxy what their limits
//! say, and nothing once it has gone.

use std::time::{Duration, Instant};

use orrery_archive::catalog::TableKey;
use orrery_archive::names::CZAR_ACCOUNT;
use orrery_dev::archive::{Archive, Declaration, Shape, TableData, build};
use orrery_dev::rows::Row;
use orrery_dev::stack::{Stack, user, users};
use orrery_kit::port;
use orrery_oracle::process::{Part, metric};
use orrery_oracle::site::connect_proxy;
use orrery_wire::client::{ClientConnection, Next, Response};
use serde_json::json;

const MIB: u64 = 1 << 20;
/// Chunks, and rows of each.
const CHUNKS: u64 = 10;
const ROWS: u64 = 500_000;
const ALL: u64 = CHUNKS * ROWS;
/// The czar's limits on rows that wait for their reader. The four tasks that may run at once make
/// many times what memory may hold, and less than the file may.
const SPOOL_MEMORY: u64 = 8 * MIB;
const SPOOL_DISK: u64 = 192 * MIB;
/// Bytes of rows a proxy holds before it streams.
const HELD: u64 = MIB;
/// What buffers of connections, pieces of rows on their way and the allocator may take in addition.
const ALLOWANCE: u64 = 24 * MIB;
/// What may stay behind of it when all is over.
const LEFT: u64 = 12 * MIB;
/// How long the reader stalls.
const STALL: Duration = Duration::from_secs(6);
/// How long a statement whose client has gone may take to end everywhere.
const TIMEOUT: Duration = Duration::from_secs(20);

const SHAPE: Shape = Shape {
    workers: 2,
    replicas: 1,
    stripes: 18,
    sub_stripes: 10,
    overlap: 0.05,
    index_chunks: 2,
};

/// Table `Point` with one row in each chunk.
fn points() -> TableData {
    let spec = json!({
        "database": "sky",
        "table": "Point",
        "family": "sky",
        "role": "director",
        "key": "pointId",
        "columns": [
            { "name": "pointId", "type": "BIGINT", "nullable": false },
            { "name": "ra", "type": "DOUBLE", "nullable": false },
            { "name": "decl", "type": "DOUBLE", "nullable": false },
        ],
        "position": { "longitude": "ra", "latitude": "decl" },
    });
    let row = |chunk: u64| -> Row {
        let ra = 5.015_625 + 14.0 * chunk as f64;
        [
            (chunk * ROWS).to_string(),
            ra.to_string(),
            "1.015625".to_owned(),
        ]
        .map(|text| Some(text.into_bytes()))
        .to_vec()
    };
    TableData {
        declaration: Declaration::Chunked(serde_json::from_value(spec).unwrap()),
        segments: vec![(0..CHUNKS).map(row).collect()],
    }
}

/// Fills each chunk's table, which has its first row, up to [`ROWS`].
async fn fill(stack: &Stack, archive: &Archive) {
    let mut statements: Vec<(u32, String)> = Vec::new();
    for table in archive
        .tables
        .iter()
        .filter(|table| table.table.starts_with("Point_"))
    {
        if !table.database.starts_with("sky__") {
            continue;
        }
        let row = std::str::from_utf8(&table.rows).unwrap().trim_end();
        let fields: Vec<&str> = row.split('\t').collect();
        let [first, rest @ ..] = fields.as_slice() else {
            panic!("a row without fields");
        };
        let statement = format!(
            "INSERT INTO `{0}`.`{1}` ({2}) SELECT {first} + seq, {3} FROM `{0}`.seq_1_to_{4}",
            table.database,
            table.table,
            table.fields.join(", "),
            rest.join(", "),
            ROWS - 1
        );
        statements.push((table.workers[0], statement));
    }
    assert_eq!(
        statements.len() as u64,
        CHUNKS,
        "each row lies in a chunk of its own"
    );
    let by_worker = stack.workers.iter().map(|(id, worker)| {
        let own = statements.iter().filter(move |(worker, _)| worker == id);
        worker.run_all(own.map(|(_, statement)| statement))
    });
    futures::future::try_join_all(by_worker).await.unwrap();
}

/// Czar and proxy as processes.
struct Parts {
    czar: Part,
    proxy: Part,
    address: String,
    admin: String,
}

impl Parts {
    async fn start(stack: &Stack, folder: &std::path::Path) -> Self {
        let program = env!("CARGO_BIN_EXE_orrery-oracle-part");
        let local = || format!("127.0.0.1:{}", port::reserve().unwrap());
        let (czar_address, admin, address) = (local(), local(), local());
        let spool = folder.join("spool");
        let czar = [
            format!("--listen={czar_address}"),
            format!("--admin-listen={admin}"),
            "--without-cluster".to_owned(),
            "--without-tls".to_owned(),
            format!("--snapshot={}", stack.snapshot().display()),
            format!("--passwords={}", stack.passwords().display()),
            format!("--shadow-socket={}", stack.shadow.socket().display()),
            "--shadow-user=root".to_owned(),
            format!("--spool={}", spool.display()),
            format!("--spool-memory={SPOOL_MEMORY}"),
            format!("--spool-disk={SPOOL_DISK}"),
        ];
        let proxy = [
            format!("--listen={address}"),
            format!("--admin-listen={}", local()),
            "--peer-listen=127.0.0.1:0".to_owned(),
            format!("--czar={czar_address}"),
            format!(
                "--czar-password-file={}",
                stack.passwords().join(CZAR_ACCOUNT).display()
            ),
            "--without-cluster".to_owned(),
            "--without-tls".to_owned(),
            format!("--snapshot={}", stack.snapshot().display()),
        ];
        let parts = Self {
            czar: Part::start(program, "czar", &czar).unwrap(),
            proxy: Part::start(program, "proxy", &proxy).unwrap(),
            address,
            admin,
        };
        let begun = Instant::now();
        loop {
            if let Ok(mut ann) = connect_proxy(&parts.address, "ann", Some("sky")).await
                && ann
                    .run(b"SELECT pointId FROM Point WHERE pointId = 1")
                    .await
                    .is_ok()
            {
                return parts;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "czar and proxy do not come up"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn ask(&self) -> ClientConnection {
        let mut ann = connect_proxy(&self.address, "ann", Some("sky"))
            .await
            .unwrap();
        let response = ann.query(b"SELECT * FROM Point").await.unwrap();
        assert!(matches!(response, Response::Rows(_)));
        assert!(matches!(ann.next_row().await.unwrap(), Next::Row(_)));
        ann
    }

    /// Resident memory of czar and proxy.
    fn now(&self) -> (u64, u64) {
        (
            self.czar.memory().unwrap().now,
            self.proxy.memory().unwrap().now,
        )
    }

    async fn spooled(&self) -> u64 {
        metric(&self.admin, "orrery_czar_spool_bytes")
            .await
            .unwrap()
    }

    /// Waits until nothing of a statement is left.
    async fn settle(&self, base: (u64, u64), when: &str) {
        let begun = Instant::now();
        loop {
            let running = metric(&self.admin, "orrery_czar_statements_running")
                .await
                .unwrap();
            let (czar, proxy) = (
                self.czar.memory().unwrap().now,
                self.proxy.memory().unwrap().now,
            );
            let spooled = self.spooled().await;
            if running == 0 && spooled == 0 && czar <= base.0 + LEFT && proxy <= base.1 + LEFT {
                return;
            }
            assert!(
                begun.elapsed() < TIMEOUT,
                "{when}: {running} statements run, {spooled} bytes are spooled; czar {} MiB (began with {}), proxy {} MiB (began with {})",
                czar / MIB,
                base.0 / MIB,
                proxy / MIB,
                base.1 / MIB
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Reads to the end; the number of rows, the first one not counted.
async fn rest(ann: &mut ClientConnection) -> u64 {
    let mut rows = 0;
    loop {
        let next = match ann.buffered_row().unwrap() {
            Some(next) => next,
            None => ann.next_row().await.unwrap(),
        };
        match next {
            Next::Row(_) => rows += 1,
            Next::End(_) => return rows,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stalls_in_five_million_rows_costs_what_the_limits_say_and_nothing_afterwards()
 {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = build(SHAPE, &[points()]).unwrap();
    let table = archive
        .catalog
        .tables
        .get_mut(&TableKey::new("sky", "Point"))
        .unwrap();
    table.segments[0].rows = ALL;
    let users = users(1, [("ann", user("ann", &["*"]))]);
    let stack = Stack::start(folder.path(), None, None, &archive, &users)
        .await
        .unwrap();
    fill(&stack, &archive).await;
    let parts = Parts::start(&stack, folder.path()).await;

    // Before any long answer: what one leaves behind must not count as if it had always been there.
    let fresh = parts.now();
    let mut ann = parts.ask().await;
    assert_eq!(
        rest(&mut ann).await + 1,
        ALL,
        "a reader that does not stall"
    );
    drop(ann);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let base = parts.now();

    for goes_away in [true, false] {
        parts.czar.forget_peak().unwrap();
        parts.proxy.forget_peak().unwrap();
        let mut ann = parts.ask().await;
        let (begun, mut most_spooled) = (Instant::now(), 0);
        while begun.elapsed() < STALL {
            most_spooled = most_spooled.max(parts.spooled().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (czar, proxy) = (
            parts.czar.memory().unwrap().peak,
            parts.proxy.memory().unwrap().peak,
        );
        println!(
            "czar {} to {} MiB, proxy {} to {} MiB, {} MiB spooled",
            fresh.0 / MIB,
            czar / MIB,
            fresh.1 / MIB,
            proxy / MIB,
            most_spooled / MIB
        );
        assert!(
            most_spooled > 0,
            "rows wait in the file, or the test tests nothing"
        );
        assert!(most_spooled <= SPOOL_DISK, "{most_spooled} bytes spooled");
        assert!(
            czar <= fresh.0 + SPOOL_MEMORY + ALLOWANCE,
            "the czar took {czar} bytes, {} before",
            fresh.0
        );
        assert!(
            proxy <= fresh.1 + HELD + ALLOWANCE,
            "the proxy took {proxy} bytes, {} before",
            fresh.1
        );
        if goes_away {
            drop(ann);
            parts.settle(base, "after the reader went away").await;
        } else {
            assert_eq!(
                rest(&mut ann).await + 1,
                ALL,
                "a reader that stalled and went on"
            );
            drop(ann);
            parts.settle(base, "after the reader finished").await;
        }
    }
}
