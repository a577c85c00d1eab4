//! Writes one YAML file per kind, and the page about all of them, into the folder named on the command
//! line.

use std::path::PathBuf;
use std::process::ExitCode;

use orrery_crds::kinds::all;
use orrery_crds::reference;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: crdgen FOLDER");
        return ExitCode::from(2);
    };
    let kinds = all();
    let yaml = kinds.iter().map(|kind| {
        let text = serde_saphyr::to_string(kind).map_err(|error| error.to_string());
        (format!("{}.yaml", kind.spec.names.plural), text)
    });
    let page = reference::page(&kinds).map_err(|error| error.to_string());
    for (name, text) in yaml.chain([("api.md".to_owned(), page)]) {
        let file = folder.join(name);
        let written =
            text.and_then(|text| std::fs::write(&file, text).map_err(|error| error.to_string()));
        if let Err(error) = written {
            eprintln!("crdgen: {}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
