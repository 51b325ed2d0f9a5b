"""What every route keeps: the tests run over the registry, through the whole application. What is asked of a database is asked on every
pair of engines, by the tour; what is refused or answered before one is asked, on files.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from tests.contracts.desk import Desk, desk_of
from tests.contracts.samples import ADDRESSED, DAY, GIVEN, SAMPLES, VERBS, WRITABLE, Sample
from tests.support import HOST, PASSWORD, Json, Person, Story, World
from tests.web.browser import Browser, ask
from timos import app
from timos.kernel.errors import TimosError
from timos.web.api import ROUTES
from timos.web.api.pages import SCREENS
from timos.web.middleware.csrf import SAFE_METHODS
from timos.web.openapi.description import problems
from timos.web.route import Access, Route

Tell = Callable[[Story], None]

PUBLIC = {
    *(f"GET {path}" for path in SCREENS.values()),
    "GET /assets/{name}",
    "GET /icons/{name}",
    "GET /manifest.webmanifest",
    "GET /sw.js",
    "GET /api/docs",
    "GET /api/docs/{name}",
    "GET /livez",
    "GET /readyz",
    "GET /.well-known/jwks.json",
    "GET /api/instance",
    "GET /api/openapi.json",
    "POST /api/auth/signup",
    "POST /api/auth/login",
    "POST /api/auth/refresh",
}
STORED_BY_CACHES = {  # everything else is nobody's to keep
    **dict.fromkeys((f"GET {path}" for path in SCREENS.values()), "no-cache"),
    "GET /assets/{name}": "public, max-age=31536000, immutable",
    "GET /icons/{name}": "no-cache",
    "GET /manifest.webmanifest": "no-cache",
    "GET /sw.js": "no-cache",
    "GET /api/docs": "no-cache",
    "GET /api/docs/{name}": "no-cache",
    "GET /.well-known/jwks.json": "public, max-age=300",
    "GET /api/openapi.json": "public, max-age=300",
}
DOCUMENT: Json = json.loads(json.dumps(app.document(is_https=False)))
ERRORS = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def address_of(route: Route) -> str:
    return filled(route.path)


def filled(path: str) -> str:
    return path.replace("{day}", DAY).replace("{week}", "2026-W47").replace("{id}", "A" * 22)


def route_of(method: str, path: str) -> Route:
    """The one that answers; the path may have a query."""
    asked = path.partition("?")[0].split("/")
    fitting = [route for route in ROUTES if route.method == method and _fits(route.path.split("/"), asked)]
    return min(fitting, key=lambda route: route.path.count("{"))


def _fits(template: list[str], asked: list[str]) -> bool:
    return len(template) == len(asked) and all(part in {one, f"{{{part[1:-1]}}}"} for part, one in zip(template, asked, strict=True))


def is_closed(route: Route) -> bool:
    return route.access is not Access.PUBLIC


def is_page(route: Route) -> bool:
    """None of the API: what it answers depends on what was built, and tests/web/test_shell.py looks at it."""
    return route.tag == "Page"


def is_unsafe(route: Route) -> bool:
    return route.method not in SAFE_METHODS


class Unread:
    """A body that knows whether anyone began to read it."""

    is_read = False

    async def pieces(self) -> AsyncIterator[bytes]:
        self.is_read = True
        yield b"{}"


def assert_told(route: Route, answer: httpx.Response) -> None:
    """The answer is one that the API document describes, in its status, type and schema."""
    described = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
    where = f"{name_of(route)} {answer.status_code} {answer.text[:300]}"
    assert str(answer.status_code) in described, where
    response = resolved(described[str(answer.status_code)])
    if "content" not in response:
        assert (answer.content, "content-type" in answer.headers) == (b"", False), where
        return
    ((media_type, content),) = response["content"].items()
    assert answer.headers["content-type"] == media_type, where
    if media_type.endswith("json"):
        errors = [
            error.message
            for error in OAS31Validator({**content["schema"], "components": DOCUMENT["components"]}).iter_errors(answer.json())
        ]
        assert not errors, where


def resolved(node: Json) -> Json:
    return DOCUMENT["components"]["responses"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


# ── who may call ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_open_to_anybody_is_listed_here() -> None:
    assert {name_of(route) for route in ROUTES if not is_closed(route)} == PUBLIC


def test_every_other_route_refuses_strangers_before_it_reads_a_byte(tell: Tell) -> None:
    async def story(world: World) -> None:
        strange: list[dict[str, str]] = [{}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp5"}, {"authorization": ""}]
        strange += [{"cookie": "timos_access=x; timos_refresh=y", "origin": HOST}]
        for route in filter(is_closed, ROUTES):
            for credentials in strange:
                body = Unread()
                headers = dict(credentials)
                content = None
                if route.body is not None:
                    # a client that waits for leave to send gets the answer before it sent anything
                    headers |= {"content-type": route.media_types[0], "transfer-encoding": "chunked", "expect": "100-continue"}
                    content = body.pieces()
                answer = await ask(world, route.method, address_of(route), headers=headers, content=content)
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (name_of(route), credentials)
                assert answer.headers["www-authenticate"] == "Bearer"
                assert not body.is_read, name_of(route)
                assert_told(route, answer)

    tell(story)


def test_nothing_is_an_admins_by_accident() -> None:
    assert {name_of(route) for route in ROUTES if route.access is Access.ADMIN} == set()  # the operator uses the command line


def test_no_route_takes_a_forged_request_from_a_browser(tell: Tell) -> None:
    assert all(route.csrf for route in ROUTES)

    async def story(world: World) -> None:
        browser, other = await Browser(world).sign_up("sam"), await Browser(world).login("sam")
        assert browser.csrf != other.csrf
        forged: dict[str, dict[str, str | None]] = {
            "no token": {"x-csrf-token": None},
            "an empty token": {"x-csrf-token": ""},
            "another session's token": {"x-csrf-token": other.csrf},
            "a token of another length": {"x-csrf-token": f"{browser.csrf}="},
        }
        foreign: dict[str, dict[str, str | None]] = {
            "another site": {"origin": "https://evil.example", "sec-fetch-site": None},
            "another port": {"origin": "http://localhost:8001", "sec-fetch-site": "same-site"},
            "a sandbox": {"origin": "null", "sec-fetch-site": None},
            "no origin": {"origin": None, "sec-fetch-site": None},
            "our origin, but not our page": {"sec-fetch-site": "cross-site"},
        }
        for route in filter(is_unsafe, ROUTES):
            for name, headers in {**foreign, **(forged if is_closed(route) else {})}.items():
                answer = await browser.call(route.method, address_of(route), headers={**headers, **typed(route)})
                assert (answer.status_code, answer.json()["code"]) == (403, "csrf"), (name_of(route), name)
                assert_told(route, answer)
        assert (await browser.call("GET", "/api/auth/session")).status_code == 200

    tell(story)


def test_what_our_own_page_sends_is_let_through(tell: Tell) -> None:
    """The other half of the test above: it is the forgery that was refused, and nothing else."""

    async def story(world: World) -> None:
        await Browser(world).sign_up("sam")
        for route in filter(is_unsafe, ROUTES):
            browser = await Browser(world).login("sam")
            answer = await browser.call(route.method, address_of(route), headers=typed(route))
            assert answer.status_code not in {401, 405, 500}, name_of(route)
            assert not answer.is_error or answer.json()["code"] != "csrf", name_of(route)

    tell(story)


def typed(route: Route) -> dict[str, str]:
    return {"content-type": route.media_types[0]} if route.body is not None else {}


def test_reading_needs_no_token(tell: Tell) -> None:
    async def story(world: World) -> None:
        browser = await Browser(world).sign_up("sam")
        for route in ROUTES:
            if is_unsafe(route) or is_page(route):
                continue
            answer = await browser.call(route.method, address_of(route), headers={"x-csrf-token": None, "origin": None})
            assert answer.status_code in {200, 404}, name_of(route)
            assert_told(route, answer)

    tell(story)


# ── what every answer carries ────────────────────────────────────────────────────────────────────────────────────────


def assert_headers(answer: httpx.Response, name: str) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff", name
    assert answer.headers["referrer-policy"] == "no-referrer", name
    assert answer.headers["cross-origin-opener-policy"] == "same-origin", name
    assert answer.headers["cross-origin-resource-policy"] == "same-origin", name
    assert "geolocation=()" in answer.headers["permissions-policy"], name
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], name
    assert "unsafe" not in answer.headers["content-security-policy"], name
    assert answer.headers["content-security-policy"].startswith("default-src 'none'"), name
    assert re.fullmatch("[0-9a-f]{24}", answer.headers["x-request-id"]), name
    assert not [header for header in answer.headers if header.startswith("access-control") or header in {"server", "x-powered-by"}], name


def test_every_answer_carries_the_security_headers_and_may_not_be_stored(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        for route in ROUTES:
            name = name_of(route)
            for headers in ({}, sam.headers, {"origin": "https://evil.example"}):
                answer = await ask(world, route.method, address_of(route), headers={**headers, **typed(route)})
                stored = "private, no-store" if answer.is_error else STORED_BY_CACHES.get(name, "private, no-store")
                assert answer.headers["cache-control"] == stored, name
                assert ("vary" in answer.headers) is (is_closed(route) or is_page(route)), name
                assert_headers(answer, name)
                if name == "POST /api/auth/logout" and headers is sam.headers:
                    sam = await world.sign_up("another")
        for method, path in (("GET", "/api/nothing"), ("PUT", "/api/search"), ("OPTIONS", "/api/search"), ("GET", "/%ff")):
            answer = await ask(world, method, path)
            assert answer.headers["cache-control"] == "private, no-store"
            assert_headers(answer, path)

    tell(story)


def test_pages_may_run_their_own_scripts_only_and_answers_nothing() -> None:
    for route in ROUTES:
        assert (route.csp is not None) is is_page(route), name_of(route)
        if route.csp is not None:
            assert "script-src 'self';" in route.csp
            assert "http:" not in route.csp
            assert "*" not in route.csp
            assert "require-trusted-types-for 'script';" in route.csp


# ── the tour: every route does what it says once ─────────────────────────────────────────────────────────────────────


class Tour:
    """Calls routes by their names, and holds each answer against the API document."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.seen: set[tuple[str, int]] = set()

    async def visit(self, name: str, body: Json = None, *, status: int = 200, address: str = "", **more: Any) -> httpx.Response:
        route = next(route for route in ROUTES if name_of(route) == name)
        answer = await self.person.call(route.method, address or address_of(route), body, **more)
        assert answer.status_code == status, f"{name}: {answer.text}"
        assert_told(route, answer)
        self.seen.add((name, status))
        return answer


