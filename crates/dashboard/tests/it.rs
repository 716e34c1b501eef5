//! The files as a browser gets them.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use slipway_dashboard::{PAGES, files, router};
use tower::ServiceExt;

async fn get(path: &str, known: Option<&str>) -> Response {
    let mut request = Request::get(path);
    if let Some(known) = known {
        request = request.header(header::IF_NONE_MATCH, known);
    }
    let router: Router = router();
    let answer = router.oneshot(request.body(Body::empty()).expect("a request")).await;
    answer.expect("an answer")
}

fn header_of(response: &Response, name: impl header::AsHeaderName) -> &str {
    let value = response.headers().get(name).expect("the header is there");
    value.to_str().expect("text")
}

async fn text(response: Response) -> String {
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

#[tokio::test]
async fn every_page_is_the_document_and_lets_nothing_else_run() {
    for page in PAGES {
        let page = page.replace("{deployment_id}", "1").replace("{application_id}", "1");
        let response = get(&page, None).await;
        assert_eq!(response.status(), StatusCode::OK, "{page}");
        assert_eq!(header_of(&response, header::CONTENT_TYPE), "text/html; charset=utf-8");
        assert_eq!(header_of(&response, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        let policy = header_of(&response, header::CONTENT_SECURITY_POLICY).to_owned();
        for wanted in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(wanted), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let html = text(response).await;
        assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains(" onclick="));
        assert_eq!(html.matches("<script").count(), html.matches("<script ").count());
    }
}

#[tokio::test]
async fn every_file_is_there_and_known_by_its_tag() {
    for file in files() {
        let path = format!("/assets/{}", file.name);
        let response = get(&path, None).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_ne!(
            header_of(&response, header::CONTENT_TYPE),
            "application/octet-stream",
            "{path}"
        );
        let tag = header_of(&response, header::ETAG).to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
            let again = get(&path, Some(&known)).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
            assert_eq!(text(again).await, "");
        }
        assert_eq!(get(&path, Some("\"other\"")).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn nothing_else_is_there() {
    for path in [
        "/assets/",
        "/assets/none.js",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/Cargo.toml",
        "/assets//etc/passwd",
        "/assets/js",
        "/assets/..%2fsrc%2flib.rs",
    ] {
        assert_eq!(get(path, None).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_event_client_may_be_loaded_from_elsewhere_and_nothing_else_may() {
    let files = ["/slipway-events.js", "/slipway-events-shared.js"];
    for path in files {
        let response = get(path, None).await;
        assert_eq!(header_of(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
        assert_eq!(header_of(&response, "cross-origin-resource-policy"), "cross-origin");
    }
    let response = get("/assets/js/api.js", None).await;
    assert!(!response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    assert_eq!(header_of(&response, "cross-origin-resource-policy"), "same-origin");
}

#[test]
fn the_whole_is_light_and_asks_nobody_else() {
    let bytes: usize = files().map(|file| file.bytes.len()).sum();
    assert!(bytes < 200_000, "{bytes} bytes");
    for file in files() {
        let text = String::from_utf8_lossy(&file.bytes).into_owned();
        // Names of XML, and examples in comments.
        let text = text
            .replace("http://www.w3.org/", "")
            .replace("https://slipway.example.com/", "");
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "{} names another host",
            file.name
        );
        assert!(
            !text.contains("innerHTML") && !text.contains("eval("),
            "{} makes markup or code of text",
            file.name
        );
    }
}
