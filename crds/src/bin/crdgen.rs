//! Writes one YAML file per kind into the folder named on the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use orrery_crds::kinds::all;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: crdgen FOLDER");
        return ExitCode::from(2);
    };
    for crd in all() {
        let file = folder.join(format!("{}.yaml", crd.spec.names.plural));
        let written = serde_saphyr::to_string(&crd)
            .map_err(|error| error.to_string())
            .and_then(|yaml| std::fs::write(&file, yaml).map_err(|error| error.to_string()));
        if let Err(error) = written {
            eprintln!("crdgen: {}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
