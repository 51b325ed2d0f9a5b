import json
import re
from typing import Any, Literal

import msgspec
from openapi_spec_validator import validate

from tests.web.frame import public, route
from timos.kernel.errors import ConflictError, PreconditionError
from timos.web.openapi.description import document, problems
from timos.web.route import Access, AnyQuery, RawBody


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: list[Inner] = []


class Range(msgspec.Struct, forbid_unknown_fields=True, rename={"first": "from"}):
    limit: int
    first: str | None = None


ROUTES = [
    public("GET", "/api/instance", name="instance", answer=Thing),
    public("GET", "/", name="page", query=AnyQuery, answer_media_type="text/html", rate=None),
    route("GET", "/api/things", name="list_things", query=Range, answer=list[Thing]),
    route("GET", "/api/things/{day}", name="get_thing", answer=Thing),
    route(
        "PUT",
        "/api/things/{day}",
        name="put_thing",
        body=Thing,
        answer=Thing,
        other_statuses={201: Thing},
        headers=("If-Match",),
        problems=(PreconditionError, ConflictError),
    ),
    route("DELETE", "/api/things/{day}", name="delete_thing", status=204),
    route("POST", "/api/things", name="make_thing", body=Thing | None, answer=Thing, status=201, is_idempotency_keyed=True),
    route("POST", "/api/imports", name="import", body=RawBody, media_types=("application/zip", "application/x-ndjson")),
    route("POST", "/api/exports", name="export", answer_media_type="application/zip", headers=("X-Step-Up",), access=Access.ADMIN),
]
DOCUMENT = json.loads(msgspec.json.encode(document(ROUTES, "1.2.3")))


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")
    assert DOCUMENT["info"]["version"] == "1.2.3"


def test_every_route_is_in_it_under_its_stable_name() -> None:
    found = {(method.upper(), path): item["operationId"] for path, methods in DOCUMENT["paths"].items() for method, item in methods.items()}
    assert found == {(said.method, said.path): said.name for said in ROUTES}


def test_what_is_closed_says_so() -> None:
    assert DOCUMENT["paths"]["/api/instance"]["get"]["security"] == []
    assert DOCUMENT["paths"]["/api/things"]["get"]["security"] == [{"cookie": []}, {"bearer": []}]


def test_parameters_are_those_that_a_request_may_have() -> None:
    def names(path: str, method: str) -> dict[str, tuple[str, bool]]:
        return {one["name"]: (one["in"], one["required"]) for one in DOCUMENT["paths"][path][method].get("parameters", [])}

    assert names("/api/things", "get") == {"limit": ("query", True), "from": ("query", False)}
    assert names("/api/things/{day}", "put") == {"day": ("path", True), "If-Match": ("header", False), "X-CSRF-Token": ("header", False)}
    assert names("/api/things", "post") == {"Idempotency-Key": ("header", False), "X-CSRF-Token": ("header", False)}
    assert names("/", "get") == {}


def test_parameters_tell_their_shape() -> None:
    def shapes(path: str, method: str) -> dict[str, dict[str, Any]]:
        return {one["name"]: one["schema"] for one in DOCUMENT["paths"][path][method]["parameters"]}

    assert shapes("/api/things", "get")["from"] == {"type": "string", "format": "date"}
    put = shapes("/api/things/{day}", "put")
    assert put["day"] == {"type": "string", "format": "date"}
    known = re.compile(put["If-Match"]["pattern"])
    assert [bool(known.search(value)) for value in ("*", '"a"', 'W/"a", "b"', "", "a", '"a')] == [True, True, True, False, False, False]
    assert shapes("/api/things", "post")["Idempotency-Key"]["maxLength"] == 200


