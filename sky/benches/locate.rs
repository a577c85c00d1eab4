//! Positions per second on one core: home cells, with and without overlap copies.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use orrery_sky::{Cell, Grid, Region};

const POSITIONS: usize = 1_000_000;

/// Positions spread over the whole sphere by the golden ratio: the same on every run, in no order.
fn positions() -> (Vec<f64>, Vec<f64>) {
    let lon = (0..POSITIONS)
        .map(|i| (i as f64 * 222.492_235_949_962_14) % 360.0)
        .collect();
    let lat = (0..POSITIONS)
        .map(|i| {
            (2.0 * ((i as f64 * 0.754_877_666_246_692_7) % 1.0) - 1.0)
                .asin()
                .to_degrees()
        })
        .collect();
    (lon, lat)
}

fn locate(criterion: &mut Criterion) {
    let (lon, lat) = positions();
    let mut group = criterion.benchmark_group("locate");
    group
        .throughput(Throughput::Elements(POSITIONS as u64))
        .sample_size(20);
    for (stripes, sub_stripes, overlap) in [(85, 12, 0.016_67), (340, 3, 0.01)] {
        let Ok(grid) = Grid::new(stripes, sub_stripes, overlap) else {
            continue;
        };
        let mut cells: Vec<Cell> = Vec::with_capacity(POSITIONS);
        group.bench_function(format!("home {stripes}x{sub_stripes}"), |bencher| {
            bencher.iter(|| {
                cells.clear();
                grid.locate_all(black_box(&lon), black_box(&lat), &mut cells)
            });
        });
        group.bench_function(
            format!("home and copies {stripes}x{sub_stripes}"),
            |bencher| {
                bencher.iter(|| {
                    cells.clear();
                    grid.locate_all(black_box(&lon), black_box(&lat), &mut cells)?;
                    let mut copies = 0;
                    let mut row = Vec::new();
                    for (&lon, &lat) in lon.iter().zip(&lat) {
                        row.clear();
                        if grid.overlap_chunks(lon, lat, &mut row).is_ok() {
                            copies += row.len();
                        }
                    }
                    Ok::<usize, orrery_sky::Misplaced>(black_box(copies))
                });
            },
        );
    }
    group.finish();
}

fn cover(criterion: &mut Criterion) {
    let Ok(grid) = Grid::new(85, 12, 0.016_67) else {
        return;
    };
    let vertices = [(10.0, 0.0), (12.0, 0.0), (12.0, 2.0), (10.0, 2.0)];
    let regions = [
        ("circle of 1 degree", Region::circle(200.0, -30.0, 1.0)),
        (
            "ellipse of 1 degree",
            Region::ellipse(200.0, -30.0, 3600.0, 360.0, 30.0),
        ),
        ("polygon of 2 degrees", Region::convex_polygon(&vertices)),
        (
            "box of half the sky",
            Region::lon_lat_box(0.0, -90.0, 360.0, 0.0),
        ),
    ];
    let mut group = criterion.benchmark_group("cover");
    for (name, region) in regions {
        let Ok(region) = region else { continue };
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&region).cover(&grid));
        });
    }
    group.finish();
}

criterion_group!(benches, locate, cover);
criterion_main!(benches);
