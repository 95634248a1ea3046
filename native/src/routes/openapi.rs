//! The description of the HTTP API: what each route takes and gives is written down in `openapi.json`, and what follows from
//! the table of routes (paths, who may ask, and the faults that come of it) is taken from there.

use std::sync::LazyLock;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};
use warp::reply::Response;

use super::call::Call;
use super::error::Error;
use super::{Route, public, reply};

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let source = serde_json::from_str(include_str!("openapi.json")).expect("a test reads this file");
    serde_json::to_vec(&document(source, &public())).expect("the document has a JSON form").into()
});

/// `GET /openapi.json`
pub(super) async fn document_route((): (), _: &mut Call) -> Result<Response, Error> {
    Ok(reply::content("application/json", DOCUMENT.clone()))
}

/// The OpenAPI document of these routes.
fn document(mut source: Value, routes: &[Route]) -> Value {
    let (operations, parameters) = (source["operations"].take(), source["parameters"].take());
    let mut paths = Map::new();
    for route in routes {
        let mut item = Map::new();
        for (method, access) in route.methods {
            let about = &operations[format!("{method} {}", path_of(route))];
            item.insert(method.to_lowercase(), operation(route, method, access, about, &parameters));
        }
        paths.insert(path_of(route).to_owned(), item.into());
    }
    json!({
        "openapi": source["openapi"],
        "info": source["info"],
        "paths": paths,
        "components": {
            "schemas": source["schemas"],
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "header", "name": "Authorization", "description": "the session_id itself" },
                "operator": { "type": "http", "scheme": "bearer", "description": "an operator key" },
                "on_behalf_of": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-On-Behalf-Of",
                    "description": "with an operator key of the scope act: the id of the user in whose name to act; 400 where only the operator itself does something",
                },
            },
        },
    })
}