def test_answers_and_bodies_have_their_types() -> None:
    put = DOCUMENT["paths"]["/api/things/{day}"]["put"]
    thing = {"$ref": "#/components/schemas/Thing"}
    assert put["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ThingInput"}
    assert put["responses"]["200"]["content"]["application/json"]["schema"] == thing
    assert put["responses"]["201"]["content"]["application/json"]["schema"] == thing
    assert "content" not in DOCUMENT["paths"]["/api/things/{day}"]["delete"]["responses"]["204"]
    assert set(DOCUMENT["paths"]["/api/imports"]["post"]["requestBody"]["content"]) == {"application/zip", "application/x-ndjson"}
    assert set(DOCUMENT["paths"]["/api/exports"]["post"]["responses"]["200"]["content"]) == {"application/zip"}
    assert "Inner" in DOCUMENT["components"]["schemas"]


def test_what_is_answered_is_whole_and_what_is_sent_may_leave_out_defaults() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["Thing"]["required"] == ["name", "inner"]
    assert "default" not in schemas["Thing"]["properties"]["inner"]
    assert schemas["ThingInput"]["required"] == ["name"]
    assert schemas["ThingInput"]["properties"]["inner"]["default"] == []
    assert schemas["ThingInput"]["title"] == "ThingInput"
    assert "InnerInput" not in schemas  # the same either way


def test_what_refers_to_a_type_with_two_schemas_has_two_as_well() -> None:
    class Leaf(msgspec.Struct, forbid_unknown_fields=True):
        text: str = ""

    class Tree(msgspec.Struct, forbid_unknown_fields=True):
        leaf: Leaf

    class Wood(msgspec.Struct, forbid_unknown_fields=True):
        trees: dict[str, Tree | None]

    schemas = document([route("POST", "/api/woods", name="plant", body=Wood, answer=Wood)], "1")["components"]["schemas"]
    assert {"Leaf", "LeafInput", "Tree", "TreeInput", "Wood", "WoodInput"} <= schemas.keys()
    assert schemas["TreeInput"]["properties"]["leaf"] == {"$ref": "#/components/schemas/LeafInput"}
    assert "Input" not in json.dumps([schemas["Wood"], schemas["Tree"]])


def test_a_query_has_no_null() -> None:
    (_, first) = DOCUMENT["paths"]["/api/things"]["get"]["parameters"]
    assert first["schema"] == {"type": "string", "format": "date"}
    assert "Range" not in DOCUMENT["components"]["schemas"]


def test_a_body_can_be_described_better_than_it_is_decoded() -> None:
    said = route("PATCH", "/api/things", name="patch", body=dict[str, Any], described_body=Inner)
    body = document([said], "1")["paths"]["/api/things"]["patch"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Inner"}


def test_an_object_without_fields_may_have_any_and_words_are_strings() -> None:
    said = [
        route("GET", "/api/any", name="any", answer=dict[str, Any]),
        route("GET", "/api/word", name="word", answer=Literal["yes", "no"]),
    ]
    paths = document(said, "1")["paths"]
    any_ = paths["/api/any"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert any_ == {"type": "object", "additionalProperties": True}
    word = paths["/api/word"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert word == {"enum": ["no", "yes"], "type": "string"}


def test_pages_are_left_out() -> None:
    assert document([public("GET", "/", name="page", is_described=False)], "1")["paths"] == {}


def test_every_problem_is_told_by_status_with_its_codes() -> None:
    put = problems(ROUTES[4])
    assert put[401] == ["unauthenticated"]
    assert put[403] == ["csrf"]
    assert put[404] == ["not_found"]
    assert put[409] == ["conflict"]
    assert put[412] == ["precondition"]
    assert put[415] == ["media_type"]
    assert put[422] == ["invalid"]
    assert 401 not in problems(ROUTES[0])
    assert problems(ROUTES[8])[403] == ["csrf", "forbidden"]
    named = DOCUMENT["paths"]["/api/exports"]["post"]["responses"]["403"]["$ref"].rpartition("/")[2]
    schema = DOCUMENT["components"]["responses"][named]["content"]["application/problem+json"]["schema"]
    assert schema["allOf"][1]["properties"]["code"]["enum"] == ["csrf", "forbidden"]
