//! Follows the system calls of a test and checks that what it wrote survives a power cut.
//!
//! A test that wants to be followed starts itself again under `strace`; see [`followed`]. The
//! kernel's own record is read, not what the code says it does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test's helper ends the test, as its own code does"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in the environment of a test that is being followed: the folder it writes to.
const FOLDER: &str = "ORRERY_FOLLOWED_FOLDER";

/// What a test does with the calls of its second run.
pub enum Run {
    /// This is the second run: write to this folder, and return.
    Write(PathBuf),
    /// This is the first run: these were the second one's calls, in this folder.
    Check(Calls, tempfile::TempDir),
}

/// Runs the test named `name` of this binary once more, followed. Every test that calls this does
/// what [`Run`] says.
///
/// # Panics
/// Without `strace`, or when the second run fails.
#[must_use]
pub fn followed(name: &str) -> Run {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return Run::Write(folder.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let calls = tempfile::NamedTempFile::new().unwrap();
    let names =
        "trace=open,openat,creat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2";
    let output = Command::new("strace")
        .args(["-f", "-y", "-qq", "-s", "8", "-e", names, "-o"])
        .arg(calls.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .output()
        .expect("strace is needed: tools/setup installs it");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "the followed run of {name}: {printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = std::fs::read_to_string(calls.path()).unwrap();
    Run::Check(Calls::read(&text), folder)
}

/// One call that went well.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Call {
    /// Opened for writing.
    Open(PathBuf),
    Write(PathBuf),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
}

/// System calls on files, in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls(Vec<Call>);

impl Calls {
    /// Reads what `strace -f -y` wrote. A call during which another thread's ended stands in two
    /// lines.
    fn read(text: &str) -> Self {
        let mut begun: BTreeMap<&str, String> = BTreeMap::new();
        let mut calls = Vec::new();
        for line in text.lines() {
            let Some((thread, rest)) = line.split_once(' ') else {
                continue;
            };
            let rest = rest.trim_start();
            if let Some(first) = rest.strip_suffix("<unfinished ...>") {
                begun.insert(thread, first.to_owned());
            } else if let Some(second) = rest.strip_prefix("<... ") {
                let first = begun.remove(thread).unwrap_or_default();
                let second = second
                    .split_once("resumed>")
                    .map_or("", |(_, second)| second);
                calls.extend(call(&format!("{first}{second}")));
            } else {
                calls.extend(call(rest));
            }
        }
        Self(calls)
    }

    /// How often `path` was replaced.
    #[must_use]
    pub fn replaced(&self, path: &Path) -> usize {
        self.renames(path).count()
    }

    /// Checks that `path` came about by write → fsync → rename → fsync of the folder, each time,
    /// and in no other way.
    ///
    /// # Panics
    /// When it did not.
    pub fn assert_replaced_durably(&self, path: &Path) {
        assert!(
            self.replaced(path) > 0,
            "{} was never renamed into place: {self:?}",
            path.display()
        );
        let in_place = self
            .0
            .iter()
            .find(|call| matches!(call, Call::Open(open) if open == path));
        assert_eq!(in_place, None, "{} was opened for writing", path.display());
        for (at, temporary) in self.renames(path) {
            self.assert_synced(temporary, at);
            self.assert_folder_synced_after(path, at);
        }
    }

    /// Checks that what was written to `path` is on the disk before `later` is renamed into place
    /// for the last time, name and all.
    ///
    /// # Panics
    /// When it is not.
    pub fn assert_synced_before(&self, path: &Path, later: &Path) {
        let last = self.renames(later).last();
        let (at, _) =
            last.unwrap_or_else(|| panic!("{} was never renamed into place", later.display()));
        self.assert_synced(path, at);
        assert_eq!(
            path.parent(),
            later.parent(),
            "one fsync of the folder serves both"
        );
        self.assert_folder_synced_after(later, at);
    }

    fn renames(&self, path: &Path) -> impl Iterator<Item = (usize, &PathBuf)> {
        self.0
            .iter()
            .enumerate()
            .filter_map(move |(at, call)| match call {
                Call::Rename(temporary, to) if to == path => Some((at, temporary)),
                _ => None,
            })
    }

    /// The last thing that was done to `path` before call `at` is an fsync, and there was something
    /// to sync.
    fn assert_synced(&self, path: &Path, at: usize) {
        let before = self.0.get(..at).unwrap_or_default();
        let written = before
            .iter()
            .rposition(|call| matches!(call, Call::Write(to) if to == path));
        let synced = before
            .iter()
            .rposition(|call| matches!(call, Call::Sync(what) if what == path));
        let written =
            written.unwrap_or_else(|| panic!("{} was never written: {before:?}", path.display()));
        assert!(
            synced > Some(written),
            "{} was not fsynced after its last write: {before:?}",
            path.display()
        );
    }

    fn assert_folder_synced_after(&self, path: &Path, at: usize) {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let mut after = self.0.iter().skip(at + 1);
        assert!(
            after.any(|call| matches!(call, Call::Sync(what) if what == folder)),
            "{} was not fsynced after {} came into it",
            folder.display(),
            path.display()
        );
    }
}

/// A call's line, as far as it matters here. One that failed does not.
fn call(line: &str) -> Option<Call> {
    let (name, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    if result.trim_start().starts_with('-') {
        return None;
    }
    let descriptor = || bracketed(arguments);
    match name {
        "open" | "openat" if arguments.contains("O_WRONLY") || arguments.contains("O_RDWR") => {
            bracketed(result).map(Call::Open)
        }
        "creat" => bracketed(result).map(Call::Open),
        "write" | "pwrite64" | "writev" => descriptor().map(Call::Write),
        "fsync" | "fdatasync" => descriptor().map(Call::Sync),
        "rename" | "renameat" | "renameat2" => {
            let mut names = arguments.split('"').skip(1).step_by(2);
            Some(Call::Rename(names.next()?.into(), names.next()?.into()))
        }
        _ => None,
    }
}

/// The path that strace puts behind a descriptor: `3</path>`.
fn bracketed(text: &str) -> Option<PathBuf> {
    let (_, path) = text.split_once('<')?;
    let (path, _) = path.split_once('>')?;
    path.starts_with('/').then(|| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
7  openat(AT_FDCWD</tmp>, "/t/f.new", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600) = 3</t/f.new>
7  write(3</t/f.new>, "content"..., 700) = 700
8  write(1</dev/pts/0>, "x", 1 <unfinished ...>
7  fsync(3</t/f.new> <unfinished ...>
8  <... write resumed>) = 1
7  <... fsync resumed>) = 0
7  rename("/t/f.new", "/t/f") = 0
7  openat(AT_FDCWD</tmp>, "/t", O_RDONLY|O_CLOEXEC) = 4</t>
7  fsync(4</t>) = 0
"#;

    fn refuses(text: &str) -> bool {
        let calls = Calls::read(text);
        std::panic::catch_unwind(|| calls.assert_replaced_durably(Path::new("/t/f"))).is_err()
    }

    #[test]
    fn the_right_order_passes_and_each_wrong_one_does_not() {
        let calls = Calls::read(GOOD);
        calls.assert_replaced_durably(Path::new("/t/f"));
        assert_eq!(calls.replaced(Path::new("/t/f")), 1);
        let without = |part: &str| {
            let kept: Vec<&str> = GOOD.lines().filter(|line| !line.contains(part)).collect();
            kept.join("\n")
        };
        assert!(refuses(&without("fsync(4")), "no fsync of the folder");
        assert!(refuses(&without("fsync")), "no fsync at all");
        assert!(refuses(&without("rename(")), "no rename");
        assert!(
            refuses(&GOOD.replace("resumed>) = 0", "resumed>) = -1 EIO (Input/output error)")),
            "an fsync that failed"
        );
        assert!(refuses(&format!(
            "{}7  write(3</t/f.new>, \"more\", 4) = 4\n{}",
            GOOD.split("7  rename").next().unwrap(),
            &GOOD[GOOD.find("7  rename").unwrap()..]
        )));
        assert!(refuses(&format!(
            "{GOOD}7  openat(AT_FDCWD</tmp>, \"/t/f\", O_WRONLY|O_TRUNC) = 3</t/f>\n"
        )));
    }

    #[test]
    fn the_one_helper_keeps_the_order() {
        match followed("trace::tests::the_one_helper_keeps_the_order") {
            Run::Write(folder) => {
                crate::write(&folder.join("file"), b"one").unwrap();
                crate::write(&folder.join("file"), b"two").unwrap();
                // Elsewhere, so that its fsync does not stand in for that of the files.
                std::fs::create_dir(folder.join("elsewhere")).unwrap();
                crate::fresh_folder(&folder.join("elsewhere/spool")).unwrap();
            }
            Run::Check(calls, folder) => {
                let path = folder.path().join("file");
                calls.assert_replaced_durably(&path);
                assert_eq!(calls.replaced(&path), 2);
                assert!(
                    calls.0.last() == Some(&Call::Sync(folder.path().join("elsewhere"))),
                    "the name of a fresh folder is durable: {calls:?}"
                );
            }
        }
    }
}
