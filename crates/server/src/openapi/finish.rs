//! What every operation has in common, written once.

use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::schema::{Schema, SchemaType};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContactBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi,
    OpenApiBuilder, Ref, RefOr, ResponseBuilder, SecurityRequirement, ServerBuilder, Type,
};

use slipway_api::{FieldErrorView, ProblemView};

use crate::auth::Scope;

const TAGS: [(&str, &str); 10] = [
    ("session", "Who asks."),
    ("tokens", "Who may ask, and what they may do and see."),
    ("audit", "What was done, by whom."),
    (
        "providers",
        "The kinds of platform, what they can do, and how their words are read.",
    ),
    ("accounts", "The configured connections to providers."),
    ("applications", "What is deployed."),
    ("deployments", "One list over every application and provider."),
    (
        "insights",
        "Numbers over many deployments, and why they are what they are.",
    ),
    ("events", "The event log as JSON."),
    (
        "streams",
        "The event log as server-sent events. Exclude this tag where a generator cannot stream.",
    ),
];

const DESCRIPTION: &str = "One normalized API over the deployments of several platforms. Lists name the position in the \
event log that they show (`event_cursor`): read a list, then follow the events from there, and nothing is missed.";

/// The document without any operation.
pub(super) fn head() -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of the gateway, as `Authorization: Bearer …`."))
        .build();
    let info = InfoBuilder::new()
        .title("Slipway")
        .version("1.0.0")
        .description(Some(DESCRIPTION))
        .contact(Some(ContactBuilder::new().name(Some("The Slipway project")).build()))
        .license(Some(
            LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new()
            .url("/")
            .description(Some("This gateway"))
            .build()]))
        .components(Some(
            ComponentsBuilder::new()
                .security_scheme("bearerAuth", SecurityScheme::Http(bearer))
                .schema(
                    FieldErrorView::name(),
                    <FieldErrorView as utoipa::PartialSchema>::schema(),
                )
                .schema(ProblemView::name(), <ProblemView as utoipa::PartialSchema>::schema())
                .build(),
        ))
        .security(Some([SecurityRequirement::new("bearerAuth", Vec::<String>::new())]))
        .tags(Some(TAGS.map(|(name, description)| {
            TagBuilder::new().name(name).description(Some(description)).build()
        })))
        .build()
}

/// Where an operation names the scope that it needs, for programs.
const REQUIRED_SCOPE: &str = "x-required-scope";

/// Says of every operation which scope it needs, or of which of several one: in its description for people, in an extension for programs. Not in the
/// security requirement: 3.0 has no scopes for bearer tokens there.
pub(crate) fn name_scope(document: &mut OpenApi, scopes: &[Scope]) {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        let sentence = format!("Needs the scope `{}`.", words.join("` or `"));
        operation.description = Some(match operation.description.take() {
            Some(description) if !description.is_empty() => format!("{description}\n\n{sentence}"),
            _ => sentence,
        });
        operation
            .extensions
            .get_or_insert_default()
            .insert(REQUIRED_SCOPE.to_owned(), words.join(" or ").into());
    }
}

/// Gives every operation the error answer and the headers that all of them have.
pub(super) fn finish(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        operations(item).for_each(finish_operation);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

fn finish_operation(operation: &mut Operation) {
    operation.parameters.iter_mut().flatten().for_each(finish_parameter);
    for (_, response) in operation
        .responses
        .responses
        .iter_mut()
        .filter(|(status, _)| status.starts_with('2'))
    {
        if let RefOr::T(response) = response {
            response
                .headers
                .insert("X-Event-Cursor".to_owned(), event_cursor_header().into());
        }
    }
    let content = || {
        ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(ProblemView::name())))
            .build()
    };
    let problem = ResponseBuilder::new()
        .description("An error, as an RFC 9457 problem document.")
        .content("application/problem+json", content())
        .content("application/json", content())
        .build();
    operation
        .responses
        .responses
        .insert("default".to_owned(), problem.into());
}

/// A parameter may be left out; it is never null.
fn finish_parameter(parameter: &mut RefOr<Parameter>) {
    if let RefOr::T(Parameter {
        schema: Some(RefOr::T(Schema::Object(object))),
        ..
    }) = parameter
        && let SchemaType::Array(types) = &mut object.schema_type
    {
        types.retain(|r#type| *r#type != Type::Null);
        if let [only] = types.as_slice() {
            object.schema_type = SchemaType::Type(only.clone());
        }
    }
}

fn event_cursor_header() -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some("The position in the event log that this answer shows."))
        .build()
}