@pytest.mark.every_engine
def test_every_route_answers_as_the_api_document_says(tell: Tell) -> None:
    async def story(world: World) -> None:
        tour = Tour((await desk_of(world, ADDRESSED[0])).person)
        for route in ROUTES:
            if not is_unsafe(route) and not is_closed(route) and not is_page(route):
                await tour.visit(name_of(route))
        await visit_journal(tour, world)
        await visit_account(tour, world)
        await visit_moving(tour)
        told = {(name_of(route), status) for route in ROUTES if not is_page(route) for status in (route.status, *route.other_statuses)}
        assert told == {visit for visit in tour.seen if visit[1] < 400}

    tell(story)


async def visit_journal(tour: Tour, world: World) -> None:
    for sample in WRITABLE:
        desk = Desk(world, tour.person, sample)
        await visit_nothing(tour, sample)
        if sample.collection.has_ids:
            await tour.visit(f"POST {sample.path}", {**sample.full, "name": "One more"}, status=201)
            await tour.visit(f"POST {sample.path}", {**sample.other, "name": "one  more"}, status=409)
            await desk.make(sample.full)
        await visit_record(tour, sample)
        if sample.collection.key:
            await tour.visit(f"GET {sample.path}")
        if sample.kind:
            await tour.visit(f"GET {sample.path}/{{day}}")
    for sample in SAMPLES:
        await Desk(world, tour.person, sample).make(sample.full)
    for sample in SAMPLES:
        await visit_verbs(tour, sample)
    for path in ("/api/habits/days", "/api/moods/log", "/api/pillars/scores"):
        await tour.visit(f"DELETE {path}/{{day}}", status=204, address=f"{path}/{DAY}")
        await tour.visit(f"DELETE {path}/{{day}}", status=404, address=f"{path}/{DAY}")
    await tour.visit("GET /api/today", address="/api/today?day=2026-11-01")
    await tour.visit("POST /api/search", {"query": "note"})
    await tour.visit("GET /api/moods/system")
    await tour.visit("GET /api/emotions")
    await tour.visit("GET /api/insights")


