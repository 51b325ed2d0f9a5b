"""Today, timed notes and search, through the whole application."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from tests.support import Clock, Json, Person, Story, World

pytestmark = pytest.mark.every_engine

Tell = Callable[[Story], None]
DAY = "2026-11-20"
NOTES = f"/api/entries/{DAY}/notes"


def set_clock(clock: Clock, instant: str) -> None:
    clock.at_ms = int(datetime.fromisoformat(instant).replace(tzinfo=UTC).timestamp() * 1000)


async def refreshed(world: World, person: Person) -> None:
    """Tokens that hold at the clock's new time."""
    answer = await world.client.post("/api/auth/refresh", json={"refresh_token": person.tokens["refresh_token"]})
    assert answer.status_code == 200
    person.tokens = answer.json()


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    told = answer.json()
    return answer.status_code, told["code"], told.get("path")


# ── today ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.every_engine("sqlite")  # arithmetic
@pytest.mark.parametrize(
    ("now", "time_zone", "ends_at", "day"),
    [
        ("2026-11-22T12:00", None, None, "2026-11-22"),
        ("2026-11-22T02:59", None, None, "2026-11-21"),  # without preferences: UTC, and a night belongs to the day before until three
        ("2026-11-22T03:00", None, None, "2026-11-22"),
        ("2026-11-22T00:00", "UTC", 0, "2026-11-22"),
        ("2026-11-21T23:59", "UTC", 0, "2026-11-21"),
        ("2026-11-22T12:00", "Pacific/Kiritimati", 3, "2026-11-22"),  # 02:00 on the 23rd
        ("2026-11-22T13:00", "Pacific/Kiritimati", 3, "2026-11-23"),
        ("2026-11-22T12:00", "Pacific/Kiritimati", 0, "2026-11-23"),
        ("2026-11-22T11:00", "Pacific/Pago_Pago", 0, "2026-11-22"),  # midnight there
        ("2026-11-22T10:59", "Pacific/Pago_Pago", 0, "2026-11-21"),
        ("2026-11-22T06:30", "Asia/Kolkata", 12, "2026-11-22"),  # noon there
        ("2026-11-22T06:29", "Asia/Kolkata", 12, "2026-11-21"),
        ("2027-03-28T00:59", "Europe/Zurich", 3, "2027-03-27"),  # 01:59, and the next minute is 03:00
        ("2027-03-28T01:00", "Europe/Zurich", 3, "2027-03-28"),
    ],
)
def test_today_is_the_users_own_day(tell: Tell, now: str, time_zone: str | None, ends_at: int | None, day: str) -> None:
    async def story(world: World) -> None:
        set_clock(world.clock, now)
        sam = await world.sign_up()
        if time_zone is not None:
            await sam.call("PUT", "/api/preferences", {"time_zone": time_zone, "day_ends_at_hour": ends_at})
        assert (await sam.call("GET", "/api/today")).json()["day"] == day

    tell(story)


def test_today_has_what_is_written_and_null_for_what_is_not(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        nothing = (await sam.call("GET", "/api/today")).json()
        names = ("entry", "morning", "evening", "scores", "moods", "preferences")
        lists: Json = {"pillars": [], "habits": [], "on_this_day": []}
        week: Json = {"week": "2026-W47", "recap": None, "carried": [], "scores": {}, "unreadable_days": []}
        assert nothing == {"day": "2026-11-22", **dict.fromkeys(names), **lists, "week": week, "unreadable": 0, "unreadable_parts": []}
        paths = {
            "entry": "/api/entries/2026-11-22",
            "morning": "/api/feels/2026-11-22/morning",
            "evening": "/api/feels/2026-11-22/evening",
            "preferences": "/api/preferences",
        }
        written = {name: (await sam.call("PUT", path, {})).json() for name, path in paths.items()}
        assert (await sam.call("GET", "/api/today")).json() == {**nothing, **written}
        assert (await sam.call("GET", "/api/today?day=2026-11-22")).json() == {**nothing, **written}
        other = (await sam.call("GET", "/api/today?day=2026-11-21")).json()
        assert other == {**nothing, "day": "2026-11-21", "preferences": written["preferences"]}
        assert (await ann.call("GET", "/api/today")).json() == nothing

    tell(story)


@pytest.mark.every_engine("sqlite")  # refused before the vault is asked
@pytest.mark.parametrize("day", ["2026-02-30", "2026-11-25", "0999-12-31", "today", "2026-W47-7", "20261122", ""])
def test_today_of_a_day_that_is_none_is_refused(tell: Tell, day: str) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        assert problem(await sam.call("GET", f"/api/today?day={day}")) == (422, "invalid", "day")

    tell(story)


@pytest.mark.every_engine("sqlite")  # refused before the vault is asked
@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "/etc/localtime", "Europe", "europe/zurich\u0000", "x" * 64])
def test_a_time_zone_must_exist(tell: Tell, zone: str) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        assert problem(await sam.call("PUT", "/api/preferences", {"time_zone": zone})) == (422, "invalid", "$.time_zone")
        assert problem(await sam.call("PATCH", "/api/preferences", {"time_zone": zone})) == (422, "invalid", "$.time_zone")
        assert (await sam.call("GET", "/api/preferences")).status_code == 404

    tell(story)


