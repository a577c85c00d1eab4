//! Where lines of the audit log are written, by a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Where the audit log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output; the program's own log goes to standard error.
    Stdout,
    /// A file.
    File(PathBuf, Rotation),
}

/// When a file gets a successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes after which a file is full.
    pub bytes: u64,
    /// Full files that are kept: `NAME.1` is the newest of them.
    pub keep: u32,
}

/// An open destination.
pub enum Sink {
    /// Standard output.
    Stdout,
    /// A file.
    File(Rotated),
}

impl Sink {
    /// Opens a destination.
    pub fn open(destination: &Destination) -> io::Result<Self> {
        Ok(match destination {
            Destination::Stdout => Self::Stdout,
            Destination::File(path, rotation) => Self::File(Rotated::open(path, *rotation)?),
        })
    }

    /// Writes a line, which ends with a line break.
    pub fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(line)?;
                stdout.flush()
            }
            Self::File(file) => file.write(line),
        }
    }
}

/// A file that gets a successor when it is full.
pub struct Rotated {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    written: u64,
}

impl Rotated {
    fn open(path: &Path, rotation: Rotation) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            path: path.to_owned(),
            rotation,
            written: file.metadata()?.len(),
            file,
        })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.written > 0 && self.written + line.len() as u64 > self.rotation.bytes {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.written += line.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        if self.rotation.keep == 0 {
            std::fs::remove_file(&self.path)?;
        }
        for number in (0..self.rotation.keep).rev() {
            let from = numbered(&self.path, number);
            if from.exists() {
                std::fs::rename(&from, numbered(&self.path, number + 1))?;
            }
        }
        *self = Self::open(&self.path, self.rotation)?;
        Ok(())
    }
}

/// `NAME.number`; number 0 is the file that is written.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_gets_a_successor_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let rotation = Rotation { bytes: 8, keep: 2 };
        let mut sink = Sink::open(&Destination::File(path.clone(), rotation)).unwrap();
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n", "six\n"] {
            sink.write(line.as_bytes()).unwrap();
        }
        let text = |number| std::fs::read_to_string(numbered(&path, number)).unwrap();
        assert_eq!([text(0), text(1), text(2)], ["six\n", "five\n", "four\n"]);
        assert!(!numbered(&path, 3).exists());
        drop(sink);
        let mut sink = Sink::open(&Destination::File(path.clone(), rotation)).unwrap();
        sink.write(b"7\n").unwrap();
        assert_eq!(text(0), "six\n7\n", "a restart continues the file");
    }
}
