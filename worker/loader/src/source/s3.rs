//! The objects of a bucket that a source names.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use orrery_archive::ingest::S3Source;
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use super::glob;
use super::http::HttpSources;
use super::object::{HOLDS, Object, Store, name};
use crate::fault::Fault;

/// The objects that `source` names, in the order of their keys: one, or those whose keys fit its
/// pattern. Secrets are folders of `secrets`.
pub fn objects(
    source: &S3Source,
    secrets: &Path,
    http: &HttpSources,
) -> Result<Vec<Object>, Fault> {
    let store = Arc::new(store(source, secrets)?);
    if !glob::is_pattern(&source.key) {
        let key = source.key.clone();
        return Ok(vec![Object::new(store, key)]);
    }
    let mut keys = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut list = store.bucket.list_objects_v2(store.credentials.as_ref());
        list.with_prefix(glob::fixed_part(&source.key));
        // Some servers say that keys are encoded as asked, and do not encode them: `+` would then
        // be read as a blank. Keys as they are can only not hold what XML cannot.
        list.query_mut().remove("encoding-type");
        if let Some(token) = &token {
            list.with_continuation_token(String::clone(token));
        }
        let address: String = list.sign(HOLDS).into();
        let shown = name(&source.bucket, &source.key);
        let text = http.text(&address, &shown)?;
        let page = ListObjectsV2::parse_response(&text).map_err(|error| Fault::Unreachable {
            who: shown.clone(),
            what: format!("the list of objects: {error}"),
        })?;
        let listed = page.contents.into_iter().map(|object| object.key);
        keys.extend(listed.filter(|key| glob::fits(&source.key, key)));
        token = page.next_continuation_token;
        if keys.len() > glob::MOST {
            return Err(Fault::SourceMissing {
                file: shown,
                what: format!("more than {} objects fit it", glob::MOST),
            });
        }
        if token.is_none() {
            break;
        }
    }
    if keys.is_empty() {
        return Err(Fault::SourceMissing {
            file: name(&source.bucket, &source.key),
            what: "no object fits it".into(),
        });
    }
    keys.sort_unstable();
    let object = |key| Object::new(store.clone(), key);
    Ok(keys.into_iter().map(object).collect())
}

fn store(source: &S3Source, secrets: &Path) -> Result<Store, Fault> {
    let wrong = |what: String| Fault::SourceMissing {
        file: name(&source.bucket, &source.key),
        what,
    };
    let endpoint = match &source.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => format!("https://s3.{}.amazonaws.com", source.region),
    };
    let url = endpoint
        .parse()
        .map_err(|error| wrong(format!("its endpoint {endpoint} is no address: {error}")))?;
    let style = if source.path_style {
        UrlStyle::Path
    } else {
        UrlStyle::VirtualHost
    };
    let bucket = Bucket::new(url, style, source.bucket.clone(), source.region.clone())
        .map_err(|error| wrong(format!("its endpoint {endpoint}: {error}")))?;
    let credentials = source
        .secret_ref
        .as_ref()
        .map(|secret| credentials(&secrets.join(&secret.name)))
        .transpose()
        .map_err(wrong)?;
    Ok(Store {
        bucket,
        credentials,
    })
}

/// The keys in a mounted Secret.
fn credentials(secret: &Path) -> Result<Credentials, String> {
    let read = |name: &str| match std::fs::read_to_string(secret.join(name)) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", secret.join(name).display())),
    };
    let needed = |name: &str| read(name)?.ok_or_else(|| format!("its Secret has no key {name}"));
    let (key, secret_key) = (needed("accessKeyId")?, needed("secretAccessKey")?);
    Ok(match read("sessionToken")? {
        Some(token) => Credentials::new_with_token(key, secret_key, token),
        None => Credentials::new(key, secret_key),
    })
}
