use axum::body::to_bytes;
use axum::http::{Method, Request};
use tower::ServiceExt as _;

use super::*;

async fn ask(method: Method, path: &str, known: Option<&str>) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(known) = known {
        request = request.header(header::IF_NONE_MATCH, known);
    }
    router()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn get_sends_the_rows_that_write_would_write() {
    let response = ask(Method::GET, "/v1/500/3/Source/1-of-2.csv", None).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(
        response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let part = Sky::new(500, 3).unwrap().part(Table::Source, 1, 2).unwrap();
    assert_eq!(body, part.blocks().flatten().collect::<Vec<u8>>());
}

#[tokio::test]
async fn head_gives_the_same_entity_tag_and_no_body() {
    let path = "/v1/500/3/Object/0-of-2.csv";
    let get = ask(Method::GET, path, None).await;
    let head = ask(Method::HEAD, path, None).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()[header::ETAG], get.headers()[header::ETAG]);
    assert!(to_bytes(head.into_body(), 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_known_entity_tag_saves_the_body() {
    let path = "/v1/500/3/Object/0-of-2.csv";
    let tag = ask(Method::HEAD, path, None).await.headers()[header::ETAG]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        ask(Method::GET, path, Some(&tag)).await.status(),
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(
        ask(Method::GET, path, Some("\"other\"")).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_says_why() {
    for (path, reason) in [
        ("/v1/10/1/Object/2-of-2.csv", "file 2 of 2"),
        ("/v1/10/1/Object/0-of-0.csv", "files, not 0"),
        ("/v1/10/1/Planet/0-of-1.csv", "no table `Planet`"),
        ("/v1/10/1/Object/first.csv", "0-of-4.csv"),
        ("/v1/99999999999999/1/Object/0-of-1.csv", "more than"),
    ] {
        let response = ask(Method::GET, path, None).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        assert!(
            String::from_utf8_lossy(&body).contains(reason),
            "{path}: {body:?}"
        );
    }
    assert_eq!(
        ask(Method::GET, "/v1/many/1/Object/0-of-1.csv", None)
            .await
            .status(),
        StatusCode::BAD_REQUEST
    );
}
