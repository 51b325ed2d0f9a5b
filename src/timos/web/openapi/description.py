"""The document itself: its paths, and the problems of each. Any in this module: JSON."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from timos.kernel.errors import (
    CsrfError,
    ForbiddenError,
    InputError,
    LimitError,
    MalformedError,
    MediaTypeError,
    MisdirectedError,
    NotFoundError,
    TimosError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from timos.web.middleware.csrf import SAFE_METHODS
from timos.web.openapi.schemas import REF, Schemas
from timos.web.route import Access, AnyQuery, RawBody, Route

_ALWAYS: tuple[type[TimosError], ...] = (TimosError, MalformedError, MisdirectedError, TooLargeError, LimitError, UnavailableError)
_HEADERS = {
    "Idempotency-Key": "The same key makes the same thing only once; 1 to 200 printable ASCII characters.",
    "If-Match": "The ETag that the caller knows; anything else stored is a 412.",
    "X-CSRF-Token": "Needed when the session comes from a cookie.",
    "X-Step-Up": "The one-time token of a fresh proof of identity, bound to this action.",
}
_DAY = {"type": "string", "format": "date"}
_WEEK = {"type": "string", "pattern": "^[0-9]{4}-W[0-9]{2}$"}
_SHAPES: dict[str, dict[str, Any]] = {  # of parameters, by name: what is a string to msgspec and more to whoever sends it
    "day": _DAY,
    "from": _DAY,
    "to": _DAY,
    "week": _WEEK,
    "If-Match": {"type": "string", "pattern": '^(\\*|(W/)?"[^",]*"(, *(W/)?"[^",]*")*)$'},
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
}
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `code` is for programs and never changes.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "path": {"type": "string", "description": "The first wrong field, parameter or header."},
        "etag": {"type": ["string", "null"], "description": "With 412: of what is stored."},
        "stored": {
            "type": ["object", "null"],
            "additionalProperties": True,
            "description": "With 412: what is stored, for those who may read it.",
        },
    },
}


def document(routes: Iterable[Route], version: str, *, cookie_name: str = "__Host-timos_access") -> dict[str, Any]:
    """The whole document as JSON values."""
    listed = [route for route in routes if route.is_described]
    schemas = Schemas(listed)
    responses: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for route in listed:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, responses)
    return {
        "openapi": "3.1.0",
        "info": {"title": "TimOS", "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in listed)],
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, "Problem": _PROBLEM},
            "responses": responses,
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie_name},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def problems(route: Route) -> dict[int, list[str]]:
    """Codes by status of all that the route can answer with when it does not do what it was asked."""
    kinds = {*_ALWAYS, *route.problems, *_of_kind(route)}
    by_status: dict[int, set[str]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, set()).add(kind.code)
    return {status: sorted(by_status[status]) for status in sorted(by_status)}


def _operation(route: Route, schemas: Schemas, responses: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "security": [] if route.access is Access.PUBLIC else [{"cookie": []}, {"bearer": []}],
        "responses": _responses(route, schemas, responses),
    }
    if parameters := [*_path_parameters(route), *_query_parameters(route, schemas), *_header_parameters(route)]:
        operation["parameters"] = parameters
    if route.body is not None:
        form = route.described_body or route.body
        schema = {"type": "string", "format": "binary"} if form is RawBody else schemas.sent(form)
        operation["requestBody"] = {"required": True, "content": {name: {"schema": schema} for name in route.media_types}}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = [segment[1:-1] for segment in route.path.split("/") if segment.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": _shape(name, {"type": "string"})} for name in names]


def _query_parameters(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    if route.query is None or route.query is AnyQuery:
        return []
    schema = schemas.parameters(route.query)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _shape(name, _parameter(form))}
        for name, form in schema.get("properties", {}).items()
    ]


def _parameter(schema: dict[str, Any]) -> dict[str, Any]:
    """Left out is the only way to send no value: a query has no null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    return choices[0] if len(choices) == 1 else schema


def _shape(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """What is known of a text by its name; anything that is no bare text says itself what it is."""
    return _SHAPES.get(name, schema) if schema == {"type": "string"} else schema


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    names = [*route.headers]
    if route.is_idempotency_keyed:
        names.append("Idempotency-Key")
    if _is_csrf_checked(route) and route.access is not Access.PUBLIC:
        names.append("X-CSRF-Token")
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": _HEADERS.get(name, ""),
            "schema": _shape(name, {"type": "string"}),
        }
        for name in dict.fromkeys(names)
    ]


def _responses(route: Route, schemas: Schemas, responses: dict[str, Any]) -> dict[str, Any]:
    answers: dict[int, Any] = {route.status: route.answer, **route.other_statuses}
    told = {str(status): _success(route, status, form, schemas) for status, form in answers.items()}
    for status, codes in problems(route).items():
        name = f"{status}_{'_or_'.join(codes)}"
        responses.setdefault(name, _problem_response(status, codes))
        told[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return told


def _success(route: Route, status: int, form: Any, schemas: Schemas) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if form is not None:
        response["content"] = {route.answer_media_type: {"schema": schemas.answered(form)}}
    elif route.answer_media_type != "application/json":
        response["content"] = {route.answer_media_type: {"schema": {"type": "string", "format": "binary"}}}
    return response


def _problem_response(status: int, codes: list[str]) -> dict[str, Any]:
    schema = {
        "allOf": [{"$ref": REF.format(name="Problem")}, {"type": "object", "properties": {"code": {"type": "string", "enum": codes}}}]
    }
    return {"description": HTTPStatus(status).phrase, "content": {"application/problem+json": {"schema": schema}}}


def _is_csrf_checked(route: Route) -> bool:
    return route.csrf and route.method not in SAFE_METHODS


def _of_kind(route: Route) -> list[type[TimosError]]:
    kinds: list[type[TimosError]] = []
    if route.access is not Access.PUBLIC:
        kinds.append(UnauthenticatedError)
    if route.access is Access.ADMIN:
        kinds.append(ForbiddenError)
    if _is_csrf_checked(route):
        kinds.append(CsrfError)
    if route.body is not None:
        kinds += [InputError, MediaTypeError]
    if (route.query is not None and route.query is not AnyQuery) or route.is_idempotency_keyed or "If-Match" in route.headers:
        kinds.append(InputError)
    if "{" in route.path:
        kinds += [InputError, NotFoundError]
    return kinds
