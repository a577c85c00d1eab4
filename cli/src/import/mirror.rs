//! An archive below an address: what describes it is fetched into a folder of the same shape, so
//! that it is read as a folder is. Files of rows are empty there, but for those that show how all
//! are written.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use reqwest::{StatusCode, Url};
use tempfile::TempDir;

use crate::create::open;

/// Bytes of the longest file that describes an archive.
const MOST: usize = 64 << 20;

/// What was fetched; it goes with this value.
#[derive(Debug)]
pub struct Mirror {
    base: Url,
    /// Keeps the folder.
    _root: TempDir,
    folder: PathBuf,
}

impl Mirror {
    /// An empty one of the archive at `path`; `None` when that is no address.
    pub fn of(path: &Path) -> Result<Option<Self>> {
        let Some(base) = path.to_str().and_then(address) else {
            return Ok(None);
        };
        let root = tempfile::tempdir()?;
        // Archives are called as their folders where nothing else names them.
        let own = base.path_segments().and_then(|segments| {
            let mut named = segments.filter(|segment| !segment.is_empty());
            named.next_back().map(str::to_owned)
        });
        let folder = root
            .path()
            .join(inside(own.as_deref().unwrap_or("archive"))?);
        std::fs::create_dir_all(&folder)?;
        Ok(Some(Self {
            base,
            _root: root,
            folder,
        }))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The address.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Fetches a file that describes the archive; its text, or nothing when it is not there.
    pub async fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(bytes) = fetch(below(&self.base, name)?).await? else {
            return Ok(None);
        };
        let text = String::from_utf8(bytes).with_context(|| format!("{name} is no UTF-8"))?;
        std::fs::write(self.place(name)?, &text)?;
        Ok(Some(text))
    }

    /// As [`Self::text`]; fails when the file is not there.
    pub async fn needed(&self, name: &str) -> Result<String> {
        let text = self.text(name).await?;
        text.with_context(|| format!("{name} is not there"))
    }

    /// Fetches what is at the address itself; its file.
    pub async fn itself(&self) -> Result<PathBuf> {
        let bytes = fetch(self.base.clone()).await?;
        let path = self.folder.join("itself");
        std::fs::write(&path, bytes.context("nothing is there")?)?;
        Ok(path)
    }

    /// Fetches of a file of rows what shows how it is written; whether it has rows.
    pub async fn sample(&self, name: &str) -> Result<bool> {
        let mut file = open(below(&self.base, name)?.as_str())
            .await
            .with_context(|| name.to_owned())?;
        let mut copy = std::fs::File::create(self.place(name)?)?;
        Ok(std::io::copy(&mut file, &mut copy)? > 0)
    }

    /// Whether a file of rows is there.
    pub async fn has(&self, name: &str) -> Result<bool> {
        let url = below(&self.base, name)?;
        let answer = reqwest::get(url).await.with_context(|| name.to_owned())?;
        if is_missing(answer.status()) {
            return Ok(false);
        }
        answer.error_for_status().with_context(|| name.to_owned())?;
        Ok(true)
    }

    /// Notes that there is a file of rows, without asking for it.
    pub fn note(&self, name: &str) -> Result<()> {
        std::fs::File::create(self.place(name)?)?;
        Ok(())
    }

    fn place(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(inside(name)?);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(path)
    }
}

/// The address that `text` is, as that of a folder.
fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    ["http", "https"].contains(&url.scheme()).then_some(url)
}

/// The address of a file below that of a folder.
pub fn below(base: &Url, name: &str) -> Result<Url> {
    inside(name)?;
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut segments) => {
            segments.pop_if_empty();
            segments.extend(name.split('/').filter(|segment| !segment.is_empty()));
        }
        Err(()) => bail!("{base} is no address of a folder"),
    }
    Ok(url)
}

/// `name`, which must lead to nothing above.
fn inside(name: &str) -> Result<&str> {
    let plain = |part| matches!(part, Component::Normal(_));
    if name.is_empty() || !Path::new(name).components().all(plain) {
        bail!("`{name}` leaves the folder");
    }
    Ok(name)
}

/// Buckets that do not list their objects forbid those that they have not.
fn is_missing(status: StatusCode) -> bool {
    let missing = [
        StatusCode::NOT_FOUND,
        StatusCode::GONE,
        StatusCode::FORBIDDEN,
    ];
    missing.contains(&status)
}

/// The bytes at an address; `None` when nothing is there.
async fn fetch(url: Url) -> Result<Option<Vec<u8>>> {
    let shown = || url.path().to_owned();
    let response = reqwest::get(url.clone()).await.with_context(shown)?;
    if is_missing(response.status()) {
        return Ok(None);
    }
    let mut response = response.error_for_status().with_context(shown)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.with_context(shown)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST {
            bail!("{} is longer than {} MiB", shown(), MOST >> 20);
        }
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_below_their_folder_whatever_their_names() {
        for base in ["https://a.org/dr3?sig=a/b", "https://a.org/dr3/?sig=a/b"] {
            let base = address(base).unwrap();
            let file = below(&base, "Norder=1/a b+c.csv").unwrap();
            assert_eq!(
                file.as_str(),
                "https://a.org/dr3/Norder=1/a%20b+c.csv?sig=a/b"
            );
        }
        let base = address("https://a.org").unwrap();
        assert_eq!(below(&base, "a").unwrap().as_str(), "https://a.org/a");
        for name in ["", "../a", "/etc/passwd", "a/../../b", "./a"] {
            below(&base, name).unwrap_err();
        }
        assert!(address("/data/dr3").is_none());
        assert!(address("s3://sky/dr3").is_none());
    }
}
