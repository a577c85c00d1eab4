//! Whether a file is still what an earlier survey of the same ingest found.

use orrery_worker_api::agent::SourceFile;

use super::running::Running;
use crate::fault::Fault;
use crate::source::Head;

/// Compares what is known before a file is opened with an earlier survey. The size does not count:
/// some servers answer `HEAD` with another length than `GET`. A version counts where both surveys
/// know one; reading the file decides in the end.
pub fn check_version(running: &Running, file: u32, head: &Head) -> Result<(), Fault> {
    let Some(expected) = expected(running, file) else {
        return Ok(());
    };
    changed(
        running,
        file,
        "name",
        &expected.name.as_str(),
        &running.name(file),
    )?;
    let (was, is) = (&expected.version, &head.version);
    let weak = |version: &str| version.trim_start_matches("W/").to_owned();
    if was.is_empty() || is.is_empty() || weak(was) == weak(is) {
        return Ok(());
    }
    changed(running, file, "version", was, is)
}

/// Compares what an opened file says of itself with an earlier survey.
pub fn check_head(running: &Running, file: u32, head: &Head) -> Result<(), Fault> {
    check_version(running, file, head)?;
    let Some(expected) = expected(running, file) else {
        return Ok(());
    };
    let size = head.size.unwrap_or(expected.size);
    changed(running, file, "size", &expected.size, &size)
}

/// Compares what was read with an earlier survey.
pub fn check_file(running: &Running, file: u32, found: &SourceFile) -> Result<(), Fault> {
    let Some(expected) = expected(running, file) else {
        return Ok(());
    };
    changed(running, file, "size", &expected.size, &found.size)?;
    changed(running, file, "SHA-256", &expected.sha256, &found.sha256)?;
    changed(
        running,
        file,
        "number of parts",
        &expected.parts.len(),
        &found.parts.len(),
    )?;
    if expected.parts == found.parts {
        return Ok(());
    }
    Err(Fault::SourceChanged {
        file: found.name.clone(),
        what: "its part borders differ from those of the earlier survey".into(),
    })
}

fn expected(running: &Running, file: u32) -> Option<&SourceFile> {
    running.expected.as_ref()?.get(file as usize)
}

fn changed<T: PartialEq + std::fmt::Display>(
    running: &Running,
    file: u32,
    what: &str,
    was: &T,
    is: &T,
) -> Result<(), Fault> {
    if was == is {
        return Ok(());
    }
    Err(Fault::SourceChanged {
        file: running.name(file).to_owned(),
        what: format!("its {what} was {was} and is {is}"),
    })
}
