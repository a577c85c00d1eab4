use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::dialect::Compression;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn http() -> HttpSources {
    orrery_shell::install_crypto();
    HttpSources::new(tokio::runtime::Handle::current()).unwrap()
}

/// Reads a source as a survey does: content, and size with SHA-256.
fn read_all(opened: &Opened, compression: Compression) -> Result<(Vec<u8>, (u64, String)), Fault> {
    let mut content = Vec::new();
    let mut reader = opened.reader(compression)?;
    reader
        .read_to_end(&mut content)
        .map_err(|error| read_fault(&opened.name, &error))?;
    Ok((content, opened.finish()?))
}

fn read_file(
    name: &str,
    stored: &[u8],
    compression: Compression,
) -> Result<(Vec<u8>, (u64, String)), Fault> {
    let directory = TempDir::new().unwrap();
    let claim = directory.path().join("claim");
    std::fs::create_dir(&claim).unwrap();
    std::fs::write(claim.join(name), stored).unwrap();
    let files = file::paths(directory.path(), "claim", name)?;
    read_all(&file::open(&files[0])?, compression)
}

#[test]
fn compression_is_found_and_the_stored_bytes_are_hashed() {
    let plain = b"1,2\n3,4\n".repeat(1000);
    let two_members = [gzip(&plain[..100]), gzip(&plain[100..])].concat();
    let zstd = zstd::encode_all(&plain[..], 1).unwrap();
    let two_frames = [
        zstd::encode_all(&plain[..9], 1).unwrap(),
        zstd::encode_all(&plain[9..], 1).unwrap(),
    ]
    .concat();
    for (name, stored, compression) in [
        ("a.csv", plain.clone(), Compression::Auto),
        ("a.csv", plain.clone(), Compression::None),
        ("a.csv.gz", gzip(&plain), Compression::Auto),
        ("a.gz", two_members.clone(), Compression::Auto),
        ("noname", two_members, Compression::Auto),
        ("a.zst", zstd.clone(), Compression::Auto),
        ("noname", zstd, Compression::Zstd),
        ("noname", two_frames, Compression::Auto),
    ] {
        let (content, (size, sha256)) = read_file(name, &stored, compression).unwrap();
        assert_eq!(content, plain, "{name} {compression:?}");
        assert_eq!(size, stored.len() as u64);
        assert_eq!(sha256, hex::encode(Sha256::digest(&stored)));
    }
}

#[test]
fn a_truncated_stream_names_the_file() {
    let plain = b"1,2\n".repeat(10_000);
    for stored in [gzip(&plain), zstd::encode_all(&plain[..], 1).unwrap()] {
        for keep in [stored.len() - 1, stored.len() / 2, 20] {
            let fault = read_file("cut", &stored[..keep], Compression::Auto).unwrap_err();
            assert_eq!(fault.reason(), "BadFile", "{fault}");
            assert!(fault.to_string().contains("/cut: "), "{fault}");
        }
    }
}

#[test]
fn zero_bytes_after_the_last_member_are_no_data_and_other_bytes_are_an_error() {
    let plain = b"1,2\n".repeat(10_000);
    let padded = [gzip(&plain[..400]), gzip(&plain[400..]), vec![0; 10_240]].concat();
    let (content, (size, _)) = read_file("a.csv.gz", &padded, Compression::Auto).unwrap();
    assert_eq!((content, size), (plain.clone(), padded.len() as u64));
    let followed = [gzip(&plain), b"garbage".to_vec()].concat();
    let fault = read_file("a.csv.gz", &followed, Compression::Auto).unwrap_err();
    assert!(
        fault.to_string().contains("no gzip follow the end"),
        "{fault}"
    );
    let torn = [gzip(&plain), vec![0; 512], gzip(&plain)[..20].to_vec()].concat();
    let fault = read_file("a.csv.gz", &torn, Compression::Auto).unwrap_err();
    assert!(fault.to_string().contains("ends too early"), "{fault}");
}

#[test]
fn files_of_parallel_compressors_are_found_and_large_windows_are_named() {
    let plain = b"1,2\n".repeat(10_000);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4][..]].concat();
    let stored = [skippable, zstd::encode_all(&plain[..], 1).unwrap()].concat();
    for name in ["a.csv.zst", "noname"] {
        let (content, _) = read_file(name, &stored, Compression::Auto).unwrap();
        assert_eq!(content, plain);
    }
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.write_all(&plain).unwrap();
    let long = encoder.finish().unwrap();
    let fault = read_file("a.zst", &long, Compression::Auto).unwrap_err();
    assert!(fault.to_string().contains("larger than 128 MiB"), "{fault}");
}

