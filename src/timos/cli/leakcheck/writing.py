"""Canaries in everything that a person can send, and in what is refused."""

import io
import json
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import httpx

from timos.cli.leakcheck.report import Words
from timos.cli.leakcheck.server import client_of, ok
from timos.cli.leaksearch import Canary

DAY, IMPORT_DAY, NOTE_DAY = date(1066, 10, 14), date(1066, 12, 25), date(1067, 1, 6)  # days that no program writes by itself
WEEK = "1066-W41"  # of DAY
PLATFORM_FILES = ("platform.db*", "keys.json")  # the wrapped keys of a backup name their users, too
VAULT_FILES = ("vault.db*",)


@contextmanager
def signed_up(url: str, words: Words, address: str, password: str, *, token: str | None = None) -> Iterator[httpx.Client]:
    """A new account, and who uses it."""
    body = {"address": address, "password": password, "name": words.new("name"), "token": token, "kind": "bearer"}
    with client_of(url, agent=words.new("device")) as client:
        answer = ok(client.post("/api/auth/signup", json=body))
        _bear(client, words, answer)
        words.add_id("a user id", answer["user"]["id"], *PLATFORM_FILES)
        for session in ok(client.get("/api/auth/sessions"))["items"]:
            words.add_id("a session id", session["id"], *PLATFORM_FILES)
        yield client


def _bear(client: httpx.Client, words: Words, answer: Any) -> None:  # Any: JSON
    client.headers["Authorization"] = f"Bearer {answer['access_token']}"
    for part in answer["access_token"].split(".")[1:]:
        words.add("an access token", part)
    words.add("a refresh token", answer["refresh_token"])


def write_days(client: httpx.Client, words: Words) -> None:
    """What every account has: one row that spans pages, and one that does not."""
    body = {"title": words.new("title"), "body": words.new("body") + " " + "x" * 3000, "tags": [words.new("tag")]}
    ok(client.put(f"/api/entries/{DAY}", json=body))
    ok(client.put(f"/api/feels/{DAY}/morning", json={"avoiding": words.new("feels")}))


def use_everything(client: httpx.Client, words: Words, password: str, address: str) -> None:
    """What a user can do, each with a canary; some of it is refused, which must not be told either."""
    valence = secrets.randbelow(10**15) / 10**15
    words.canaries.append(Canary.of_number("a number", valence))
    headers = {"Idempotency-Key": words.new("key")}
    ok(client.post(f"/api/entries/{DAY}/notes", json={"text": words.new("note")}, headers=headers))
    ok(client.put(f"/api/feels/{DAY}/evening", json={"honest_note": words.new("evening")}))
    go_round_the_loop(client, words)
    ok(client.patch(f"/api/feels/{DAY}/morning", json={"valence": valence}))
    ok(client.put("/api/preferences", json={"prompts": [words.new("prompt")]}))
    lines = json.dumps({"date": IMPORT_DAY.isoformat(), "text": words.new("import")})
    ok(client.post("/api/imports", params={"format": "jsonl"}, content=lines, headers={"Content-Type": "application/x-ndjson"}))
    ok(client.delete(f"/api/entries/{IMPORT_DAY}"))
    _import_folder(client, words)
    ok(client.post("/api/search", json={"query": words.new("search")}))
    ok(client.get("/api/today", params={"day": DAY.isoformat()}))
    ok(client.patch("/api/auth/profile", json={"name": words.new("second name")}))
    _be_refused(client, words)
    granted = ok(client.post("/api/auth/step-up", json={"password": password, "action": "export"}))
    words.add("a step-up token", granted["token"])
    client.post("/api/exports", headers={"X-Step-Up": granted["token"]}).read()
    changed = words.add("a new password", f"canary second passphrase {secrets.token_hex(8)}")
    _bear(client, words, ok(client.post("/api/auth/password", json={"current_password": password, "new_password": changed})))
    with client_of(str(client.base_url), agent=words.new("browser")) as browser:
        answer = ok(browser.post("/api/auth/login", json={"address": address, "password": changed, "kind": "cookie"}))
        words.add("a CSRF token", answer["csrf_token"])
        for name, value in browser.cookies.items():
            words.add(f"cookie {name}", value)