fn operation(route: &Route, method: &str, access: &str, about: &Value, parameters: &Value) -> Value {
    let mut listed: Vec<_> = in_path(route)
        .map(|name| {
            let parameter = &parameters[name];
            parameter_of(name, "path", parameter["schema"].as_str().unwrap_or_default(), &parameter["about"])
        })
        .collect();
    for (name, schema) in about["query"].as_object().into_iter().flatten() {
        listed.push(parameter_of(name, "query", schema.as_str().unwrap_or_default(), &parameters[name]["about"]));
    }
    let mut answers: Map<_, _> = about["answers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, schema)| (status.clone(), answer(status, schema, limits(access))))
        .collect();
    for status in faults(route, access, about) {
        let status = status.to_string();
        answers.insert(status.clone(), answer(&status, &json!("Error"), limits(access)));
    }
    let mut operation = json!({
        "operationId": about["id"],
        "summary": about["summary"],
        "tags": [path_of(route).split('/').find(|part| !part.is_empty()).unwrap_or("gateway")],
        "parameters": listed,
        "responses": answers,
        "security": security(access),
    });
    if let Some(schema) = about["body"].as_str() {
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": reference(schema) } } });
    }
    if let Some(schema) = about["form"].as_str() {
        operation["requestBody"]["content"]["multipart/form-data"] = json!({ "schema": reference(schema) });
    }
    if method == "GET" && listed_upgrade(route) {
        operation["description"] = "Answers 101 to a WebSocket upgrade (RFC 6455).".into();
    }
    operation
}

/// The statuses of the faults that a route may answer.
fn faults(route: &Route, access: &str, about: &Value) -> Vec<u16> {
    let mut statuses: Vec<u16> = about["faults"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|status| status.as_u64()?.try_into().ok())
        .collect();
    // What the signed endpoint itself answers is all listed.
    if access == "platform" {
        statuses.extend(in_path(route).next().map(|_| 404));
        return statuses;
    }
    // The server drains, its database is busy or out of reach.
    statuses.push(503);
    match access {
        "anyone" => {}
        // 404: of the user in whose name the operator acts. 400: of how that user is named, which makes no sense below.
        "session" | "visitor" | "session_or_sessions" | "session_or_admin" => {
            statuses.extend([400, 401, 403, 404, 429]);
        }
        _ => statuses.extend([400, 401, 403, 429]),
    }
    if in_path(route).next().is_some() {
        statuses.push(404);
    }
    if !about["body"].is_null() {
        statuses.extend([400, 408, 413, 415]);
    }
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

/// Who may ask, as OpenAPI has it: one of these.
fn security(access: &str) -> Value {
    let (session, operator, on_behalf) =
        (json!({ "session": [] }), json!({ "operator": [] }), json!({ "operator": [], "on_behalf_of": [] }));
    match access {
        "anyone" | "platform" => json!([]),
        "visitor" => json!([{}, session, on_behalf]),
        "session" => json!([session, on_behalf]),
        "session_or_sessions" | "session_or_admin" => json!([session, operator, on_behalf]),
        _ => json!([operator]),
    }
}

/// Whether answers tell a session how many requests it has left.
fn limits(access: &str) -> Value {
    if matches!(access, "anyone" | "platform") {
        return json!({});
    }
    let header = |about: &str, schema: Value| json!({ "description": about, "schema": schema });
    json!({
        "X-RateLimit-Limit": header("requests in a window, for sessions", json!({ "type": "integer" })),
        "X-RateLimit-Remaining": header("requests that are left of them", json!({ "type": "integer" })),
        "X-RateLimit-Reset": header("when the window ends, in Unix milliseconds", json!({ "type": "integer" })),
        "X-RateLimit-Bucket": header("the group of routes that is counted", json!({ "type": "string" })),
    })
}

fn answer(status: &str, schema: &Value, mut headers: Value) -> Value {
    let reason = status.parse().ok().and_then(|status| StatusCode::from_u16(status).ok());
    let reason = reason.and_then(|status| status.canonical_reason()).unwrap_or("an answer");
    let media_type = match schema.as_str() {
        Some("html") => "text/html",
        Some("file") => "*/*",
        Some("text") => "text/plain",
        _ => "application/json",
    };
    if matches!(status, "429" | "503") {
        headers["Retry-After"] = json!({ "description": "in seconds", "schema": { "type": "integer", "minimum": 1 } });
    }
    let mut answer = json!({ "description": reason, "headers": headers });
    match schema.as_str() {
        None => {}
        Some("html" | "file" | "text") => answer["content"] = json!({ media_type: { "schema": { "type": "string" } } }),
        Some(schema) => answer["content"] = json!({ media_type: { "schema": reference(schema) } }),
    }
    answer
}

fn parameter_of(name: &str, place: &str, schema: &str, about: &Value) -> Value {
    json!({ "name": name, "in": place, "required": place == "path", "description": about, "schema": reference(schema) })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// The names of the parameters in a route's path.
fn in_path(route: &Route) -> impl Iterator<Item = &'static str> {
    route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_of(route: &Route) -> &'static str {
    if route.path.is_empty() { "/" } else { route.path }
}

/// Whether a route takes upgrades to a WebSocket.
fn listed_upgrade(route: &Route) -> bool {
    matches!(path_of(route), "/" | "/gateway")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Value {
        serde_json::from_str(include_str!("openapi.json")).unwrap()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let routes = public();
        let mut there: Vec<_> = routes
            .iter()
            .flat_map(|route| route.methods.iter().map(|(method, _)| format!("{method} {}", path_of(route))))
            .collect();
        let source = source();
        let mut described: Vec<_> = source["operations"].as_object().unwrap().keys().cloned().collect();
        there.sort();
        described.sort();
        assert_eq!(there, described);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document(source(), &public());
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for name in text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(schemas.contains_key(name), "{name}");
        }
        for name in schemas.keys() {
            assert!(text.contains(&format!("#/components/schemas/{name}\"")), "{name} is used nowhere");
        }
    }

    #[test]
    fn who_may_ask_comes_from_the_table_of_routes() {
        let document = document(source(), &public());
        assert_eq!(document["paths"]["/publish"]["post"]["security"], json!([{ "operator": [] }]));
        assert_eq!(document["paths"]["/available"]["get"]["security"], json!([]));
        assert!(document["paths"]["/publish"]["post"]["responses"]["429"].is_object());
    }
}