#[test]
fn a_name_that_promises_compression_must_keep_it() {
    let fault = read_file("a.csv.gz", b"1,2\n", Compression::Auto).unwrap_err();
    assert_eq!(fault.reason(), "BadFile");
    assert!(read_file("a.csv.gz", b"1,2\n", Compression::None).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_stay_within_their_claim_and_missing_files_are_named() {
    let source = |claim: &str, path: &str| IngestSource {
        url: None,
        claim: Some(claim.into()),
        path: Some(path.into()),
        s3: None,
    };
    let http = http();
    let mounts = Mounts {
        claims: "/sources".into(),
        secrets: "/secrets".into(),
    };
    for (claim, path) in [
        ("c", "../d/x"),
        ("..", "x"),
        ("c/../d", "x"),
        ("c", "a/../../x"),
    ] {
        let fault = Place::of(&source(claim, path), &mounts, &http).unwrap_err();
        assert_eq!(fault.reason(), "SourceMissing", "{claim} {path}");
    }
    let places = Place::of(&source("c", "/a/b.csv"), &mounts, &http).unwrap();
    let [Place::File(named)] = places.as_slice() else {
        unreachable!()
    };
    assert_eq!(named.to_string(), "/sources/c/a/b.csv");
    let fault = file::head(named).unwrap_err();
    assert_eq!(fault.reason(), "SourceMissing");
    assert!(
        fault.to_string().starts_with("/sources/c/a/b.csv: "),
        "{fault}"
    );
}

/// A link to the loader's own key had its lines loaded as rows.
#[test]
fn a_link_leads_to_what_is_in_its_claim_or_to_an_error() {
    let root = TempDir::new().unwrap();
    let claim = root.path().join("claim");
    std::fs::create_dir_all(claim.join("a")).unwrap();
    std::fs::write(claim.join("rows.csv"), b"1").unwrap();
    std::fs::write(root.path().join("tls.key"), b"key").unwrap();
    for (name, target) in [
        ("a/same.csv", "../rows.csv"),
        ("a/key.csv", "../../tls.key"),
        (
            "absolute.csv",
            root.path().join("tls.key").to_str().unwrap(),
        ),
        ("out", ".."),
    ] {
        std::os::unix::fs::symlink(target, claim.join(name)).unwrap();
    }
    let open = |name: &str| {
        let files = file::paths(root.path(), "claim", name).unwrap();
        read_all(&file::open(&files[0])?, Compression::None)
    };
    assert_eq!(open("a/same.csv").unwrap().0, b"1");
    for name in ["a/key.csv", "absolute.csv", "out/tls.key"] {
        let fault = open(name).unwrap_err();
        assert_eq!(fault.reason(), "SourceMissing", "{name}");
        let said = fault.to_string().ends_with("a link leaves the claim");
        assert!(said, "{name}: {fault}");
    }
}

#[test]
fn a_pattern_names_the_files_that_fit_it_in_order() {
    let root = TempDir::new().unwrap();
    for file in ["a/2.csv", "a/10.csv", "a/b/3.csv", "a/2.txt", "4.csv"] {
        let path = root.path().join("claim").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"x").unwrap();
    }
    let fit = |pattern: &str| {
        file::paths(root.path(), "claim", pattern).map(|paths| {
            let claim = root.path().join("claim");
            let claim = format!("{}/", claim.display());
            let inside = |file: file::InClaim| file.to_string().replacen(&claim, "", 1);
            paths.into_iter().map(inside).collect::<Vec<_>>().join(" ")
        })
    };
    assert_eq!(fit("a/*.csv").unwrap(), "a/10.csv a/2.csv");
    assert_eq!(fit("/**.csv").unwrap(), "4.csv a/10.csv a/2.csv a/b/3.csv");
    assert_eq!(fit("a/?.*").unwrap(), "a/2.csv a/2.txt");
    assert_eq!(fit("a/none.csv").unwrap(), "a/none.csv", "no pattern");
    for (pattern, what) in [("a/*.fits", "no file fits it"), ("z/*", "No such file")] {
        let fault = fit(pattern).unwrap_err();
        assert_eq!(fault.reason(), "SourceMissing");
        assert!(fault.to_string().contains(what), "{fault}");
    }
}

/// An HTTP server of one file whose connections break after some bytes of body.
struct Flaky {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What the server does with its n-th request for the file.
type Answer = dyn Fn(usize, Option<u64>) -> Reply + Send + Sync;

struct Reply {
    status: &'static str,
    headers: String,
    body: Vec<u8>,
    /// Length announced, when it is not the body's.
    announced: Option<usize>,
}

impl Flaky {
    fn start(answer: Box<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/data.csv", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, count) = (requests.clone(), AtomicUsize::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&stream.unwrap(), &seen, &count, &answer);
            }
        });
        Self { url, requests }
    }

    fn ranges(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: &TcpStream, seen: &Mutex<Vec<String>>, count: &AtomicUsize, answer: &Answer) {
    let mut range = None;
    let mut lines = BufReader::new(stream).lines();
    if lines.next().is_none() {
        return;
    }
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        let line = line.to_ascii_lowercase();
        if let Some(start) = line.strip_prefix("range: bytes=") {
            range = start.trim_end_matches('-').parse().ok();
        }
    }
    seen.lock().unwrap().push(format!("{range:?}"));
    let reply = answer(count.fetch_add(1, Ordering::SeqCst), range);
    let length = reply.announced.unwrap_or(reply.body.len());
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-length: {length}\r\nconnection: close\r\n{}\r\n",
        reply.status, reply.headers
    );
    // The client may have gone: that is what some tests are about.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&reply.body));
}

