"""The OpenAPI 3.1 document, from the routes and msgspec's own JSON Schema: what is served is what is described.

What a route can answer with follows from its kind: one that is not PUBLIC can be 401, one with a body 400, 413, 415 and 422, and so on.
A route names only the problems beyond these.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

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
from timos.web.route import Access, AnyQuery, RawBody, Route

REF = "#/components/schemas/{name}"

_ALWAYS: tuple[type[TimosError], ...] = (TimosError, MalformedError, MisdirectedError, TooLargeError, LimitError, UnavailableError)
_HEADERS = {
    "Idempotency-Key": "The same key makes the same thing only once; 1 to 200 printable ASCII characters.",
    "If-Match": "The ETag that the caller knows; anything else stored is a 412.",
    "X-CSRF-Token": "Needed when the session comes from a cookie.",
    "X-Step-Up": "The one-time token of a fresh proof of identity, bound to this action.",
}
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `code` is for programs and never changes.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "path": {"type": "string", "description": "The first wrong field, parameter or header."},
        "etag": {"type": ["string", "null"], "description": "With 412: of what is stored."},
        "stored": {"type": ["object", "null"], "description": "With 412: what is stored, for those who may read it."},
    },
}


def document(routes: Iterable[Route], version: str, *, cookie_name: str = "__Host-timos_access") -> dict[str, Any]:
    """The whole document as JSON values. Any in this module: JSON."""
    listed = list(routes)
    schemas = _Schemas(listed)
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


class _Schemas:
    """The schema of each type that a route names, by a reference where it has a name."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._forms: list[object] = []
        for route in routes:
            named = (route.body, route.query, route.answer, *route.other_statuses.values())
            self._forms += [form for form in named if form not in {None, RawBody, AnyQuery, *self._forms}]
        found, self.components = msgspec.json.schema_components(self._forms, ref_template=REF)
        self._found: list[dict[str, Any]] = list(found)

    def of(self, form: object) -> dict[str, Any]:
        return self._found[self._forms.index(form)]

    def resolved(self, form: object) -> dict[str, Any]:
        schema = self.of(form)
        return self.components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _operation(route: Route, schemas: _Schemas, responses: dict[str, Any]) -> dict[str, Any]:
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
        schema = {"type": "string", "format": "binary"} if route.body is RawBody else schemas.of(route.body)
        operation["requestBody"] = {"required": True, "content": {name: {"schema": schema} for name in route.media_types}}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = [segment[1:-1] for segment in route.path.split("/") if segment.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(route: Route, schemas: _Schemas) -> list[dict[str, Any]]:
    if route.query is None or route.query is AnyQuery:
        return []
    schema = schemas.resolved(route.query)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": form} for name, form in schema.get("properties", {}).items()
    ]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    names = [*route.headers]
    if route.is_idempotency_keyed:
        names.append("Idempotency-Key")
    if _is_csrf_checked(route) and route.access is not Access.PUBLIC:
        names.append("X-CSRF-Token")
    return [
        {"name": name, "in": "header", "required": False, "description": _HEADERS.get(name, ""), "schema": {"type": "string"}}
        for name in dict.fromkeys(names)
    ]


def _responses(route: Route, schemas: _Schemas, responses: dict[str, Any]) -> dict[str, Any]:
    answers: dict[int, Any] = {route.status: route.answer, **route.other_statuses}
    told = {str(status): _success(route, status, form, schemas) for status, form in answers.items()}
    for status, codes in problems(route).items():
        name = f"{status}_{'_or_'.join(codes)}"
        responses.setdefault(name, _problem_response(status, codes))
        told[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return told


def _success(route: Route, status: int, form: Any, schemas: _Schemas) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if form is not None:
        response["content"] = {route.answer_media_type: {"schema": schemas.of(form)}}
    elif route.answer_media_type != "application/json":
        response["content"] = {route.answer_media_type: {"schema": {"type": "string", "format": "binary"}}}
    return response


def _problem_response(status: int, codes: list[str]) -> dict[str, Any]:
    schema = {"allOf": [{"$ref": REF.format(name="Problem")}, {"type": "object", "properties": {"code": {"enum": codes}}}]}
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
    if (route.query is not None and route.query is not AnyQuery) or route.is_idempotency_keyed:
        kinds.append(InputError)
    if "{" in route.path:
        kinds += [InputError, NotFoundError]
    return kinds
