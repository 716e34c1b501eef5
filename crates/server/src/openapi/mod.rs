//! The document that describes the API, made from the declarations that serve it.

mod finish;

use axum::Router;
use axum::response::Response;
use bytes::Bytes;
use std::sync::LazyLock;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::listing::json_response;
use crate::routes;
use crate::state::AppState;

/// Where the API lies.
pub(crate) const BASE_PATH: &str = "/api/v1";

/// The document, OpenAPI 3.1.
pub fn openapi() -> OpenApi {
    let api: OpenApiRouter<AppState> =
        OpenApiRouter::with_openapi(finish::head()).nest(BASE_PATH, routes::short().merge(routes::waiting()));
    let mut document = api.into_openapi();
    finish::finish(&mut document);
    document
}

/// The same as pretty JSON with a line break at its end: as it is committed and served.
pub fn openapi_json() -> String {
    let mut text = openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// `GET /openapi.json`
pub(crate) async fn serve() -> Response {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(openapi_json()));
    json_response(DOCUMENT.clone())
}

/// `GET /docs`, from files that are built in.
pub(crate) fn swagger_ui() -> Router<AppState> {
    SwaggerUi::new("/docs").config(Config::from("/openapi.json").persist_authorization(true)).into()
}
