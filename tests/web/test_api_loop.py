"""The loop through the API: pillars, habits, moods, weeks, and all of it on Today."""

import asyncio
from collections.abc import Callable

import pytest

from tests.support import Json, Person, Story, World

pytestmark = pytest.mark.every_engine

Tell = Callable[[Story], None]
DAY = "2026-11-22"  # a Sunday, the day of the tests' clock


async def made(person: Person, path: str, body: Json) -> Json:
    answer = await person.call("POST", path, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_pillar_is_made_once_by_name_and_key(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, eva = await world.sign_up("sam"), await world.sign_up("eva")
        key = {"idempotency-key": "tab-1"}
        first = await sam.call("POST", "/api/pillars", {"name": "Health", "purpose": "to be there"}, headers=key)
        again = await sam.call("POST", "/api/pillars", {"name": "Health", "purpose": "to be there"}, headers=key)
        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        other = await sam.call("POST", "/api/pillars", {"name": "Work"}, headers=key)
        assert (other.status_code, other.json()["code"]) == (409, "conflict")
        same_name = await sam.call("POST", "/api/pillars", {"name": " ＨEALTH "})
        assert (same_name.status_code, same_name.json()["code"]) == (409, "conflict")
        assert (await eva.call("POST", "/api/pillars", {"name": "Health"})).status_code == 201
        address = f"/api/pillars/{first.json()['id']}"
        assert (await eva.call("GET", address)).status_code == 404
        assert (await eva.call("PUT", address, {"name": "Mine"})).status_code == 404
        assert (await eva.call("PATCH", address, {"name": "Mine"})).status_code == 404
        work = await made(sam, "/api/pillars", {"name": "Work"})
        renamed = await sam.call("PATCH", f"/api/pillars/{work['id']}", {"name": "health"})
        assert renamed.json()["code"] == "conflict"
        assert (await sam.call("PATCH", f"/api/pillars/{work['id']}", {"name": "work"})).status_code == 200

    tell(story)


def test_order_archive_and_restore(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        ids = [(await made(sam, "/api/habits", {"name": name}))["id"] for name in ("Run", "Read", "Sleep")]
        assert (await sam.call("PUT", "/api/habits/order", {"ids": [ids[2], ids[0]]})).status_code == 204
        listed = (await sam.call("GET", "/api/habits")).json()["items"]
        assert [item["id"] for item in listed] == [ids[2], ids[0], ids[1]]
        unknown = await sam.call("PUT", "/api/habits/order", {"ids": [ids[0], "nobody"]})
        assert (unknown.status_code, unknown.json()["path"]) == (422, "$.ids[1]")
        archived = await sam.call("POST", f"/api/habits/{ids[0]}/archive")
        assert archived.json()["document"]["archived_at"]
        assert ids[0] not in [item["id"] for item in (await sam.call("GET", "/api/habits/today")).json()["habits"]]
        assert (await sam.call("POST", f"/api/habits/{ids[0]}/restore")).json()["document"]["archived_at"] is None
        assert (await sam.call("POST", "/api/habits/nobody/archive")).status_code == 404

    tell(story)


def test_two_devices_tick_different_habits_at_once(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        ids = [(await made(sam, "/api/habits", {"name": f"Habit {number}"}))["id"] for number in range(6)]
        answers = await asyncio.gather(*(sam.call("PUT", f"/api/habits/{one}/days/{DAY}", {"value": 1}) for one in ids))
        assert [answer.status_code for answer in answers] == [200] * 6
        today = (await sam.call("GET", "/api/habits/today")).json()
        assert today["day"] == DAY
        assert [item["tick"]["value"] for item in today["habits"]] == [1] * 6
        assert (await sam.call("DELETE", f"/api/habits/{ids[0]}/days/{DAY}")).status_code == 204
        assert (await sam.call("DELETE", f"/api/habits/{ids[0]}/days/{DAY}")).status_code == 404
        assert (await sam.call("PUT", f"/api/habits/nobody/days/{DAY}", {"value": 1})).status_code == 404
        streaks = (await sam.call("GET", "/api/habits/streaks")).json()["habits"]
        assert [one["current"] for one in streaks] == [0, 1, 1, 1, 1, 1]
        history = (await sam.call("GET", f"/api/habits/history?from=2026-11-01&to={DAY}")).json()["days"]
        assert set(history[DAY]) == set(ids[1:])

    tell(story)


def test_scores_of_a_day_merge(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        ids = [(await made(sam, "/api/pillars", {"name": name}))["id"] for name in ("Health", "Work", "Friends")]
        path = f"/api/pillars/scores/{DAY}"
        await asyncio.gather(*(sam.call("PUT", path, {"scores": {one: {"value": at + 5}}}) for at, one in enumerate(ids)))
        await sam.call("PUT", path, {"scores": {ids[2]: None}})
        days = (await sam.call("GET", f"/api/pillars/scores?from={DAY}&to={DAY}")).json()["days"]
        assert {pillar: score["value"] for pillar, score in days[DAY].items()} == {ids[0]: 5, ids[1]: 6}
        wrong = await sam.call("PUT", path, {"scores": {"nobody": {"value": 5}}})
        assert (wrong.status_code, wrong.json()["path"]) == (422, "$.scores.nobody")
        week = (await sam.call("GET", "/api/weekly/current")).json()
        assert (week["week"], week["scores"][ids[0]]) == ("2026-W47", {"mean": 5, "days": 1})

    tell(story)


def test_moods_are_logged_with_what_exists(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, eva = await world.sign_up("sam"), await world.sign_up("eva")
        own = await made(sam, "/api/moods", {"name": "Stormy", "level": 2})
        assert len((await sam.call("GET", "/api/moods/system")).json()["items"]) == 5
        words = (await sam.call("GET", "/api/emotions")).json()["items"]
        assert words[0] == {"id": "joyful", "name": "Joyful", "valence": 0.9, "energy": 0.6}
        key = {"idempotency-key": "k"}
        for _ in range(2):
            assert (await sam.call("POST", "/api/moods/log", {"mood": own["id"], "note": "wind"}, headers=key)).status_code == 201
        await made(sam, "/api/moods/log", {"mood": "good", "at": "2026-11-22T01:30:00Z"})  # before three: still the day before
        logged = (await sam.call("GET", "/api/moods/log?from=2026-11-20&to=2026-11-22")).json()["items"]
        assert [(one["day"], one["log"]["mood"]) for one in logged] == [("2026-11-21", "good"), (DAY, own["id"])]
        foreign = await eva.call("POST", "/api/moods/log", {"mood": own["id"]})
        assert (foreign.status_code, foreign.json()["path"]) == (422, "$.logs[0].mood")

    tell(story)


def test_a_logged_mood_is_taken_back_once_and_the_others_of_the_day_stay(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, eva = await world.sign_up("sam"), await world.sign_up("eva")
        await made(sam, "/api/moods/log", {"mood": "good", "day": DAY})
        logs = (await made(sam, "/api/moods/log", {"mood": "low", "day": DAY}))["document"]["logs"]
        path = f"/api/moods/log/{DAY}/{logs[0]['id']}"
        assert (await eva.call("DELETE", path)).status_code == 404
        left = await sam.call("DELETE", path)
        assert (left.status_code, left.json()["document"]["logs"]) == (200, logs[1:])
        assert left.headers["etag"] == left.json()["etag"]
        assert (await sam.call("DELETE", path)).status_code == 404
        assert (await sam.call("DELETE", f"/api/moods/log/2026-11-21/{logs[1]['id']}")).status_code == 404
        stored = (await sam.call("GET", f"/api/moods/log?from={DAY}&to={DAY}")).json()["items"]
        assert [one["log"] for one in stored] == logs[1:]

    tell(story)


def test_course_corrections_are_carried_into_the_next_week(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        corrections = [{"text": "call home", "done": True}, {"text": "go to bed earlier"}]
        assert (await sam.call("POST", "/api/weekly/2026-W46/complete")).json()["code"] == "conflict"
        assert (await sam.call("PUT", "/api/weekly/2026-W46", {"corrections": corrections})).status_code == 201
        closed = await sam.call("POST", "/api/weekly/2026-W46/complete")
        assert closed.json()["document"]["completed_at"]
        assert (await sam.call("POST", "/api/weekly/2026-W46/complete")).json() == closed.json()
        today = (await sam.call("GET", "/api/today")).json()
        assert today["week"]["week"] == "2026-W47"
        assert [one["text"] for one in today["week"]["carried"]] == ["go to bed earlier"]
        assert (await sam.call("GET", "/api/weekly/2026-W54")).status_code == 422
        assert [item["id"] for item in (await sam.call("GET", "/api/weekly")).json()["items"]] == ["2026-W46"]

    tell(story)


def test_an_entry_points_only_at_what_is_there(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        pillar = (await made(sam, "/api/pillars", {"name": "Health"}))["id"]
        entry = {"body": "x", "pillars": [{"pillar": pillar}]}
        assert (await sam.call("PUT", f"/api/entries/{DAY}", entry)).status_code == 201
        wrong = await sam.call("PUT", "/api/entries/2026-11-21", {"pillars": [{"pillar": pillar}, {"pillar": "gone"}]})
        assert (wrong.status_code, wrong.json()["path"]) == (422, "$.pillars[1].pillar")
        assert (await sam.call("DELETE", f"/api/pillars/{pillar}")).status_code == 204
        note = await sam.call("POST", f"/api/entries/{DAY}/notes", {"text": "n", "mood": "nobody"})
        assert (note.status_code, note.json()["path"]) == (422, "$.notes[0].mood")
        # what it points at is gone; the entry can still be changed
        assert (await sam.call("PATCH", f"/api/entries/{DAY}", {"body": "y"})).status_code == 200

    tell(story)


def test_an_import_is_undone_but_for_what_was_changed_since(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        await sam.call("PUT", "/api/entries/2026-11-01", {"body": "was here before"})
        lines = "".join(f'{{"date":"2026-11-{day:02}","text":"day {day}"}}\n' for day in range(1, 11))
        ndjson = {"content-type": "application/x-ndjson"}
        dry = (await sam.call("POST", "/api/imports?dry_run=true", headers=ndjson, content=lines)).json()["report"]
        assert (dry["new"], dry["conflict"], dry["batch"]) == (9, 1, None)
        report = (await sam.call("POST", "/api/imports", headers=ndjson, content=lines)).json()["report"]
        assert (report["new"], report["conflict"]) == (9, 1)
        listed = (await sam.call("GET", "/api/imports")).json()["items"]
        assert [(one["id"], one["records"], one["format"]) for one in listed] == [(report["batch"], 9, "jsonl")]
        await sam.call("PATCH", "/api/entries/2026-11-02", {"title": "mine now"})
        await sam.call("DELETE", "/api/entries/2026-11-03")
        undone = await sam.call("DELETE", f"/api/imports/{report['batch']}")
        assert undone.json() == {"removed": 7, "kept": 1, "gone": 1, "unreadable": 0}
        days = [item["id"] for item in (await sam.call("GET", "/api/entries")).json()["items"]]
        assert days == ["2026-11-01", "2026-11-02"]
        assert (await sam.call("DELETE", f"/api/imports/{report['batch']}")).status_code == 404

    tell(story)
