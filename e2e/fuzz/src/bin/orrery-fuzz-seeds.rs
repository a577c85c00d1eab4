//! `orrery-fuzz-seeds TARGET FOLDER`: writes the seeds of a target into a folder, a file each.

use std::path::PathBuf;

use anyhow::Context;
use orrery_fuzz::Target;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: orrery-fuzz-seeds TARGET FOLDER";
    let name = arguments.next().context(usage)?;
    let folder = PathBuf::from(arguments.next().context(usage)?);
    let target = Target::ALL.into_iter().find(|target| target.name() == name);
    let target = target.with_context(|| format!("no target {name}"))?;
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for (number, seed) in target.seeds().into_iter().enumerate() {
        let file = folder.join(format!("seed-{number:04}"));
        std::fs::write(&file, seed).with_context(|| file.display().to_string())?;
    }
    Ok(())
}