fn content() -> Vec<u8> {
    (0..50_000_u32)
        .flat_map(|i| format!("{i},x\n").into_bytes())
        .collect()
}

/// Each request gives at most a third of the file.
fn thirds(with_range: bool, etag: fn(usize) -> &'static str) -> Box<Answer> {
    Box::new(move |request, range| {
        let content = content();
        let start = range.filter(|_| with_range).unwrap_or(0) as usize;
        let rest = &content[start..];
        let send = if with_range {
            content.len() / 3 + 1
        } else {
            content.len() / 3 * (request + 1)
        };
        let (status, range) = match range {
            Some(_) if with_range => {
                let last = content.len() - 1;
                (
                    "206 Partial Content",
                    format!("content-range: bytes {start}-{last}/{}\r\n", content.len()),
                )
            }
            _ => ("200 OK", String::new()),
        };
        Reply {
            status,
            headers: format!("etag: \"{}\"\r\n{range}", etag(request)),
            body: rest[..rest.len().min(send)].to_vec(),
            announced: Some(rest.len()),
        }
    })
}

async fn download(url: String) -> Result<(Vec<u8>, (u64, String)), Fault> {
    let http = http();
    tokio::task::spawn_blocking(move || {
        read_all(&http.open(&Address::Url(url))?, Compression::Auto)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_download_goes_on_where_it_broke() {
    let server = Flaky::start(thirds(true, |_| "v1"));
    let (read, (size, _)) = download(server.url.clone()).await.unwrap();
    assert_eq!(read, content());
    assert_eq!(size, content().len() as u64);
    let third = content().len() / 3 + 1;
    assert_eq!(
        server.ranges(),
        [
            "None".to_owned(),
            format!("Some({third})"),
            format!("Some({})", 2 * third)
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_ranges_is_read_again_from_the_start() {
    let server = Flaky::start(thirds(false, |_| "v1"));
    let (read, _) = download(server.url.clone()).await.unwrap();
    assert_eq!(read, content());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_while_it_is_read_is_refused() {
    for with_range in [true, false] {
        let server = Flaky::start(thirds(
            with_range,
            |request| if request == 0 { "v1" } else { "v2" },
        ));
        let fault = download(server.url.clone()).await.unwrap_err();
        assert_eq!(fault.reason(), "SourceChanged", "{fault}");
        assert!(fault.to_string().contains(&server.url), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_url_is_named() {
    let server = Flaky::start(Box::new(|_, _| Reply {
        status: "404 Not Found",
        headers: String::new(),
        body: Vec::new(),
        announced: None,
    }));
    let fault = download(server.url.clone()).await.unwrap_err();
    assert_eq!(fault.reason(), "SourceMissing");
    assert!(
        fault.to_string().contains(&server.url) && fault.to_string().contains("404"),
        "{fault}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_error_passes() {
    let server = Flaky::start(Box::new(|request, _| Reply {
        status: if request == 0 {
            "503 Service Unavailable"
        } else {
            "200 OK"
        },
        headers: "last-modified: Sat, 01 Jan 2011 00:00:00 GMT\r\n".into(),
        body: if request == 0 { Vec::new() } else { content() },
        announced: None,
    }));
    assert_eq!(download(server.url.clone()).await.unwrap().0, content());
}

async fn head_of(url: String) -> Result<Option<Head>, Fault> {
    let http = http();
    tokio::task::spawn_blocking(move || http.head(&Address::Url(url)))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_signed_for_get_alone_is_read() {
    for status in [
        "403 Forbidden",
        "401 Unauthorized",
        "405 Method Not Allowed",
    ] {
        let server = Flaky::start(Box::new(move |request, _| Reply {
            status: if request == 0 { status } else { "200 OK" },
            headers: "etag: \"v1\"\r\n".into(),
            body: if request == 0 { Vec::new() } else { content() },
            announced: None,
        }));
        assert_eq!(head_of(server.url.clone()).await.unwrap(), None, "{status}");
        assert_eq!(download(server.url.clone()).await.unwrap().0, content());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_an_encoded_form_is_not_said_of_the_source() {
    let server = Flaky::start(Box::new(|_, _| Reply {
        status: "200 OK",
        headers: "etag: \"v1\"\r\ncontent-encoding: gzip\r\n".into(),
        body: Vec::new(),
        announced: Some(17),
    }));
    assert_eq!(head_of(server.url.clone()).await.unwrap(), None);
}

/// The first answer breaks off after a third of the file; then `again` answers.
fn broken_once(headers: &'static str, again: fn(Option<u64>) -> Reply) -> Flaky {
    Flaky::start(Box::new(move |request, range| {
        if request > 0 {
            return again(range);
        }
        let content = content();
        Reply {
            status: "200 OK",
            headers: headers.into(),
            body: content[..content.len() / 3].to_vec(),
            announced: Some(content.len()),
        }
    }))
}

fn whole(headers: &str, body: Vec<u8>) -> Reply {
    Reply {
        status: "200 OK",
        headers: headers.into(),
        body,
        announced: None,
    }
}

const WEAK: &str = "etag: W/\"v1\"\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_strong_version_the_beginning_must_be_the_same_bytes() {
    let same = broken_once("", |_| whole("", content()));
    let (read, _) = download(same.url.clone()).await.unwrap();
    assert_eq!(read, content());
    assert_eq!(
        same.ranges(),
        ["None", "None"],
        "no range without a version"
    );
    let weak = broken_once(WEAK, |_| whole(WEAK, content()));
    assert_eq!(download(weak.url.clone()).await.unwrap().0, content());
    for (headers, again) in [
        ("", (|_| whole("", content()[1..].to_vec())) as fn(_) -> _),
        (WEAK, |_| whole(WEAK, [b"x", &content()[1..]].concat())),
        (WEAK, |_| whole(WEAK, content()[..9].to_vec())),
        ("etag: \"v1\"\r\n", |_| {
            whole("etag: \"v1\"\r\n", content()[..9].to_vec())
        }),
    ] {
        let server = broken_once(headers, again);
        let fault = download(server.url.clone()).await.unwrap_err();
        assert_eq!(fault.reason(), "SourceChanged", "{headers}: {fault}");
    }
}

/// The file from `range` on, as part of one that is `more` bytes longer.
fn rest_of(range: Option<u64>, more: usize, headers: &str) -> Reply {
    let (start, content) = (range.unwrap() as usize, content());
    let total = content.len() + more;
    Reply {
        status: "206 Partial Content",
        headers: format!(
            "etag: \"v1\"\r\n{headers}content-range: bytes {start}-{}/{total}\r\n",
            total - 1
        ),
        body: content[start..].to_vec(),
        announced: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_of_another_size_or_encoding_is_no_rest() {
    fn longer(range: Option<u64>) -> Reply {
        rest_of(range, 5, "")
    }
    fn encoded(range: Option<u64>) -> Reply {
        rest_of(range, 0, "content-encoding: gzip\r\n")
    }
    for (again, reason) in [
        (longer as fn(_) -> _, "SourceChanged"),
        (encoded, "Unreachable"),
    ] {
        let server = broken_once("etag: \"v1\"\r\n", again);
        let fault = download(server.url.clone()).await.unwrap_err();
        assert_eq!(fault.reason(), reason, "{fault}");
    }
}
