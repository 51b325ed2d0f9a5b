"""The OpenAPI 3.1 document, from the routes and msgspec's own JSON Schema: what is served is what is described.

What a route can answer with follows from its kind: one that is not PUBLIC can be 401, one with a body 400, 413, 415 and 422, and so on.
A route names only the problems beyond these.

What is sent may leave out what has a default; what is answered holds every field. So a type that does both has two schemas, `Thing` as it
is answered and `ThingInput` as it is sent: programs that are typed by this document need not ask for what is always there.
"""

from collections.abc import Iterable, Iterator
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
    """The whole document as JSON values. Any in this module: JSON."""
    listed = [route for route in routes if route.is_described]
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
        listed = list(routes)
        self._answered = _Forms(form for route in listed for form in (route.answer, *route.other_statuses.values()))
        self._sent = _Forms(route.described_body or route.body for route in listed)
        self._queries = _Forms(route.query for route in listed)
        for schema in self._answered.components.values():
            _complete(schema)
        self._sent.rename({name: f"{name}Input" for name in _differing(self._sent.components, self._answered.components)})
        self.components = {**self._answered.components, **self._sent.components}

    def answered(self, form: object) -> dict[str, Any]:
        return self._answered.of(form)

    def sent(self, form: object) -> dict[str, Any]:
        return self._sent.of(form)

    def parameters(self, form: object) -> dict[str, Any]:
        """The object whose properties are the parameters of a query; none of the components, since nothing refers to it."""
        return self._queries.components[_name_in(self._queries.of(form))]


class _Forms:
    """Some types, and the components that their schemas refer to."""

    def __init__(self, forms: Iterable[object]) -> None:
        self._forms: list[object] = []
        for form in forms:
            if form not in {None, RawBody, AnyQuery, *self._forms}:
                self._forms.append(form)
        found, components = msgspec.json.schema_components(self._forms, ref_template=REF)
        self._found: list[dict[str, Any]] = list(found)
        self.components: dict[str, dict[str, Any]] = dict(components)
        for schema in (*self._found, *self.components.values()):
            _say_types(schema)

    def of(self, form: object) -> dict[str, Any]:
        return self._found[self._forms.index(form)]

    def rename(self, names: dict[str, str]) -> None:
        for schema in (*self._found, *self.components.values()):
            for node in _nodes(schema):
                for key, value in node.items():
                    if isinstance(value, str) and (name := names.get(value.removeprefix(REF.format(name="")))):
                        node[key] = REF.format(name=name)
        self.components = {names.get(name, name): schema for name, schema in self.components.items()}
        for name in names.values():
            self.components[name]["title"] = name


def _differing(sent: dict[str, Any], answered: dict[str, Any]) -> set[str]:
    """Names that stand for one thing when sent and for another when answered, or refer to such a one."""
    both = sent.keys() & answered.keys()
    differing = {name for name in both if sent[name] != answered[name]}
    while more := {name for name in both - differing if differing & {_name_in(node) for node in _nodes(sent[name])}}:
        differing |= more
    return differing


def _complete(schema: dict[str, Any]) -> None:
    """Says that every field is there: nothing that we answer leaves out what has its default."""
    for node in _nodes(schema):
        if isinstance(node.get("properties"), dict):
            node["required"] = list(node["properties"])
        node.pop("default", None)


def _say_types(schema: dict[str, Any]) -> None:
    """What msgspec leaves to the reader: that words are strings, and that an object without fields may have any."""
    for node in _nodes(schema):
        if "type" not in node and all(isinstance(word, str) for word in node.get("enum", [None])):
            node["type"] = "string"
        if node.get("type") == "object" and "properties" not in node:
            node.setdefault("additionalProperties", True)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema, the schema itself first; examples and defaults are values, not schemas."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if key not in {"default", "enum"}:
                yield from _nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _nodes(inner)


def _name_in(node: dict[str, Any]) -> str:
    return str(node.get("$ref", "")).rpartition("/")[2]


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
        form = route.described_body or route.body
        schema = {"type": "string", "format": "binary"} if form is RawBody else schemas.sent(form)
        operation["requestBody"] = {"required": True, "content": {name: {"schema": schema} for name in route.media_types}}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = [segment[1:-1] for segment in route.path.split("/") if segment.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": _shape(name, {"type": "string"})} for name in names]


def _query_parameters(route: Route, schemas: _Schemas) -> list[dict[str, Any]]:
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
