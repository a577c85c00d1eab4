//! Rows per second on one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use orrery_sample_sky::{Sky, Table};

const OBJECTS: u64 = 20_000;

fn generate(criterion: &mut Criterion) {
    let Ok(sky) = Sky::new(OBJECTS, 1) else {
        return;
    };
    let mut group = criterion.benchmark_group("generate");
    group.sample_size(20);
    for table in [Table::Object, Table::Source] {
        let Ok(part) = sky.part(table, 0, 1) else {
            continue;
        };
        let rows = part
            .blocks()
            .flatten()
            .filter(|&byte| byte == b'\n')
            .count();
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(table.name(), |bencher| {
            bencher.iter(|| {
                part.blocks()
                    .map(|block| black_box(block).len())
                    .sum::<usize>()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, generate);
criterion_main!(benches);