def template_of(sample: Sample) -> str:
    path = sample.path
    return "/".join([path, *(f"{{{part}}}" for part in sample.collection.key[:1]), *sample.key()[1:]])


async def visit_nothing(tour: Tour, sample: Sample) -> None:
    path, address = template_of(sample), sample.address()
    await tour.visit(f"GET {path}", status=404, address=address)
    await tour.visit(f"DELETE {path}", status=404, address=address)
    if sample in GIVEN:
        await tour.visit(f"PUT {path}", sample.full, status=404, address=address)
        await tour.visit(f"PATCH {path}", sample.full, status=404, address=address)
    else:
        await tour.visit(f"PATCH {path}", sample.other, status=201, address=address)
        await tour.visit(f"DELETE {path}", status=204, address=address)
        await tour.visit(f"PUT {path}", sample.full, status=201, address=address)


async def visit_record(tour: Tour, sample: Sample) -> None:
    path, address = template_of(sample), sample.address()
    known = {"if-match": "*"}
    await tour.visit(f"PUT {path}", sample.other, headers=known, address=address)
    await tour.visit(f"PUT {path}", sample.full, status=412, address=address)
    await tour.visit(f"PUT {path}", {"unknown": 1}, status=422, address=address)
    await tour.visit(f"GET {path}", address=address)
    await tour.visit(f"PATCH {path}", {**sample.least, **sample.other}, address=address)
    await tour.visit(f"DELETE {path}", status=204, headers=known, address=address)