# ── notes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def notes_of(person: Person) -> list[Json]:
    document: Json = (await person.call("GET", f"/api/entries/{DAY}")).json()["document"]
    notes: list[Json] = document["notes"]
    return notes


def test_a_note_is_added_to_the_day_with_its_time(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        pillar = (await sam.call("POST", "/api/pillars", {"name": "Rest"})).json()["id"]
        first = await sam.call("POST", NOTES, {"text": "First.", "mood": "good", "pillar": pillar})
        assert first.status_code == 201
        assert first.headers["etag"] == first.json()["etag"]
        world.clock.go_on(90)
        second = await sam.call("POST", NOTES, {"text": "Second.", "at": "2026-11-20T08:00:00+05:30"})
        one, two = second.json()["document"]["notes"]
        assert one == {"id": one["id"], "at": "2026-11-22T12:00:00Z", "text": "First.", "mood": "good", "pillar": pillar}
        assert (two["text"], two["at"], two["mood"], two["pillar"]) == ("Second.", "2026-11-20T08:00:00+05:30", None, None)
        assert one["id"] != two["id"]
        assert await notes_of(sam) == [one, two]

    tell(story)


def test_a_note_leaves_the_entry_as_it_is(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        before = (await sam.call("PUT", f"/api/entries/{DAY}", {"title": "T", "body": "B", "tags": ["x"]})).json()
        after = (await sam.call("POST", NOTES, {"text": "n"})).json()
        assert after["etag"] != before["etag"]
        assert after["created_at"] == before["created_at"]
        assert {**after["document"], "notes": []} == before["document"]

    tell(story)


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("count", [2, 8])
def test_notes_written_at_once_are_all_kept(tell: Tell, count: int, *, is_there: bool) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        if is_there:
            await sam.call("PUT", f"/api/entries/{DAY}", {"body": "B"})
        answers = await asyncio.gather(*(sam.call("POST", NOTES, {"text": f"note {number}"}) for number in range(count)))
        assert [answer.status_code for answer in answers] == [201] * count
        assert sorted(note["text"] for note in await notes_of(sam)) == [f"note {number}" for number in range(count)]

    tell(story)


def test_a_note_and_a_patch_at_once_are_both_kept(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        await asyncio.gather(sam.call("POST", NOTES, {"text": "n"}), sam.call("PATCH", f"/api/entries/{DAY}", {"title": "T"}))
        document = (await sam.call("GET", f"/api/entries/{DAY}")).json()["document"]
        assert (document["title"], [note["text"] for note in document["notes"]]) == ("T", ["n"])

    tell(story)


def test_the_same_key_again_adds_nothing_and_answers_the_same(tell: Tell) -> None:
    key = {"idempotency-key": "tab-1 note-7"}

    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        first = await sam.call("POST", NOTES, {"text": "n", "mood": "good"}, headers=key)
        world.clock.go_on(60)
        again = await sam.call("POST", NOTES, {"text": "n", "mood": "good"}, headers=key)
        assert (again.status_code, again.json()) == (201, first.json())
        both = await asyncio.gather(*(sam.call("POST", NOTES, {"text": "m"}, headers={"idempotency-key": "k"}) for _ in range(2)))
        assert [answer.status_code for answer in both] == [201, 201]
        assert [note["text"] for note in await notes_of(sam)] == ["n", "m"]
        # the same key on another day, or of somebody else, is another note; and its id tells neither
        elsewhere = (await sam.call("POST", "/api/entries/2026-11-21/notes", {"text": "x"}, headers=key)).json()
        hers = (await ann.call("POST", NOTES, {"text": "y"}, headers=key)).json()
        ids = {document["document"]["notes"][0]["id"] for document in (first.json(), elsewhere, hers)}
        assert len(ids) == 3
        assert not any("note-7" in note_id for note_id in ids)

    tell(story)


def test_a_key_that_was_used_for_another_note_is_a_conflict(tell: Tell) -> None:
    key = {"idempotency-key": "k"}

    async def story(world: World) -> None:
        sam = await world.sign_up()
        first = (await sam.call("POST", NOTES, {"text": "n"}, headers=key)).json()
        pillar = (await sam.call("POST", "/api/pillars", {"name": "Rest"})).json()["id"]
        for other in ({"text": "m"}, {"text": "n", "mood": "good"}, {"text": "n", "pillar": pillar}):
            assert problem(await sam.call("POST", NOTES, other, headers=key)) == (409, "conflict", None)
        assert (await sam.call("GET", f"/api/entries/{DAY}")).json() == first

    tell(story)


@pytest.mark.every_engine("sqlite")  # refused before the vault is asked
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.text"),
        ({"text": ""}, "$.text"),
        ({"text": "x" * 16_385}, "$.text"),
        ({"text": 5}, "$.text"),
        ({"text": "n", "at": "now"}, "$.at"),
        ({"text": "n", "at": "2026-11-20T08:00:00"}, "$.at"),
        ({"text": "n", "mood": "x" * 201}, "$.mood"),
        ({"text": "n", "id": "mine"}, "$"),
    ],
)
def test_a_note_that_is_wrong_says_where_and_makes_no_entry(tell: Tell, body: Json, path: str) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        assert problem(await sam.call("POST", NOTES, body)) == (422, "invalid", path)
        assert (await sam.call("GET", f"/api/entries/{DAY}")).status_code == 404

    tell(story)


def test_a_day_holds_two_hundred_notes(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        notes = [{"id": str(number), "text": "n"} for number in range(199)]
        await sam.call("PUT", f"/api/entries/{DAY}", {"notes": notes})
        assert (await sam.call("POST", NOTES, {"text": "the last"}, headers={"idempotency-key": "k"})).status_code == 201
        assert problem(await sam.call("POST", NOTES, {"text": "one more"})) == (422, "invalid", "$.notes")
        assert (await sam.call("POST", NOTES, {"text": "the last"}, headers={"idempotency-key": "k"})).status_code == 201
        assert len(await notes_of(sam)) == 200

    tell(story)


@pytest.mark.every_engine("sqlite")  # refused before the vault is asked
@pytest.mark.parametrize("day", ["2026-02-30", "2026-11-25", "2026-W47-5"])
def test_a_note_needs_a_day_that_exists(tell: Tell, day: str) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        assert problem(await sam.call("POST", f"/api/entries/{day}/notes", {"text": "n"})) == (422, "invalid", "day")

    tell(story)


# ── search ───────────────────────────────────────────────────────────────────────────────────────────────────────────

ENTRIES = {
    "1665-06-07": "Much against my will, I did in Drury Lane see two or three houses marked with a red cross. The plague!",
    "1665-06-08": "To Deptford by water; plagues of Egypt were the sermon. Café and crème at Zürich.",
    "2026-11-19": "Nothing of it in DEPTFORD. The Plague, they said.",
    "2026-11-20": "Groß und klein. 雨が降る.",
}


async def written(world: World) -> Person:
    sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
    for day, text in ENTRIES.items():
        await sam.call("PUT", f"/api/entries/{day}", {"body": text})
    await sam.call("PUT", "/api/feels/2026-11-20/morning", {"avoiding": "the plague of letters", "emotions": ["dread"]})
    await sam.call("PUT", "/api/feels/2026-11-20/evening", {"energy_givers": ["a walk to Deptford"], "honest_note": "Fine."})
    await sam.call("PUT", "/api/preferences", {"prompts": ["What plagues you?"]})
    await ann.call("PUT", "/api/entries/2026-11-20", {"body": "the plague in Deptford is hers alone"})
    return sam


async def found(person: Person, query: str, **more: Json) -> list[str]:
    answer = await person.call("POST", "/api/search", {"query": query, **more})
    assert answer.status_code == 200, answer.text
    hits = answer.json()
    assert hits["total"] == len(hits["hits"])
    assert (hits["unreadable"], bool(hits["searched"])) == (0, True)
    return [hit["id"] for hit in hits["hits"]]


MORNING, EVENING = "2026-11-20/morning", "2026-11-20/evening"
SEARCHES: list[tuple[str, list[str]]] = [
    ("plague", [MORNING, "2026-11-19", "1665-06-07"]),  # whole words, newest first
    ("PLAGUE", [MORNING, "2026-11-19", "1665-06-07"]),
    ("plague*", [MORNING, "2026-11-19", "1665-06-08", "1665-06-07", "preferences"]),
    ("plague deptford", ["2026-11-19"]),  # all of them
    ("deptford*", [EVENING, "2026-11-19", "1665-06-08"]),
    ('"red cross"', ["1665-06-07"]),
    ('"cross red"', []),
    ('"to deptford"', [EVENING, "1665-06-08"]),
    ("cafe creme zurich", ["1665-06-08"]),  # accents do not count
    ("café crème ZÜRICH", ["1665-06-08"]),
    ("gross", ["2026-11-20"]),
    ("雨", ["2026-11-20"]),
    ("dread", [MORNING]),
    ("daily_entries", []),  # names of ours are no words of theirs
    ("body", []),
    ("hers", []),
]


def test_search_finds_words_phrases_and_beginnings_of_the_own_records(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await written(world)
        for query, ids in SEARCHES:
            assert await found(sam, query) == ids, query

    tell(story)


def test_search_keeps_to_days_and_collections(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await written(world)
        assert await found(sam, "plague*", **{"from": "1665-06-08", "to": "2026-11-19"}) == ["2026-11-19", "1665-06-08"]
        assert await found(sam, "plague*", **{"from": "2026-11-20"}) == [MORNING]  # what has no day is in no range
        assert await found(sam, "plague*", to="1665-06-07") == ["1665-06-07"]
        assert await found(sam, "plague*", collections=["preferences"]) == ["preferences"]
        assert await found(sam, "deptford", collections=["feels_entries", "preferences"]) == [EVENING]
        assert await found(sam, "plague", collections=["daily_entries", "daily_entries"]) == ["2026-11-19", "1665-06-07"]
        answer = (await sam.call("POST", "/api/search", {"query": "plague", "collections": ["daily_entries"] * 2})).json()
        assert answer["searched"] == len(ENTRIES)

    tell(story)


def test_a_hit_shows_where_it_is_and_marks_what_was_searched_for(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await written(world)
        answer = (await sam.call("POST", "/api/search", {"query": "plague", "limit": 2})).json()
        assert (answer["total"], len(answer["hits"]), answer["searched"]) == (3, 2, len(ENTRIES) + 3)
        assert answer["hits"][0] == {
            "collection": "feels_entries",
            "id": MORNING,
            "day": "2026-11-20",
            "snippets": [[{"text": "the ", "marked": False}, {"text": "plague", "marked": True}, {"text": " of letters", "marked": False}]],
        }
        (hit,) = (await sam.call("POST", "/api/search", {"query": "what", "collections": ["preferences"]})).json()["hits"]
        assert (hit["collection"], hit["id"], hit["day"]) == ("preferences", "preferences", None)

    tell(story)


def test_what_is_deleted_or_changed_is_found_no_more(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await written(world)
        await sam.call("DELETE", "/api/entries/1665-06-07")
        await sam.call("PUT", "/api/entries/2026-11-19", {"body": "changed"}, headers={"if-match": "*"})
        assert await found(sam, "plague") == [MORNING]

    tell(story)


@pytest.mark.every_engine("sqlite")  # refused before the vault is asked
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.query"),
        ({"query": ""}, "$.query"),
        ({"query": " *?! "}, "$.query"),
        ({"query": '"left open'}, "$.query"),
        ({"query": "x" * 201}, "$.query"),
        ({"query": " ".join(f"w{number}" for number in range(17))}, "$.query"),
        ({"query": 5}, "$.query"),
        ({"query": "x", "from": "2026-02-30"}, "$.from"),
        ({"query": "x", "from": ""}, "$.from"),
        ({"query": "x", "to": "0999-01-01"}, "$.to"),
        ({"query": "x", "to": ""}, "$.to"),
        ({"query": "x", "limit": 0}, "$.limit"),
        ({"query": "x", "limit": 101}, "$.limit"),
        ({"query": "x", "collections": ["daily_entries", "users"]}, "$.collections[1]"),
        ({"query": "x", "user_id": "y"}, "$"),
    ],
)
def test_a_search_that_is_wrong_says_where(tell: Tell, body: Json, path: str) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        assert problem(await sam.call("POST", "/api/search", body)) == (422, "invalid", path)

    tell(story)


def test_searches_of_one_person_at_once_are_all_answered(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await written(world)
        assert await asyncio.gather(*(found(sam, "deptford plague") for _ in range(4))) == [["2026-11-19"]] * 4

    tell(story)
