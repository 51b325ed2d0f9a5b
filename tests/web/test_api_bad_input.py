"""What a careless or hostile client sends: each gets a clear answer, and nothing is changed."""

import gzip
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import Json, Person, Story, World
from tests.web.browser import ask

Tell = Callable[[Story], None]
DAY = "/api/entries/2026-11-20"
JSON = {"content-type": "application/json"}
BEFORE = {"title": "Before", "body": "as it was", "tags": ["old"]}
MALFORMED, INVALID, TOO_LARGE, MEDIA = (400, "malformed"), (422, "invalid"), (413, "too_large"), (415, "media_type")


def content_of(path: Path) -> str:
    """Every row of a database, without what a mere request may touch: counters of attempts and the audit of what was refused."""
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(line for line in connection.iterdump() if not line.startswith(('INSERT INTO "attempt', 'INSERT INTO "audit')))


def state(world: World) -> str:
    return content_of(world.places.platform) + content_of(world.places.vault)


def told(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, problem["code"]


async def somebody(world: World) -> Person:
    sam = await world.sign_up()
    assert (await sam.call("PUT", DAY, BEFORE)).status_code == 201
    return sam


def put(sam: Person, content: bytes, headers: Mapping[str, str] = JSON, method: str = "PUT") -> Any:
    return sam.call(method, DAY, content=content, headers={"if-match": "*", **headers})


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────

NO_JSON = {
    "nothing": b"",
    "blanks": b" \n",
    "half": b'{"title":"a"',
    "more after it": b'{"title":"a"} {"title":"b"}',
    "a trailing comma": b'{"title":"a",}',
    "single quotes": b"{'title':'a'}",
    "a comment": b'{"title":"a"} // b',
    "a byte order mark": b'\xef\xbb\xbf{"title":"a"}',
    "a raw line break": b'{"title":"a\nb"}',
    "UTF-16": '{"title":"a"}'.encode("utf-16"),
    "invalid UTF-8": b'{"title":"\xff"}',
    "overlong UTF-8": b'{"title":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"title":"\xed\xa0\x80"}',
    "a lone high surrogate": b'{"title":"\\ud800"}',
    "a lone low surrogate": b'{"title":"\\udfff and on"}',
    "surrogates the wrong way round": b'{"title":"\\udc00\\ud800"}',
    "NaN": b'{"title":NaN}',
    "Infinity": b'{"title":Infinity}',
    "-Infinity": b'{"notes":[-Infinity]}',
    "a name twice": b'{"title":"a","title":"b"}',
    "a name twice, once escaped": b'{"title":"a","\\u0074itle":"b"}',
    "a name twice further in": b'{"source":{"name":"a","name":"b"}}',
    "a name twice where it is unknown": b'{"x":{"a":1,"a":1}}',
    "33 levels": b'{"tags":' + b"[" * 32 + b"]" * 32 + b"}",
    "33 levels of objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "100,000 levels": b'{"tags":' + b"[" * 100_000,
    "100,000 closed levels": b"[" * 100_000 + b"]" * 100_000,
    "a number of 5,000 digits": b'{"title":' + b"1" * 5000 + b"}",
}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_two_readers_would_read_differently_is_no_json(tell: Tell, method: str) -> None:
    async def story(world: World) -> None:
        sam = await somebody(world)
        before = state(world)
        for name, raw in NO_JSON.items():
            assert told(await put(sam, raw, method=method)) == MALFORMED, name
        assert state(world) == before

    tell(story)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_json_but_no_entry_is_refused_at_its_place(tell: Tell, method: str) -> None:
    wrong: dict[str, tuple[Json, str]] = {
        "a field that is not known": ({"titel": "a"}, "$"),
        "one that looks like a place": ({"$.tags[0]": "a"}, "$"),
        "one of ours, in another case": ({"Title": "a"}, "$"),
        "a number for a text": ({"title": 5}, "$.title"),
        "an object for a text": ({"body": {"a": 1}}, "$.body"),
        "a text for a list": ({"tags": "a"}, "$.tags"),
        "a number in a list": ({"tags": ["a", 5]}, "$.tags[1]"),
        "an empty tag": ({"tags": [""]}, "$.tags[0]"),
        "a tag that is too long": ({"tags": ["a", "b", "x" * 65]}, "$.tags[2]"),
        "too many tags": ({"tags": ["a"] * 51}, "$.tags"),
        "a title that is too long": ({"title": "x" * 201}, "$.title"),
        "one for a truth": ({"completed": 1}, "$.completed"),
        "a number beyond 64 bits": ({"title": 2**70}, "$.title"),
        "a note without a text": ({"notes": [{"id": "a"}]}, "$.notes[0].text"),
        "an unknown field of a note": ({"notes": [{"id": "a", "text": "b", "extra": 1}]}, "$"),
        "an instant without a zone": ({"notes": [{"id": "a", "text": "b", "at": "2026-11-20T10:00:00"}]}, "$.notes[0].at"),
        "an instant that is none": ({"notes": [{"id": "a", "text": "b", "at": "2026-11-20T25:00:00Z"}]}, "$.notes[0].at"),
        "too many notes": ({"notes": [{"id": str(n), "text": "x"} for n in range(201)]}, "$.notes"),
        "a pillar without a name": ({"pillars": [{"note": "x"}]}, "$.pillars[0].pillar"),
    }

    async def story(world: World) -> None:
        sam = await somebody(world)
        before = state(world)
        for name, (body, path) in wrong.items():
            answer = await put(sam, json.dumps(body).encode(), method=method)
            assert (told(answer), answer.json()["path"]) == (INVALID, path), name
            assert "titel" not in answer.text  # what was written is not repeated
        assert state(world) == before

    tell(story)


NUMBERS: dict[str, tuple[str, bytes]] = {
    "above": ("$.mental_state", b"6"),
    "below": ("$.mental_state", b"0"),
    "huge": ("$.mental_state", b"1" + b"0" * 400),
    "huge, but within 64 bits": ("$.mental_state", b"9223372036854775807"),
    "a fraction for a whole number": ("$.mental_state", b"2.5"),
    "a text": ("$.mental_state", b'"3"'),
    "out of range": ("$.valence", b"1.0000001"),
    "more hours than a day has": ("$.sleep_hours", b"24.5"),
    "a float that is none": ("$.valence", b"1e400"),
}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_numbers_are_held_to_their_bounds(tell: Tell, method: str) -> None:
    path = "/api/feels/2026-11-20/morning"

    async def story(world: World) -> None:
        sam = await world.sign_up()
        await sam.call("PUT", path, {"mental_state": 3, "valence": 0.5})
        before = state(world)
        for name, (place, number) in NUMBERS.items():
            content = b'{"%b":%b}' % (place.removeprefix("$.").encode(), number)
            answer = await sam.call(method, path, content=content, headers={**JSON, "if-match": "*"})
            assert told(answer) in {INVALID, MALFORMED}, name
            if told(answer) == INVALID and number != b"1e400":
                assert answer.json()["path"] == place, name
        assert state(world) == before

    tell(story)


def test_bodies_over_the_limit_are_refused_declared_or_not(tell: Tell) -> None:
    two_mib = b'{"body":"' + b"x" * (2 * 1024 * 1024) + b'"}'

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(two_mib), 65_536):
            yield two_mib[start : start + 65_536]

    async def story(world: World) -> None:
        sam = await somebody(world)
        before = state(world)
        for path in (DAY, "/api/feels/2026-11-20/morning", "/api/feels/2026-11-20/evening", "/api/preferences"):
            for method in ("PUT", "PATCH"):
                assert told(await sam.call(method, path, content=two_mib, headers=JSON)) == TOO_LARGE, path
                assert told(await sam.call(method, path, content=pieces(), headers=JSON)) == TOO_LARGE, path
        for path in (f"{DAY}/notes", "/api/search", "/api/auth/login", "/api/auth/signup", "/api/auth/password", "/api/account/erase"):
            assert told(await sam.call("POST", path, content=two_mib, headers=JSON)) == TOO_LARGE, path
        assert state(world) == before

    tell(story)


def test_the_body_of_an_entry_has_a_mebibyte_of_characters(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await somebody(world)
        before = state(world)
        answer = await put(sam, json.dumps({"body": "x" * (1024 * 1024 + 1)}).encode())
        assert (told(answer), answer.json()["path"]) == (INVALID, "$.body")
        assert state(world) == before
        assert (await put(sam, json.dumps({"body": "x" * 1024 * 1024}).encode())).status_code == 200

    tell(story)


def test_a_body_of_another_type_or_coding_is_refused(tell: Tell) -> None:
    raw = json.dumps({"title": "after"}).encode()
    wrong: list[tuple[bytes, dict[str, str], tuple[int, str]]] = [
        (raw, {"content-type": "text/plain"}, MEDIA),  # what a form elsewhere can send without asking
        (raw, {"content-type": "application/x-www-form-urlencoded"}, MEDIA),
        (raw, {"content-type": "multipart/form-data; boundary=x"}, MEDIA),
        (raw, {"content-type": "application/jsonp"}, MEDIA),
        (raw, {"content-type": ""}, MEDIA),
        (raw, {"content-type": "application/json; charset=utf-16"}, MEDIA),
        (raw, {"content-type": "application/json; charset=latin-1"}, MEDIA),
        (gzip.compress(raw), {**JSON, "content-encoding": "gzip"}, MEDIA),
        (gzip.compress(b" " * 10_000_000), {**JSON, "content-encoding": "gzip"}, MEDIA),
        (raw, {**JSON, "content-encoding": "br"}, MEDIA),
        (raw, {**JSON, "transfer-encoding": "gzip, chunked"}, MALFORMED),
    ]

    async def story(world: World) -> None:
        sam = await somebody(world)
        before = state(world)
        for content, headers, expected in wrong:
            assert told(await put(sam, content, headers)) == expected, headers
        assert told(await put(sam, raw, {})) == MEDIA
        assert told(await sam.call("GET", DAY, content=raw, headers=JSON)) == MALFORMED  # no body is taken there
        assert told(await sam.call("DELETE", DAY, content=raw, headers=JSON)) == MALFORMED
        assert state(world) == before
        assert (await put(sam, raw, {"content-type": "Application/JSON; charset=UTF-8"})).status_code == 200

    tell(story)


# ── addresses, queries and headers ───────────────────────────────────────────────────────────────────────────────────


def test_a_query_that_is_not_understood_is_refused(tell: Tell) -> None:
    wrong = {
        "/api/entries": {
            "day=2026-11-20": "query",
            "from=2026-11-20&from=2026-11-20": "query",
            "fro%6d=2026-11-20&from=2026-11-20": "query",
        },
        "/api/today": {"date=2026-11-20": "query", "day=x": "day", "day=": "day", "day=2026-11-20&day=2026-11-20": "query"},
        "/api/feels": {"limit=ten": "limit", "from=%ff": "query", "&": "query", "limit": "limit"},
        DAY: {"x": "query", "if-match=*": "query"},
        "/api/preferences": {"from=2026-11-20": "query"},
        "/api/instance": {"v=1": "query"},
        "/livez": {"v": "query"},
    }

    async def story(world: World) -> None:
        sam = await somebody(world)
        for path, queries in wrong.items():
            for query, place in queries.items():
                answer = await sam.call("GET", f"{path}?{query}")
                assert (told(answer), answer.json()["path"]) == (INVALID, place), (path, query)
        many = "&".join(f"p{number}=1" for number in range(60))
        assert told(await sam.call("GET", f"/api/entries?{many}")) == TOO_LARGE
        before = state(world)
        for query in ("dry_run=maybe", "dry_run=", "dry_run=true&dry_run=false", "dryrun=true", "format=csv", "format=jsonl&x=1"):
            line = b'{"date":"2026-01-01","text":"x"}'
            answer = await sam.call("POST", f"/api/imports?{query}", content=line, headers={"content-type": "application/x-ndjson"})
            assert told(answer) == INVALID, query
        assert state(world) == before

    tell(story)


def test_an_address_that_is_none_of_ours_is_not_there(tell: Tell) -> None:
    paths = [
        "/api/entries/" + "9" * 10_000,
        "/" + "a/" * 5_000,
        "/api/entries/2026-11-20%2fnotes",
        "/api/entries/2026-11-20%2Fnotes",
        "/api/entries/%ff",
        "/api/entries/%00",
        "/api/entries/2026-11-20%0d%0aset-cookie:x",
        "/api/entries/2026-11-20;x",
        "/api/entries/..%2f..%2fetc%2fpasswd",
        "/api/entries/2026-11-20/notes/1",
        "/api/auth/sessions/" + "A" * 10_000,
        "/assets/../../key/master.json",
        "/assets/%2e%2e/%2e%2e/key/master.json",
        "/assets/..%2f..%2fkey%2fmaster.json",
    ]

    async def story(world: World) -> None:
        sam = await somebody(world)
        before = state(world)
        for path in paths:
            for method in ("GET", "DELETE"):
                answer = await sam.call(method, path)
                assert told(answer) in {(404, "not_found"), (405, "method"), INVALID}, path
                assert "99999999" not in answer.text
                assert "set-cookie" not in answer.headers
        assert state(world) == before

    tell(story)


def test_headers_are_held_to_their_form(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await somebody(world)
        before = state(world)
        raw = b'{"title":"after"}'
        for tag in ("x", '"x', "W/", "", '"a",', "*x"):
            answer = await sam.call("PUT", DAY, content=raw, headers={**JSON, "if-match": tag})
            assert (told(answer), answer.json()["path"]) == (INVALID, "If-Match"), tag
        for key in ("", "x" * 201, "a\tb"):
            answer = await sam.call("POST", f"{DAY}/notes", {"text": "a note"}, headers={"idempotency-key": key})
            assert (told(answer), answer.json()["path"]) == (INVALID, "Idempotency-Key"), key
        twice = [
            ("authorization", sam.headers["authorization"]),
            ("if-match", "*"),
            ("if-match", "*"),
            ("content-type", "application/json"),
        ]
        assert told(await world.client.request("PUT", DAY, headers=twice, content=raw)) == MALFORMED
        answer = await sam.call("GET", DAY, headers={"x-long": "x" * 20_000})
        assert (told(answer), answer.json()["path"]) == (TOO_LARGE, "headers")
        assert told(await ask(world, "GET", "/api/instance", headers={"host": "evil.example"})) == (421, "misdirected")
        assert state(world) == before

    tell(story)


def test_what_is_refused_is_not_repeated_in_the_answer_or_the_log(tell: Tell) -> None:
    secret = "xyzzy"

    async def story(world: World) -> None:
        sam = await somebody(world)
        asked = [
            await put(sam, json.dumps({secret: secret}).encode()),
            await put(sam, json.dumps({"tags": [secret, 5]}).encode()),
            await put(sam, json.dumps({"completed": secret}).encode()),
            await put(sam, b'{"title":"%b' % secret.encode()),
            await put(sam, b'{"%b":1,"%b":2}' % (secret.encode(), secret.encode())),
            await sam.call("GET", f"/api/entries/{secret}"),
            await sam.call("GET", f"/api/entries?{secret}={secret}"),
            await sam.call("GET", f"/api/entries?from={secret}"),
            await sam.call("GET", f"/{secret}"),
            await sam.call("POST", "/api/search", {"query": f'"{secret}'}),
            await sam.call("POST", "/api/search", {"query": secret, "collections": [secret]}),
            await sam.call("PUT", "/api/preferences", {"time_zone": secret}),
            await sam.call("POST", f"{DAY}/notes", {"text": ""}, headers={"idempotency-key": secret}),
            await sam.call("POST", "/api/auth/login", {"address": secret, "password": secret}),
        ]
        for number, answer in enumerate(asked):
            assert answer.is_client_error, number
            assert secret not in answer.text, number
        assert secret not in (world.folder / "log.jsonl").read_text(encoding="utf-8")

    tell(story)


# ── somebody else's ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_elses_session_cannot_be_ended_or_seen(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        (hers,) = (await ann.call("GET", "/api/auth/sessions")).json()["items"]
        before = state(world)
        answer = await sam.call("DELETE", f"/api/auth/sessions/{hers['id']}")
        assert told(answer) == (404, "not_found")
        assert state(world) == before
        assert (await ann.call("GET", "/api/auth/session")).status_code == 200

    tell(story)


# ── imports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lines_that_are_no_entries_are_reported_and_do_not_keep_the_others_out(tell: Tell) -> None:
    lines = {
        b'{"date":"2026-01-01","text":"good"}': None,
        b"no JSON": "2",
        b'{"date":"2026-02-30","text":"xyzzy"}': "3",
        b'{"date":"2026-12-31","text":"xyzzy"}': "4",
        b'{"date":"0999-12-31","text":"xyzzy"}': "5",
        b'{"date":"2026-W01-1","text":"xyzzy"}': "6",
        b'{"date":"2026-01-02","text":"xyzzy","x":1}': "7",
        b'{"date":"2026-01-02","text":"a","text":"b"}': "8",
        b'{"date":"2026-01-02","text":"\\ud800"}': "9",
        b'{"date":"2026-01-02","text":"\xff"}': "10",
        b'{"date":"2026-01-02","text":5}': "11",
        b"[" * 5000: "12",
        b'{"date":"2026-01-02","text":"' + b"x" * (1024 * 1024 + 1) + b'"}': "13",
        b'{"date":"2026-01-01","text":"xyzzy"}': "14",
        b'{"date":"2026-01-03","text":"good too"}': None,
    }

    async def story(world: World) -> None:
        sam = await somebody(world)
        before = state(world)
        for dry_run in ("true", "false"):
            answer = await sam.call(
                "POST", f"/api/imports?dry_run={dry_run}", content=b"\n".join(lines), headers={"content-type": "application/x-ndjson"}
            )
            assert answer.status_code == 200
            report = answer.json()["report"]
            assert (report["new"], report["same"], report["conflict"], report["refused"]) == (2, 0, 0, 13), report
            assert [problem["where"] for problem in report["problems"]] == [f"line {at}" for at in lines.values() if at]
            assert "xyzzy" not in answer.text
            if dry_run == "true":
                assert state(world) == before
        listed = (await sam.call("GET", "/api/entries?from=2026-01-01&to=2026-01-31")).json()["items"]
        assert [item["document"]["body"] for item in listed] == ["good", "good too"]

    tell(story)


@pytest.mark.parametrize("raw", [b"", b"PK", b"PK\x05\x06" + b"\0" * 18, b"no zip at all", b"PK\x03\x04" + b"\xff" * 100])
def test_what_is_no_archive_is_refused_as_a_whole(tell: Tell, raw: bytes) -> None:
    async def story(world: World) -> None:
        sam = await somebody(world)
        before = state(world)
        answer = await sam.call("POST", "/api/imports?format=archive", content=raw, headers={"content-type": "application/zip"})
        assert told(answer) in {INVALID, MALFORMED, MEDIA}, answer.text
        assert state(world) == before

    tell(story)
