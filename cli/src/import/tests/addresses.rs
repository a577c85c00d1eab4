//! Archives at addresses.

use std::io::{BufRead as _, BufReader, Write as _};

use super::*;

/// Serves the files of a folder; the address.
fn serve(root: &TempDir) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/archive", listener.local_addr().unwrap());
    let root = root.path().to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let lines = lines.map_while(std::io::Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let asked = head.first().map_or("", |line| line.as_str());
            let path = asked.split(' ').nth(1).unwrap_or_default();
            let file = path.strip_prefix("/archive/").map(|path| root.join(path));
            let content = file.and_then(|file| std::fs::read(file).ok());
            let status = if content.is_some() {
                "200 OK"
            } else {
                "404 Not Found"
            };
            let content = content.unwrap_or_default();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                content.len()
            );
            // The client may have seen enough.
            let _ = stream.write_all(&[head.as_bytes(), &content].concat());
        }
    });
    address
}

fn urls(ingest: &Value) -> Vec<&str> {
    let sources = ingest["sources"].as_array().unwrap().iter();
    sources
        .map(|source| source["url"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_hats_catalogue_at_an_address_names_each_of_its_files() {
    orrery_shell::install_crypto();
    let root = hats();
    let sample = std::fs::read(root.path().join("dataset/Norder=1/Dir=0/Npix=17.parquet")).unwrap();
    write(&root, "dataset/Norder=1/Dir=0/Npix=4.parquet", sample);
    let list = "Norder,Npix,num_rows\n1,17,3\n1,4,3\n7,123456,3\n";
    write(&root, "partition_info.csv", list);
    let base = serve(&root);
    let objects = printed("hats", &base, &[]).await.unwrap();
    let ingest = spec(&objects, "Ingest", "sky-dr-3-small");
    let files = [
        "Norder=1/Dir=0/Npix=17.parquet",
        "Norder=1/Dir=0/Npix=4.parquet",
        "Norder=7/Dir=120000/Npix=123456.parquet",
    ];
    let expected = files.map(|file| format!("{base}/dataset/{file}"));
    assert_eq!(urls(ingest), expected);
    // What is read there need not be loaded from there.
    let more = ["--bucket", "lsdb"];
    let objects = printed("hats", &base, &more).await.unwrap();
    let ingest = spec(&objects, "Ingest", "sky-dr-3-small");
    let pattern = "dataset/Norder=*/**.parquet";
    assert_eq!(
        ingest["sources"],
        json!([{"s3": {"bucket": "lsdb", "key": pattern}}])
    );
    write(&root, "partition_info.csv", "a,b\n");
    let error = printed("hats", &base, &[]).await.unwrap_err();
    assert!(
        format!("{error:#}").contains("no columns Norder and Npix"),
        "{error:#}"
    );
}

#[tokio::test]
async fn a_qserv_catalogue_at_an_address_names_the_files_of_its_chunks() {
    orrery_shell::install_crypto();
    let root = qserv();
    let base = serve(&root);
    let objects = printed("qserv", &base, &[]).await.unwrap();
    let chunks = ["chunk_9.txt", "chunk_6630.txt"].map(|file| format!("{base}/part/Object/{file}"));
    let mut found = urls(spec(&objects, "Ingest", "pt-object"));
    found.sort_unstable_by_key(|url| url.len());
    assert_eq!(found, chunks);
    let dialect = &spec(&objects, "Ingest", "pt-source")["dialect"];
    assert_eq!(
        dialect["delimiter"], "\\t",
        "of the first file that has rows"
    );
    std::fs::remove_file(root.path().join("Filter.csv")).unwrap();
    let error = printed("qserv", &base, &[]).await.unwrap_err();
    assert!(format!("{error:#}").contains("Filter.csv"), "{error:#}");
}

#[tokio::test]
async fn an_address_of_a_schema_is_read_and_one_of_a_dump_is_refused() {
    orrery_shell::install_crypto();
    let root = felis();
    let base = serve(&root);
    let objects = printed("felis", format!("{base}/dp1.yaml"), &[])
        .await
        .unwrap();
    spec(&objects, "ChunkedTable", "dp1-source");
    let error = printed("felis", format!("{base}/dp2.yaml"), &[])
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("nothing is there"),
        "{error:#}"
    );
    let error = printed("mysqldump", &base, &[]).await.unwrap_err();
    assert!(format!("{error:#}").contains("name a folder"), "{error:#}");
}

#[tokio::test]
async fn a_folder_here_may_be_below_an_address_for_the_loader() {
    let root = qserv();
    let more = ["--url", "https://sky.org/pt?sig=a", "--at", "dr 1"];
    let objects = printed("qserv", root.path(), &more).await.unwrap();
    let expected = ["https://sky.org/pt/dr%201/Filter.csv?sig=a"];
    assert_eq!(urls(spec(&objects, "Ingest", "pt-filter")), expected);
    assert_eq!(urls(spec(&objects, "Ingest", "pt-object")).len(), 2);
}
