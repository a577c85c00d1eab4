//! Where the loader finds what lies in a folder here.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use reqwest::Url;
use serde_json::{Value, json};

use super::mirror::below;

/// Endings that the loader reads through.
const PACKED: [&str; 3] = ["gz", "zst", "zstd"];

/// Where the files of the folder are for the loader.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// The PersistentVolumeClaim that holds the files; `files` when absent.
    #[arg(long, conflicts_with_all = ["bucket", "url"])]
    claim: Option<String>,
    /// The S3 bucket that holds the files, in place of a claim.
    #[arg(long, conflicts_with = "url")]
    bucket: Option<String>,
    /// The address (http, https) below which the files are, in place of a claim; that of the
    /// archive when it is read from one.
    #[arg(long, value_name = "ADDRESS")]
    url: Option<Url>,
    /// Address of the bucket's service; Amazon's when absent.
    #[arg(long, requires = "bucket")]
    endpoint: Option<String>,
    /// Secret with the keys of the bucket.
    #[arg(long, requires = "bucket")]
    secret: Option<String>,
    /// Where the folder is in the claim or bucket, or below the address; its root when absent.
    #[arg(long, default_value = "", value_name = "FOLDER")]
    at: String,
}

impl Place {
    /// The files are below `base`, unless something else was said.
    pub fn default_to(&mut self, base: &Url) {
        if self.claim.is_none() && self.bucket.is_none() {
            self.url.get_or_insert_with(|| base.clone());
        }
    }

    /// The sources of `files`, paths below the folder, to all of which `patterns` fit and to no
    /// others. Addresses have no patterns.
    pub fn sources(&self, files: &[String], patterns: &[String]) -> Result<Vec<Value>> {
        let names = if self.url.is_some() { files } else { patterns };
        names.iter().map(|name| self.source(name)).collect()
    }

    /// The source of what `pattern`, a path below the folder, names.
    pub fn source(&self, pattern: &str) -> Result<Value> {
        let at = self.at.trim_matches('/');
        let path = if at.is_empty() {
            pattern.to_owned()
        } else {
            format!("{at}/{pattern}")
        };
        if let Some(url) = &self.url {
            return Ok(json!({"url": below(url, &path)?.as_str()}));
        }
        let Some(bucket) = &self.bucket else {
            let claim = self.claim.as_deref().unwrap_or("files");
            return Ok(json!({"claim": claim, "path": path}));
        };
        let mut source = json!({"bucket": bucket, "key": path});
        if let Some(endpoint) = &self.endpoint {
            source["endpoint"] = json!(endpoint);
        }
        if let Some(secret) = &self.secret {
            source["secretRef"] = json!({"name": secret});
        }
        Ok(json!({"s3": source}))
    }
}

/// A file with the parts of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path below the folder, with `/` between.
    pub inside: String,
    /// Name up to the first point.
    pub stem: String,
    /// What follows it, without the ending of a compression, in lower case.
    pub ending: String,
}

/// The files right in `folder` below `root`, by name.
pub fn in_folder(root: &Path, folder: &str) -> Result<Vec<File>> {
    let path = root.join(folder);
    let shown = || path.display().to_string();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&path).with_context(shown)? {
        let entry = entry.with_context(shown)?;
        let Ok(name) = entry.file_name().into_string() else {
            bail!("{}: a file whose name is no UTF-8", shown());
        };
        if !entry.path().is_file() {
            continue;
        }
        let inside = match folder.trim_matches('/') {
            "" => name.clone(),
            folder => format!("{folder}/{name}"),
        };
        let (stem, ending) = name.split_once('.').unwrap_or((&name, ""));
        let ending = ending.to_ascii_lowercase();
        let packed = ending
            .rsplit_once('.')
            .map_or(("", ending.as_str()), |parts| parts);
        let ending = if PACKED.contains(&packed.1) {
            packed.0
        } else {
            &ending
        };
        files.push(File {
            inside,
            stem: stem.to_owned(),
            ending: ending.to_owned(),
        });
    }
    files.sort_by(|a, b| a.inside.cmp(&b.inside));
    Ok(files)
}

/// The first decompressed bytes of a file of `root`; none of an empty one.
pub fn first_bytes(root: &Path, inside: &str) -> Result<Vec<u8>> {
    let path = root.join(inside);
    let shown = || path.display().to_string();
    let mut file = std::fs::File::open(&path).with_context(shown)?;
    if file.metadata().with_context(shown)?.len() == 0 {
        return Ok(Vec::new());
    }
    Ok(crate::create::head(&mut file).with_context(shown)?.0)
}

/// The text of a file.
pub fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// `path` if it is there.
pub fn existing(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}