async def visit_verbs(tour: Tour, sample: Sample) -> None:
    asked: list[tuple[str, str, Json]] = [("GET", path, None) for path in VERBS[sample.table].reads_of(sample)]
    asked += VERBS[sample.table].writes_of(sample)
    for method, path, body in asked:
        route = route_of(method, path)
        await tour.visit(name_of(route), body, status=route.status, address=path)


async def visit_account(tour: Tour, world: World) -> None:
    body = {"address": "newcomer@example.org", "password": PASSWORD, "kind": "bearer"}
    await tour.visit("POST /api/auth/signup", body, status=201)
    await tour.visit("POST /api/auth/signup", body, status=409)
    other = (await tour.visit("POST /api/auth/login", body)).json()
    await tour.visit("POST /api/auth/login", {**body, "password": "wrong"}, status=401)
    other = (await tour.visit("POST /api/auth/refresh", {"refresh_token": other["refresh_token"]})).json()
    await Tour(Person(world.client, "", other)).visit("POST /api/auth/logout", status=204)
    tour.seen.add(("POST /api/auth/logout", 204))
    await tour.visit("GET /api/auth/session")
    await tour.visit("GET /api/auth/profile")
    await tour.visit("PATCH /api/auth/profile", {"name": "Samuel"})
    login = await world.client.post("/api/auth/login", json={**body, "address": tour.person.address})
    sessions = (await tour.visit("GET /api/auth/sessions")).json()["items"]
    ended = next(item["id"] for item in sessions if not item["is_current"])
    await tour.visit("DELETE /api/auth/sessions/{id}", status=204, address=f"/api/auth/sessions/{ended}")
    await tour.visit("DELETE /api/auth/sessions/{id}", status=404, address=f"/api/auth/sessions/{ended}")
    assert login.status_code == 200
    await tour.visit("DELETE /api/auth/sessions", status=204)
    new = (await tour.visit("POST /api/auth/password", {"current_password": PASSWORD, "new_password": f"{PASSWORD} anew"})).json()
    tour.person.tokens = new


async def visit_moving(tour: Tour) -> None:
    async def step_up(action: str) -> dict[str, str]:
        answer = await tour.visit("POST /api/auth/step-up", {"password": f"{PASSWORD} anew", "action": action})
        return {"x-step-up": answer.json()["token"]}

    line = b'{"date":"2026-01-01","text":"imported"}\n'
    await tour.visit("POST /api/imports", content=line, headers={"content-type": "application/x-ndjson"})
    await tour.visit("GET /api/imports")
    await tour.visit("POST /api/exports", status=403)
    archive = await tour.visit("POST /api/exports", headers=await step_up("export"))
    assert archive.content.startswith(b"PK")
    await tour.visit("POST /api/account/erase", {"phrase": "no"}, status=422)
    await tour.visit("POST /api/account/erase", {"phrase": "erase my account"}, headers=await step_up("erase"))


