"""The built web app as it is served: a stand-in for the build, the real routes and the real frame."""

import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from tests.web.frame import Site
from timos import app
from timos.web.api import pages
from timos.web.shell import Shell, load

INDEX = b"<!doctype html><title>TimOS</title>" + b" " * 600
SCRIPT = b"console.log('hello');" * 50
FILES = {
    "index.html": INDEX,
    "index.html.gz": gzip.compress(INDEX, mtime=0),
    "index.html.br": b"brotli of the page",
    "sw.js": b"// worker",
    "manifest.webmanifest": b"{}",
    "icons/timos.svg": b"<svg/>",
    "assets/index-x1.js": SCRIPT,
    "assets/index-x1.js.gz": gzip.compress(SCRIPT, mtime=0),
    "assets/index-x1.js.br": b"brotli of the script",
    "assets/secret.pem": b"no kind of file that a page has",
    "reference/index.html": b"<!doctype html><title>The API</title>",
    "reference/start.js": b"// start",
    "reference/LICENSE.txt": b"Apache",
    "build.json": b"{}",
}
PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types svelte-trusted-html timos"
)
ADDRESSES = [
    "/",
    "/day/2026-11-22",
    "/calendar",
    "/calendar/2026-11",
    "/insights",
    "/week",
    "/week/2026-W47",
    "/pillars",
    "/pillars/AAAAAAAAAAAAAAAAAAAAAA",
    "/habits",
    "/moods",
    "/search",
    "/settings",
    "/settings/security",
    "/welcome",
    "/login",
    "/signup",
    "/lock",
]


def written(folder: Path, files: dict[str, bytes]) -> Shell:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return load(folder)


def site_of(shell: Shell) -> Site:
    return Site(*pages.routes(), app=SimpleNamespace(shell=shell), missing=pages.MISSING)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_of(written(tmp_path, FILES))


def get(site: Site, path: str, **headers: str) -> httpx.Response:
    return site.ask(
        "GET", path, headers={name.replace("_", "-"): value for name, value in {"accept_encoding": "identity", **headers}.items()}
    )


# ── which address shows what ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_screen_has_an_address_that_can_be_opened_again(site: Site, path: str) -> None:
    answer = get(site, path)
    assert (answer.status_code, answer.content) == (200, INDEX)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == PAGE_CSP


