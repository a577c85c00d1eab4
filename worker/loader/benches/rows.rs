//! Rows per second and core of a survey's two halves: cutting records, and checking and placing
//! rows of 15 columns.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first failure")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use orrery_loader::dialect::records::{Batch, Records};
use orrery_loader::survey::place::{Known, place};
use orrery_loader::survey::plan::TablePlan;
use orrery_loader::survey::rows::parse;
use orrery_worker_api::loader::Survey;
use serde_json::json;

const ROWS: u64 = 10_000;

fn survey() -> Survey {
    let mut columns = vec![
        json!({"name": "objectId", "type": "BIGINT", "nullable": false}),
        json!({"name": "ra", "type": "DOUBLE", "nullable": false}),
        json!({"name": "decl", "type": "DOUBLE", "nullable": false}),
    ];
    columns.extend((0..8).map(|i| json!({"name": format!("mag{i}"), "type": "FLOAT"})));
    columns.extend([
        json!({"name": "flags", "type": "INT UNSIGNED"}),
        json!({"name": "kind", "type": "TINYINT"}),
        json!({"name": "name", "type": "VARCHAR(32)", "charset": "utf8mb4"}),
        json!({"name": "seen", "type": "DATETIME"}),
    ]);
    serde_json::from_value(json!({
        "id": "bench", "sources": [], "dialect": {}, "fields": [], "maxRejects": 0, "positions": "reject", "orphans": "keep",
        "misplacedChildren": "reject", "expectedFiles": null,
        "target": {"director": {
            "grid": {"scheme": "sphere", "stripes": 85, "subStripes": 12, "overlap": 0.01667, "indexChunks": 16},
            "index": {"chunks": 16, "keyType": "BIGINT", "places": {}},
            "table": {
                "family": "f", "key": "objectId", "position": {"longitude": "ra", "latitude": "decl"}, "columns": columns,
                "indexes": [], "uniqueKey": "enforced", "charset": "utf8mb4", "collation": "utf8mb4_bin", "scanRating": 1,
                "qservCompat": false,
            },
        }},
    }))
    .unwrap()
}

fn text() -> Vec<u8> {
    let mut text = String::new();
    for i in 0..ROWS {
        let (lon, lat) = (
            (i as f64 * 0.7919).rem_euclid(360.0),
            (i as f64 * 0.3571).rem_euclid(120.0) - 60.0,
        );
        text += &format!("{},{lon:.12},{lat:.12}", 390_030_275_138_483 + i);
        for band in 0..8 {
            text += &format!(",{:.4}", 18.0 + (i % 97) as f64 * 0.05 + f64::from(band));
        }
        text += &format!(
            ",{},{},object {i},2011-07-0{} 12:30:00\n",
            i * 7919 % 1_000_000,
            i % 100,
            1 + i % 9
        );
    }
    text.into_bytes()
}

fn batches(plan: &TablePlan, text: &[u8]) -> Vec<Batch> {
    let mut records = Records::new(text, &plan.dialect, 1 << 40);
    std::iter::from_fn(|| records.next_batch().unwrap()).collect()
}

fn rows(criterion: &mut Criterion) {
    let plan = TablePlan::new(&survey()).unwrap();
    let map = plan.column_fields();
    let text = text();
    let cut = batches(&plan, &text);
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(ROWS));
    group.bench_function("cut", |bench| bench.iter(|| batches(&plan, &text)));
    group.bench_function("check and place", |bench| {
        bench.iter(|| {
            let parsed = cut.iter().map(|batch| parse(&plan, &map, batch, 1));
            let rows: usize = parsed
                .map(|parsed| place(&plan, parsed, &Known::new()).rows.len())
                .sum();
            assert_eq!(rows as u64, ROWS);
        });
    });
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