# ── what is documented ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_the_api_document_is_valid_and_the_one_that_is_served(tell: Tell) -> None:
    validate(DOCUMENT)

    async def story(world: World) -> None:
        answer = await ask(world, "GET", "/api/openapi.json")
        assert answer.json() == DOCUMENT

    tell(story)


def may_not_know_who(route: Route) -> bool:
    return name_of(route) in {"POST /api/auth/login", "POST /api/auth/refresh"}


def test_every_route_is_in_the_api_document_with_all_its_statuses() -> None:
    described = {(method.upper(), path): operation for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()}
    api = [route for route in ROUTES if not is_page(route)]
    assert described.keys() == {(route.method, route.path) for route in api}
    for route in api:
        operation = described[route.method, route.path]
        told = {route.status, *route.other_statuses, *problems(route), *(problem.status for problem in route.problems)}
        assert {int(status) for status in operation["responses"]} == told, name_of(route)
        assert (operation["operationId"], operation["summary"]) == (route.name, route.summary)
        assert (operation["security"] == []) is not is_closed(route)
        assert {401} & told == ({401} if is_closed(route) or may_not_know_who(route) else set()), name_of(route)


def test_every_error_that_a_route_names_has_a_documented_code() -> None:
    named: Mapping[str, type[TimosError]] = {problem.code: problem for route in ROUTES for problem in route.problems}
    assert named
    for code, problem in named.items():
        assert re.search(rf"^\| `{code}` \| {problem.status} \|", ERRORS, re.MULTILINE), code
    for route in ROUTES:
        for status, codes in problems(route).items():
            for code in codes:
                assert re.search(rf"^\| `{code}` \| {status} \|", ERRORS, re.MULTILINE), (name_of(route), code)


# ── what is not there ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_not_there_is_a_problem_too(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        paths = ["/api", "/api/", "/api/nothing", "/api/entries/", f"/api/entries/{DAY}/", f"/api//entries/{DAY}", "/API/entries"]
        paths += [
            f"/api/feels/{DAY}/noon",
            "/assets/",
            "/assets/%2e%2e/api/instance",
            "/static/app.js",
            "/_web/index.html",
            "/.env",
            "/index.html",
            "/api/entries/a/b/c",
            "/livez/",
        ]
        for path in paths:
            for method in ("GET", "PUT", "POST", "DELETE", "OPTIONS"):
                for headers in ({}, sam.headers):
                    answer = await ask(world, method, path, headers=headers)
                    assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path)
                    assert answer.headers["content-type"] == "application/problem+json"

    tell(story)


def test_another_method_is_refused_with_those_there_are(tell: Tell) -> None:
    async def story(world: World) -> None:
        for path in {route.path for route in ROUTES}:
            own = {route.method for route in ROUTES if route.path == path}
            allowed = sorted({*own, "OPTIONS", *({"HEAD"} if "GET" in own else set())})
            address = path.replace("{day}", DAY).replace("{id}", "A" * 22)
            for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND"} - set(allowed):
                answer = await ask(world, method, address)
                assert answer.status_code == 405, (method, path)
                assert answer.headers["allow"] == ", ".join(allowed), path
                assert method == "HEAD" or answer.json()["code"] == "method"
            options = await ask(world, "OPTIONS", address)
            assert (options.status_code, options.headers["allow"], options.content) == (204, ", ".join(allowed), b"")

    tell(story)


def test_head_answers_like_get_without_a_body(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = (await desk_of(world, ADDRESSED[0])).person
        for sample in ADDRESSED:
            assert (await sam.call("PUT", sample.address(), sample.full)).status_code == 201
        for route in ROUTES:
            if route.method != "GET":
                continue
            plain = {"accept-encoding": "identity"}  # the length of what is unpacked again would be another
            got, head = [await sam.call(method, address_of(route), headers=plain) for method in ("GET", "HEAD")]
            assert (head.status_code, head.content) == (got.status_code, b""), name_of(route)
            assert head.headers["content-length"] == str(len(got.content)), name_of(route)

    tell(story)
