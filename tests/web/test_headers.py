import pytest

from tests.web.frame import BASE, OWN_PAGE, Site, public, route
from timos.kernel.errors import StartError
from timos.web.answers import Answer, json_answer
from timos.web.middleware.headers import PAGE_CSP
from timos.web.middleware.settings import WebSettings
from timos.web.route import Call

LISTED = "https://notes.example"
EVIL = "https://evil.example"


async def fail(_: Call) -> Answer:
    raise ZeroDivisionError


def test_every_answer_carries_the_security_headers_errors_too() -> None:
    site = Site(public(), public("GET", "/api/broken", fail), route(path="/api/mine"))
    asked = [("GET", "/api/things"), ("GET", "/api/broken"), ("GET", "/api/mine"), ("GET", "/nothing"), ("DELETE", "/api/things")]
    answers = [site.ask(method, path) for method, path in asked]
    answers.append(site.ask("GET", "/api/things", headers={"Host": EVIL}))
    assert [answer.status_code for answer in answers] == [200, 500, 401, 404, 405, 421]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["cache-control"] == "private, no-store"
        assert "camera=()" in answer.headers["permissions-policy"]
        assert answer.headers["x-request-id"]
        assert len(answer.headers.get_list("x-request-id")) == 1


def test_what_is_a_users_own_varies_with_the_user() -> None:
    assert Site(route()).as_user("GET", "/api/things").headers["vary"] == "Cookie, Authorization"


def test_a_page_has_its_own_policies() -> None:
    page = Site(public(csp=PAGE_CSP, cache="public, max-age=60")).ask("GET", "/api/things")
    assert page.headers["content-security-policy"] == PAGE_CSP
    assert page.headers["cache-control"] == "public, max-age=60"
    assert "unsafe" not in PAGE_CSP
    assert "vary" not in page.headers


def test_browsers_are_held_to_https_where_it_is_used() -> None:
    assert "strict-transport-security" not in Site(public()).ask("GET", "/api/things").headers
    assert "max-age=63072000" in Site(public(), is_https=True).ask("GET", "/api/things").headers["strict-transport-security"]


# ── other origins ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_other_origin_may_read_by_default() -> None:
    answer = Site(public()).ask("GET", "/api/things", headers={"Origin": EVIL})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_listed_origin_may_read_errors_too() -> None:
    site = Site(public(), origins=(LISTED,))
    for path in ("/api/things", "/nothing"):
        answer = site.ask("GET", path, headers={"Origin": LISTED})
        assert answer.headers["access-control-allow-origin"] == LISTED
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "ETag" in answer.headers["access-control-expose-headers"]
        assert answer.headers["vary"] == "Origin" if path == "/api/things" else "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", [EVIL, "null", LISTED.upper(), LISTED + ".evil.example", LISTED + "/"])
def test_an_origin_that_only_resembles_a_listed_one_may_not(origin: str) -> None:
    answer = Site(public(), origins=(LISTED,)).ask("GET", "/api/things", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


def test_a_preflight_is_answered_for_listed_origins_only() -> None:
    site = Site(route("PUT"), route("GET"), origins=(LISTED,))
    asking = {"Access-Control-Request-Method": "PUT"}
    listed = site.ask("OPTIONS", "/api/things", headers={**asking, "Origin": LISTED})
    assert listed.status_code == 204
    assert listed.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS, PUT"
    assert "X-CSRF-Token" in listed.headers["access-control-allow-headers"]
    assert "access-control-allow-methods" not in site.ask("OPTIONS", "/api/things", headers={**asking, "Origin": EVIL}).headers


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example", "notes.example", "https://notes.example/", "https://u@notes.example", "ftp://x"]
)
def test_a_careless_origin_stops_the_start(origin: str) -> None:
    with pytest.raises(StartError):
        WebSettings(hosts=("localhost",), origins=(origin,))


def test_no_host_stops_the_start() -> None:
    with pytest.raises(StartError):
        WebSettings(hosts=())


# ── forged requests ──────────────────────────────────────────────────────────────────────────────────────────────────

COOKIE = {"Cookie": "session=1"}


async def by_cookie(call: Call) -> None:
    call.who = type("Anyone", (), {"user_id": b"anna", "is_admin": False})()


@pytest.mark.parametrize(
    "headers",
    [
        COOKIE,
        {**COOKIE, "Origin": EVIL},
        {**COOKIE, "Origin": "null"},
        {**COOKIE, "Origin": "http://localhost:9999", "Sec-Fetch-Site": "same-site"},
        {**COOKIE, "Origin": "https://localhost:8000"},
        {**COOKIE, "Origin": BASE, "Sec-Fetch-Site": "cross-site"},
        {**COOKIE, "Origin": BASE, "Sec-Fetch-Site": "same-site"},
        {**COOKIE, "Sec-Fetch-Site": "same-origin"},
        {"Origin": EVIL},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_change_that_another_page_asked_for_is_refused(method: str, headers: dict[str, str]) -> None:
    site = Site(route(method), public(method, "/api/login"), identify=by_cookie)
    for path in ("/api/things", "/api/login"):
        answer = site.ask(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


@pytest.mark.parametrize("headers", [{**COOKIE, **OWN_PAGE}, {**COOKIE, "Origin": BASE}, {**COOKIE, "Origin": LISTED}, {}])
def test_our_own_page_listed_ones_and_programs_may_change_things(headers: dict[str, str]) -> None:
    site = Site(route("POST"), identify=by_cookie, origins=(LISTED,))
    assert site.ask("POST", "/api/things", headers=headers).status_code == 200


def test_a_bearer_token_needs_no_origin() -> None:
    site = Site(route("POST"))
    assert site.as_user("POST", "/api/things", headers={**COOKIE, "Origin": EVIL}).status_code == 200


def test_our_own_page_is_on_https_where_that_is_used() -> None:
    site = Site(route("POST"), identify=by_cookie, is_https=True)
    assert site.ask("POST", "/api/things", headers={**COOKIE, "Origin": "https://localhost:8000"}).status_code == 200
    assert site.ask("POST", "/api/things", headers={**COOKIE, "Origin": BASE}).status_code == 403


def test_reading_needs_no_origin() -> None:
    assert Site(route(), identify=by_cookie).ask("GET", "/api/things", headers=COOKIE).status_code == 200


def test_a_route_can_be_opened_by_name_only() -> None:
    site = Site(route("POST", csrf=False), identify=by_cookie)
    assert site.ask("POST", "/api/things", headers={**COOKIE, "Origin": EVIL}).status_code == 200


def test_an_answer_of_json_says_so() -> None:
    async def show(_: Call) -> Answer:
        return json_answer(b'{"spliced":1}', etag='"e"')

    answer = Site(public(handler=show)).ask("GET", "/api/things")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == '"e"'
    assert answer.json() == {"spliced": 1}