def _import_folder(client: httpx.Client, words: Words) -> None:
    """Markdown notes: what the files are called is the user's too, whether it is taken or refused; and what is undone is gone."""
    packed = io.BytesIO()
    folder = words.new("folder")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{folder}/{NOTE_DAY}.md", f"# {words.new('heading')}\n\n{words.new('page')} #{words.new('hashtag')}\n")
        archive.writestr(f"{folder}/{words.new('file')}.md", words.new("undated page"))
    sent: Any = {"content": packed.getvalue(), "headers": {"Content-Type": "application/zip"}}  # Any: keyword arguments
    ok(client.post("/api/imports", params={"format": "markdown", "dry_run": "true"}, **sent))
    batch = ok(client.post("/api/imports", params={"format": "markdown"}, **sent))["report"]["batch"]
    words.add_id("an import's id", batch)
    ok(client.get("/api/imports"))
    ok(client.delete(f"/api/imports/{batch}"))


def go_round_the_loop(client: httpx.Client, words: Words) -> None:
    """Pillars, habits, moods and the week: names, notes and ids of each, also where an address holds them."""
    measured = {"purpose": words.new("purpose"), "target_text": words.new("target"), "unit": words.new("unit")[:32]}
    pillar = _made(client, words, "pillar", **measured)
    ok(client.patch(f"/api/pillars/{pillar}", json={"name": words.new("second pillar name")}))
    ok(client.patch(f"/api/entries/{DAY}", json={"pillars": [{"pillar": pillar, "note": words.new("pillar note")}]}))
    habit, mood = _made(client, words, "habit"), _made(client, words, "mood")
    ok(client.put(f"/api/habits/{habit}/days/{DAY}", json={"note": words.new("tick")}))
    ok(client.delete(f"/api/habits/{habit}/days/{DAY}"))
    ok(client.put(f"/api/habits/{habit}/days/{DAY}", json={"note": words.new("second tick")}))
    ok(client.put(f"/api/pillars/scores/{DAY}", json={"scores": {pillar: {"value": 7, "note": words.new("score")}}}))
    logged = {"mood": mood, "day": DAY.isoformat(), "note": words.new("mood log"), "tags": [words.new("mood tag")]}
    ok(client.post("/api/moods/log", json=logged))
    recap = {
        "highlights": [words.new("highlight")],
        "corrections": [{"text": words.new("correction")}],
        "reflection": words.new("reflection"),
    }
    ok(client.put(f"/api/weekly/{WEEK}", json=recap))
    ok(client.post(f"/api/weekly/{WEEK}/complete"))
    for path in (f"pillars/{pillar}", f"habits/{habit}", f"moods/{mood}"):
        ok(client.post(f"/api/{path}/archive"))
        ok(client.post(f"/api/{path}/restore"))
    for path, record_id in (("pillars", pillar), ("habits", habit)):
        ok(client.put(f"/api/{path}/order", json={"ids": [_made(client, words, path.removesuffix("s")), record_id]}))
    _be_refused_in_the_loop(client, words)
    for path in ("/api/today", "/api/insights", "/api/habits/streaks", f"/api/moods/log?from={DAY}&to={DAY}"):
        ok(client.get(path))


def _made(client: httpx.Client, words: Words, what: str, **more: str) -> str:
    """The id of a new one."""
    made: str = ok(client.post(f"/api/{what}s", json={"name": words.new(what), **more}))["id"]
    words.add_id(f"the id of a {what}", made)
    return made


def _be_refused_in_the_loop(client: httpx.Client, words: Words) -> None:
    wrong = words.new("refused in the loop")
    client.put(f"/api/pillars/scores/{DAY}", json={"scores": {words.new("unknown pillar"): {"value": 7}}})
    client.post("/api/habits", json={"name": words.new("refused habit"), "schedule": words.new("refused schedule")})
    client.put("/api/pillars/order", json={"ids": [wrong]})
    client.post(f"/api/moods/{wrong}/archive")
    client.delete(f"/api/habits/{wrong}/days/{wrong}")
    client.delete(f"/api/imports/{wrong}")
    client.get(f"/api/weekly/{wrong}")


def _be_refused(client: httpx.Client, words: Words) -> None:
    wrong = words.new("refused")
    client.put(f"/api/entries/{DAY}", json={"title": wrong, "nonsense": wrong})
    client.put(f"/api/entries/{DAY}", json={"title": words.new("conflict")})
    client.put(f"/api/entries/{DAY}", content=f'{{"title": "{wrong}", "title": 1}}', headers={"Content-Type": "application/json"})
    client.get(f"/api/entries/{wrong}")
    client.get("/api/entries", params={"from": wrong, wrong: "1"})
    client.get(f"/{wrong}", headers={"X-Request-Id": wrong, "Origin": f"https://{wrong}.example.org"})
    client.post("/api/auth/login", json={"address": f"{wrong}@example.org", "password": wrong, "kind": "bearer"})
    client.get("/api/auth/session", headers={"Authorization": f"Bearer {wrong}"})
