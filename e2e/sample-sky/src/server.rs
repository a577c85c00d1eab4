//! The files over HTTP, made while they are sent.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use futures::stream;

use crate::part::{Part, PartError, Sky, Table};

/// `GET` and `HEAD` of `/v1/{objects}/{seed}/{table}/{file}-of-{files}.csv`, and `/healthz`.
pub fn router() -> Router {
    Router::new()
        .route("/v1/{objects}/{seed}/{table}/{file}", get(file))
        .route("/healthz", get(|| async { "ok\n" }))
}

async fn file(Path(path): Path<(u64, u64, String, String)>, headers: HeaderMap) -> Response<Body> {
    match part(path) {
        Ok(part) => respond(&part, &headers),
        Err(FileError::Name(name)) => {
            let message = format!("`{name}` is not of the form 0-of-4.csv\n");
            (StatusCode::NOT_FOUND, message).into_response()
        }
        Err(FileError::Part(error)) => {
            (StatusCode::NOT_FOUND, format!("{error}\n")).into_response()
        }
    }
}

enum FileError {
    Name(String),
    Part(PartError),
}

impl From<PartError> for FileError {
    fn from(error: PartError) -> Self {
        Self::Part(error)
    }
}

fn part((objects, seed, table, name): (u64, u64, String, String)) -> Result<Part, FileError> {
    let Some((file, files)) = numbers(&name) else {
        return Err(FileError::Name(name));
    };
    Ok(Sky::new(objects, seed)?.part(table.parse::<Table>()?, file, files)?)
}

/// The two numbers of `0-of-4.csv`.
fn numbers(name: &str) -> Option<(u32, u32)> {
    let (file, files) = name.strip_suffix(".csv")?.split_once("-of-")?;
    Some((file.parse().ok()?, files.parse().ok()?))
}

fn respond(part: &Part, headers: &HeaderMap) -> Response<Body> {
    let etag = part.etag();
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| {
        known
            .split(',')
            .any(|tag| matches!(tag.trim(), "*") || tag.trim() == etag)
    }) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    let described = [
        (
            header::CONTENT_TYPE,
            "text/csv; charset=utf-8; header=absent".to_owned(),
        ),
        (header::ETAG, etag),
        (header::ACCEPT_RANGES, "none".to_owned()),
    ];
    // Lazy: a HEAD request, whose body is dropped, makes no row.
    let body = Body::from_stream(stream::iter(part.blocks().map(Ok::<_, Infallible>)));
    (described, body).into_response()
}

#[cfg(test)]
mod tests;