def test_every_screen_is_tried_here() -> None:
    assert len(ADDRESSES) == len(pages.SCREENS)


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/assets/index-x1.js", "text/javascript; charset=utf-8"),
        ("/icons/timos.svg", "image/svg+xml"),
        ("/sw.js", "text/javascript; charset=utf-8"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/api/docs", "text/html; charset=utf-8"),
        ("/api/docs/start.js", "text/javascript; charset=utf-8"),
        ("/api/docs/LICENSE.txt", "text/plain; charset=utf-8"),
    ],
)
def test_every_file_says_what_it_is(site: Site, path: str, media_type: str) -> None:
    answer = get(site, path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        "/day",
        "/nothing",
        "/assets",
        "/assets/",
        "/assets/nothing.js",
        "/assets/index-x1.js.br",
        "/assets/secret.pem",
        "/assets/../build.json",
        "/assets/%2e%2e%2fbuild.json",
        "/assets/..%2Findex.html",
        "/icons/index-x1.js",
        "/api/docs/index-x1.js",
        "/build.json",
        "/_web/index.html",
        "/settings/a/b",
    ],
)
def test_what_is_no_page_is_a_problem(site: Site, path: str) -> None:
    answer = get(site, path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.headers["cache-control"] == "private, no-store"  # or a cache would keep a missing asset for a year


AS_A_BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("path", ["/nothing", "/day", "/settings/a/b", "/index.html", "/apiary", "/a//b"])
def test_a_browser_at_an_address_that_is_none_is_shown_the_app_which_says_so(site: Site, path: str) -> None:
    answer = get(site, path, accept=AS_A_BROWSER, if_none_match="*")
    assert (answer.status_code, answer.content) == (404, INDEX)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == PAGE_CSP
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert "etag" not in answer.headers
    assert [line["route"] for line in site.lines] == ["unmatched"]


def test_the_page_that_says_so_is_compressed_like_every_page(site: Site) -> None:
    answer = get(site, "/nothing", accept="text/html", accept_encoding="gzip")
    assert (answer.status_code, answer.headers["content-encoding"], answer.content) == (404, "gzip", INDEX)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/nothing"), ("GET", "/api"), ("GET", "/assets/nothing.js"), ("POST", "/nothing"), ("GET", "/no%2Fthing")],
)
def test_a_program_gets_the_problem_also_where_it_runs_in_a_browser(site: Site, method: str, path: str) -> None:
    answer = site.ask(method, path, headers={"accept": AS_A_BROWSER, "origin": "http://localhost:8000"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_an_address_that_is_none_is_a_problem_while_nothing_is_built(tmp_path: Path) -> None:
    answer = get(site_of(load(tmp_path)), "/nothing", accept="text/html")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_what_follows_the_question_mark_is_the_pages_own_business(site: Site) -> None:
    assert get(site, "/search?from=2026-01-01&x=%00").status_code == 200


def test_the_log_has_the_template_and_never_the_day(site: Site) -> None:
    get(site, "/day/2026-11-22?mood=sad")
    assert [line["route"] for line in site.lines] == ["/day/{day}"]
    assert "2026-11-22?" not in site.log
    assert "/day/2026" not in site.log
    assert "sad" not in site.log


# ── caching ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_asset_is_kept_for_ever_and_nothing_else_is(site: Site) -> None:
    assert get(site, "/assets/index-x1.js").headers["cache-control"] == "public, max-age=31536000, immutable"
    for path in ("/", "/sw.js", "/manifest.webmanifest", "/icons/timos.svg", "/api/docs", "/api/docs/start.js"):
        assert get(site, path).headers["cache-control"] == "no-cache", path


def test_what_did_not_change_is_not_sent_again(site: Site) -> None:
    first = get(site, "/")
    etag = first.headers["etag"]
    assert etag.startswith('"')
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = get(site, "/day/2026-11-22", if_none_match=known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == "no-cache"
        assert again.headers["vary"] == "Accept-Encoding"
        assert "content-type" not in again.headers
    assert get(site, "/", if_none_match='"other"').status_code == 200


def test_another_content_has_another_tag(tmp_path: Path) -> None:
    before = get(site_of(written(tmp_path, FILES)), "/").headers["etag"]
    after = get(site_of(written(tmp_path, {"index.html": b"<!doctype html>"})), "/")
    assert after.headers["etag"] != before
    assert after.content == b"<!doctype html>"


# ── compression ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("br;q=0.1, gzip;q=1.0", "br"),  # the smallest that is taken at all
        ("BR", "br"),
        ("gzip", "gzip"),
        ("gzip, br;q=0", "gzip"),
        ("gzip, br;q=0.000", "gzip"),
        ("*", "br"),
        ("*, br;q=0", "gzip"),
        ("*;q=0", None),
        ("", None),
        ("identity", None),
        ("deflate, zstd", None),
        ("brr, xgzip", None),
        (",;,;;q=,", None),
        ("x, " * 100 + "br", None),
    ],
)
def test_a_client_gets_the_smallest_that_it_takes(tmp_path: Path, accepted: str, coding: str | None) -> None:
    found = written(tmp_path, FILES).find("index.html")
    assert found is not None
    variant = found.for_client(accepted)
    assert variant.coding.decode() == (coding or "")
    assert variant.body == FILES["index.html" + {"br": ".br", "gzip": ".gz", None: ""}[coding]]


def test_a_compressed_answer_says_so_and_has_a_tag_of_its_own(site: Site) -> None:
    plain, packed = get(site, "/assets/index-x1.js"), get(site, "/assets/index-x1.js", accept_encoding="gzip")
    assert packed.content == plain.content == SCRIPT
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["content-length"] == str(len(FILES["assets/index-x1.js.gz"]))
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    known = get(site, "/assets/index-x1.js", accept_encoding="gzip", if_none_match=packed.headers["etag"])
    assert known.status_code == 304
    assert get(site, "/assets/index-x1.js", if_none_match=packed.headers["etag"]).status_code == 200


def test_a_file_that_did_not_shrink_goes_as_it_is(site: Site) -> None:
    answer = get(site, "/icons/timos.svg", accept_encoding="br, gzip")
    assert (answer.content, "content-encoding" in answer.headers) == (b"<svg/>", False)


def test_head_tells_what_get_would_send(site: Site) -> None:
    head = site.ask("HEAD", "/assets/index-x1.js", headers={"Accept-Encoding": "br"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(FILES["assets/index-x1.js.br"]))
    assert head.headers["content-encoding"] == "br"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_page_is_only_read(site: Site, method: str) -> None:
    answer = site.ask(method, "/day/2026-11-22", headers={"Origin": "http://localhost:8000"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


# ── policies ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_worker_may_fetch_and_so_has_the_policy_of_the_pages(site: Site) -> None:
    assert get(site, "/sw.js").headers["content-security-policy"] == PAGE_CSP


def test_the_reference_differs_in_the_names_of_its_trusted_types_only(site: Site) -> None:
    for path in ("/api/docs", "/api/docs/start.js"):
        csp = get(site, path).headers["content-security-policy"]
        assert csp == PAGE_CSP.replace("svelte-trusted-html timos", "default dompurify")


# ── without a build ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_build_every_screen_says_how_to_make_one(tmp_path: Path) -> None:
    site = site_of(load(tmp_path / "nowhere"))
    for path in ("/", "/day/2026-11-22", "/login"):
        answer = get(site, path)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "private, no-store"
        assert "make run" in answer.text
        assert "script" not in answer.text
    for path in ("/sw.js", "/assets/index-x1.js", "/api/docs"):
        assert get(site, path).status_code == 404


def test_half_a_build_counts_as_none(tmp_path: Path) -> None:
    half = written(tmp_path, {name: content for name, content in FILES.items() if name != "build.json"})
    assert half.find("index.html") is None


def test_the_app_lies_in_the_package() -> None:
    assert Path(app.__file__).parent / "_web" == app.BUILT


def test_pages_are_none_of_the_api() -> None:
    told = json.dumps(app.document())
    assert "/assets/" not in told
    assert "/api/docs" not in told
