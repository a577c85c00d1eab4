//! The outcome as Markdown.

use crate::compare::Medians;
use crate::figures::{Line, Outcome};
use crate::process::{load_average, peak_mib};
use crate::site::Site;

/// Prints everything.
pub fn print(site: &Site, lines: &[Line]) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{} rows of Object on {} workers, {cores} cores shared by client, servers and all else on the machine (load averages at the end: {}). \
         A ratio is operations per second through Orrery against direct MariaDB in the same round: median (least–most).\n",
        site.objects.rows,
        site.stack.workers.len(),
        load_average(),
    );
    println!(
        "| Figure | direct | Orrery | ratio | goal | CPU µs per operation: proxy + czar + servers / direct |"
    );
    println!("|---|---|---|---|---|---|");
    for line in lines {
        match &line.outcome {
            Outcome::Compared(medians) => print_compared(line, medians),
            Outcome::Rate(rate) => println!(
                "| {} | – | {} {}/s | – | {} | – |",
                line.figure.title(),
                short(*rate),
                line.figure.unit(),
                line.figure.goal()
            ),
        }
    }
    println!(
        "\nPeak resident memory: czar {:.0} MiB, proxy {:.0} MiB.",
        peak_mib(site.front.czar.pid())?,
        peak_mib(site.front.proxy.pid())?
    );
    Ok(())
}

fn print_compared(line: &Line, medians: &Medians) {
    let [least, middle, most] = medians.ratio;
    let unit = line.figure.unit();
    let cpu = medians.cpu;
    println!(
        "| {} | {} {unit}/s | {} {unit}/s | **{middle:.2}** ({least:.2}–{most:.2}) | {} | {} + {} + {} / {} |",
        line.figure.title(),
        short(medians.direct),
        short(medians.orrery),
        line.figure.goal(),
        short(cpu.proxy),
        short(cpu.czar),
        short(cpu.servers),
        short(cpu.direct),
    );
}

/// Three digits that count.
fn short(number: f64) -> String {
    match number {
        n if n >= 10_000_000.0 => format!("{:.0} M", n / 1e6),
        n if n >= 1_000_000.0 => format!("{:.1} M", n / 1e6),
        n if n >= 10_000.0 => format!("{:.0} k", n / 1e3),
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 1.0 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}
