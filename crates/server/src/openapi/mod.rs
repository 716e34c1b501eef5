//! The document that describes the API, made from the declarations that serve it.

mod compat;
mod examples;
mod finish;

use axum::Router;
use axum::response::Response;
use bytes::Bytes;
use std::sync::LazyLock;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::listing::json_response;
use crate::problem::{Code, Problem};
use crate::routes;
use crate::state::AppState;

pub use self::compat::Untranslatable;
pub(crate) use self::finish::name_scope;

/// Where the API lies.
pub(crate) const BASE_PATH: &str = "/api/v1";

/// The document, OpenAPI 3.1.
pub fn openapi() -> OpenApi {
    let api: OpenApiRouter<AppState> = OpenApiRouter::with_openapi(finish::head()).nest(
        BASE_PATH,
        routes::short().merge(routes::waiting()).merge(routes::free()),
    );
    let mut document = api.into_openapi();
    finish::finish(&mut document);
    examples::insert(&mut document);
    document
}

/// The same as pretty JSON with a line break at its end: as it is committed and served.
pub fn openapi_json() -> String {
    let mut text = openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The same contract as an OpenAPI 3.0.3 document, for generators that read nothing newer.
///
/// # Errors
///
/// [`Untranslatable`] when the API has grown something that 3.0.3 cannot say. A test sees to it that none has.
pub fn openapi_compat_json() -> Result<String, Untranslatable> {
    let document = compat::to_3_0(serde_json::to_value(openapi()).unwrap_or_default())?;
    Ok(format!("{document:#}\n"))
}

/// `GET /openapi-3.0.json`
pub(crate) async fn serve_compat() -> Result<Response, Problem> {
    static DOCUMENT: LazyLock<Option<Bytes>> = LazyLock::new(|| openapi_compat_json().ok().map(Bytes::from));
    let document = DOCUMENT.as_ref().ok_or_else(|| Problem::new(Code::Internal))?;
    Ok(json_response(document.clone()))
}

/// `GET /openapi.json`
pub(crate) async fn serve() -> Response {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(openapi_json()));
    json_response(DOCUMENT.clone())
}

/// `GET /docs`, from files that are built in.
pub(crate) fn swagger_ui() -> Router<AppState> {
    SwaggerUi::new("/docs")
        .config(Config::from("/openapi.json").persist_authorization(true))
        .into()
}
