"""What every collection keeps, whatever it is: the tests run over the registry, not over a list of their own."""

import asyncio
from collections.abc import Callable

import httpx
import msgspec
import pytest

from tests.contracts.rows import gates_of, made, rows_of
from tests.contracts.samples import DAILY, DAY, OTHER_DAY, SAMPLES, Sample
from tests.support import Json, Person, Story, World
from timos.vault.record import canonical

Tell = Callable[[Story], None]
over_samples = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.address())
over_days = pytest.mark.parametrize("sample", DAILY, ids=lambda sample: sample.address())


def body_of(answer: httpx.Response) -> bytes:
    """All of it but the request id, which is another each time."""
    return answer.content.replace(answer.headers["x-request-id"].encode(), b"")


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    told = answer.json()
    return answer.status_code, told["code"], told.get("path")


async def stored(person: Person, address: str) -> Json:
    answer = await person.call("GET", address)
    assert answer.status_code == 200, answer.text
    return answer.json()


@over_samples
def test_the_sample_sets_every_field(sample: Sample) -> None:
    assert {*sample.full, "day"} >= {field.encode_name for field in msgspec.structs.fields(sample.form)}
    defaults = msgspec.json.decode(canonical(sample.form()))
    assert not [name for name, value in sample.full.items() if value == defaults[name]]


# ── reading and writing ──────────────────────────────────────────────────────────────────────────────────────────────


@over_samples
def test_what_was_written_is_read_back(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        assert (await sam.call("GET", sample.address())).status_code == 404
        written = await sam.call("PUT", sample.address(), sample.full)
        assert written.status_code == 201
        assert written.json()["id"] == sample.id()
        key = {"day": DAY} if sample.collection.has_days else {}
        kind = {"kind": sample.kind} if sample.kind else {}
        assert written.json()["document"] == {**sample.full, **key, **kind}
        read = await sam.call("GET", sample.address())
        assert read.status_code == 200
        assert read.json() == written.json()
        assert read.headers["etag"] == written.headers["etag"] == written.json()["etag"]
        assert read.json()["created_at"] == read.json()["updated_at"] == "2026-11-22T12:00:00Z"

    tell(story)


@over_samples
def test_a_document_may_name_the_address_that_it_stands_at(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        read = (await sam.call("PUT", sample.address(), sample.full)).json()
        again = await sam.call("PUT", sample.address(), read["document"])
        assert (again.status_code, again.json()) == (200, read)

    tell(story)


@over_samples
def test_a_change_has_another_tag_and_keeps_the_day_it_was_made(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        first = (await sam.call("PUT", sample.address(), sample.full)).json()
        world.clock.go_on(60)
        answer = await sam.call("PUT", sample.address(), sample.other, headers={"if-match": first["etag"]})
        assert answer.status_code == 200
        second = answer.json()
        assert second["etag"] != first["etag"]
        assert (second["created_at"], second["updated_at"]) == (first["created_at"], "2026-11-22T12:01:00Z")
        assert second["document"] == msgspec.json.decode(sample.raw(sample.other))  # whole: what is not sent has its default
        assert await stored(sam, sample.address()) == second

    tell(story)


@over_samples
def test_who_does_not_know_what_is_stored_overwrites_nothing(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        first = (await sam.call("PUT", sample.address(), sample.other)).json()
        now = (await sam.call("PUT", sample.address(), sample.full, headers={"if-match": first["etag"]})).json()
        unaware: list[dict[str, str]] = [{}, {"if-match": first["etag"]}, {"if-match": f"W/{now['etag']}"}, {"if-match": '""'}]
        for headers in unaware:
            answer = await sam.call("PUT", sample.address(), sample.other, headers=headers)
            assert problem(answer) == (412, "precondition", None), headers
            assert (answer.json()["etag"], answer.json()["stored"]) == (now["etag"], now["document"])
            assert answer.headers["etag"] == now["etag"]
        for headers in unaware[1:]:
            for method, body in (("PATCH", sample.other), ("DELETE", None)):
                answer = await sam.call(method, sample.address(), body, headers=headers)
                assert problem(answer) == (412, "precondition", None), (method, headers)
                assert (answer.json()["etag"], answer.json()["stored"]) == (now["etag"], now["document"])
        assert await stored(sam, sample.address()) == now

    tell(story)


@over_samples
def test_who_says_so_overwrites(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        first = (await sam.call("PUT", sample.address(), sample.full)).json()
        assert (await sam.call("PUT", sample.address(), sample.other, headers={"if-match": "*"})).status_code == 200
        second = await stored(sam, sample.address())
        listed = f'"x", {second["etag"]} ,{first["etag"]}'
        assert (await sam.call("PUT", sample.address(), sample.full, headers={"if-match": listed})).status_code == 200
        assert (await stored(sam, sample.address()))["document"] == first["document"]

    tell(story)


@over_samples
def test_what_is_not_there_matches_no_tag(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        for tag in ('"x"', "*"):
            for method in ("PUT", "PATCH"):
                answer = await sam.call(method, sample.address(), sample.full, headers={"if-match": tag})
                assert problem(answer) == (412, "precondition", None)
                assert (answer.json()["etag"], answer.json()["stored"]) == (None, None)
            assert (await sam.call("DELETE", sample.address(), headers={"if-match": tag})).status_code == 404
        for wrong in ("x", '"', "", '"a" "b', "W/x"):
            answer = await sam.call("PUT", sample.address(), sample.full, headers={"if-match": wrong})
            assert problem(answer) == (422, "invalid", "If-Match"), wrong
        assert not rows_of(world)

    tell(story)


@over_samples
def test_the_same_content_again_is_no_conflict_and_no_change(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        first = await sam.call("PUT", sample.address(), sample.full)
        rows = rows_of(world)
        world.clock.go_on(60)
        reordered = dict(reversed(list(sample.full.items())))
        for headers in ({}, {"if-match": '"long-gone"'}, {"if-match": "*"}):
            again = await sam.call("PUT", sample.address(), reordered, headers=headers)
            assert (again.status_code, again.json()) == (200, first.json())
        patched = await sam.call("PATCH", sample.address(), sample.full)
        assert (patched.status_code, patched.json()) == (200, first.json())
        assert rows_of(world) == rows

    tell(story)


@over_samples
def test_a_patch_changes_what_it_names_and_nothing_else(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        full = (await sam.call("PUT", sample.address(), sample.full)).json()
        patched = await sam.call("PATCH", sample.address(), sample.other, headers={"if-match": full["etag"]})
        assert patched.status_code == 200
        assert patched.json()["document"] == {**full["document"], **sample.other}
        assert patched.json()["etag"] == patched.headers["etag"] != full["etag"]
        cleared = await sam.call("PATCH", sample.address(), dict.fromkeys(sample.full))
        assert cleared.json()["document"] == msgspec.json.decode(sample.raw({}))
        assert await stored(sam, sample.address()) == cleared.json()

    tell(story)


@over_samples
def test_a_patch_of_nothing_makes_a_document(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        answer = await sam.call("PATCH", sample.address(), sample.other)
        assert answer.status_code == 201
        assert answer.json()["document"] == msgspec.json.decode(sample.raw(sample.other))
        assert await stored(sam, sample.address()) == answer.json()

    tell(story)


def test_a_patch_reaches_into_objects_and_replaces_lists(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        await sam.call("PUT", f"/api/entries/{DAY}", {"source": {"name": "paper", "id": "17"}, "tags": ["a", "b"]})
        await sam.call("PATCH", f"/api/entries/{DAY}", {"source": {"id": "18"}, "tags": ["c"]})
        document = (await stored(sam, f"/api/entries/{DAY}"))["document"]
        assert (document["source"], document["tags"]) == ({"name": "paper", "id": "18"}, ["c"])

    tell(story)


@over_samples
def test_what_is_deleted_is_gone_and_can_be_written_anew(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        first = (await sam.call("PUT", sample.address(), sample.full)).json()
        gone = await sam.call("DELETE", sample.address(), headers={"if-match": first["etag"]})
        assert (gone.status_code, gone.content) == (204, b"")
        assert not rows_of(world)
        for method in ("GET", "DELETE"):
            assert problem(await sam.call(method, sample.address())) == (404, "not_found", None)
        anew = await sam.call("PUT", sample.address(), sample.full)
        assert anew.status_code == 201
        assert anew.json()["etag"] != first["etag"]
        assert (await sam.call("DELETE", sample.address())).status_code == 204

    tell(story)


# ── one of each ──────────────────────────────────────────────────────────────────────────────────────────────────────


@over_samples
def test_an_address_has_one_row_however_often_it_is_written(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        row = await made(world, sample.table, sam.call("PUT", sample.address(), sample.full))
        for body in (sample.other, sample.full, sample.other):
            await sam.call("PUT", sample.address(), body, headers={"if-match": "*"})
            await sam.call("PATCH", sample.address(), sample.full)
        encoded = sample.address().replace("2026", "%32026")
        await sam.call("PUT", encoded, sample.other, headers={"if-match": "*"})
        (now,) = rows_of(world)
        assert now[:-1] == row[:-1]  # sealed anew, and nothing else
        assert now.sealed != row.sealed

    tell(story)


@over_samples
def test_of_two_who_make_it_at_once_one_is_told(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        answers = await asyncio.gather(*(sam.call("PUT", sample.address(), body) for body in (sample.full, sample.other)))
        assert sorted(answer.status_code for answer in answers) == [201, 412]
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert lost.json()["stored"] == won.json()["document"] == (await stored(sam, sample.address()))["document"]
        assert len(rows_of(world)) == 1

    tell(story)


@over_samples
def test_of_two_who_change_it_at_once_one_is_told(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        etag = (await sam.call("PUT", sample.address(), {})).json()["etag"]
        bodies = (sample.full, sample.other)
        answers = await asyncio.gather(*(sam.call("PUT", sample.address(), body, headers={"if-match": etag}) for body in bodies))
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (200, 412)
        assert lost.json()["stored"] == won.json()["document"] == (await stored(sam, sample.address()))["document"]

    tell(story)


@over_samples
def test_two_patches_at_once_are_both_kept(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        await sam.call("PUT", sample.address(), {})
        (one, first), (two, second), *_ = sample.full.items()
        await asyncio.gather(sam.call("PATCH", sample.address(), {one: first}), sam.call("PATCH", sample.address(), {two: second}))
        document = (await stored(sam, sample.address()))["document"]
        assert (document[one], document[two]) == (first, second)

    tell(story)


# ── nobody else's ────────────────────────────────────────────────────────────────────────────────────────────────────


@over_samples
def test_somebody_elses_record_looks_like_none(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        ann, sam = await world.sign_up("ann"), await world.sign_up("sam")
        written = (await ann.call("PUT", sample.address(), sample.full)).json()
        rows = rows_of(world)
        for method, body in (("GET", None), ("DELETE", None), ("PUT", sample.other), ("PATCH", sample.other)):
            for tag in ("*", written["etag"]):
                foreign = await sam.call(method, sample.address(), body, headers={"if-match": tag})
                nothing = await sam.call(method, sample.address(OTHER_DAY), body, headers={"if-match": tag})
                assert foreign.status_code in {404, 412}
                assert foreign.status_code == nothing.status_code
                assert body_of(foreign) == body_of(nothing)
                assert {**foreign.headers, "x-request-id": "", "ratelimit": ""} == {**nothing.headers, "x-request-id": "", "ratelimit": ""}
        found = await sam.call("POST", "/api/search", {"query": "another*"})
        assert (found.json()["searched"], found.json()["total"]) == (0, 0)
        if sample.collection.has_days:
            assert (await sam.call("GET", sample.collection.path)).json()["items"] == []
        assert rows_of(world) == rows
        assert await stored(ann, sample.address()) == written

    tell(story)


@over_samples
def test_two_people_have_the_same_address_each_for_themselves(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        ann, sam = await world.sign_up("ann"), await world.sign_up("sam")
        hers = await made(world, sample.table, ann.call("PUT", sample.address(), sample.full))
        his = await made(world, sample.table, sam.call("PUT", sample.address(), sample.full))
        assert hers.vault_id != his.vault_id
        assert hers.id != his.id  # the same day has another token in each vault: equal ones would tell who wrote on the same days
        assert hers.sealed != his.sealed
        assert (await sam.call("DELETE", sample.address())).status_code == 204
        assert rows_of(world) == {hers}

    tell(story)


def test_erasing_empties_every_table_of_the_vault_and_no_other(tell: Tell) -> None:
    async def story(world: World) -> None:
        ann, sam = await world.sign_up("ann"), await world.sign_up("sam")
        for person in (ann, sam):
            for sample in SAMPLES:
                await person.call("PUT", sample.address(), sample.full)
        rows, gates = rows_of(world), gates_of(world)
        hers = {row for row in rows if row.vault_id == await vault_of(world, ann)}
        assert {row.table for row in hers} == {sample.table for sample in SAMPLES}
        assert len(hers) == len(SAMPLES)
        answer = await ann.call("POST", "/api/account/erase", {"phrase": "erase my account"}, headers=await ann.step_up("erase"))
        assert answer.status_code == 200
        assert answer.json()["rows"] == len(SAMPLES)
        assert rows_of(world) == rows - hers
        assert gates - gates_of(world) == {row.vault_id for row in hers}
        for sample in SAMPLES:
            assert (await ann.call("GET", sample.address())).status_code == 401
            assert (await sam.call("GET", sample.address())).status_code == 200

    async def vault_of(world: World, person: Person) -> bytes:
        profile = await world.instance.accounts.by_address(person.address)
        assert profile is not None
        return (await world.instance.keyring.unlock(profile.id, profile.key_epoch)).vault_id

    tell(story)


# ── what is not accepted ─────────────────────────────────────────────────────────────────────────────────────────────


def wrong_for(value: Json) -> Json:
    return "yes" if isinstance(value, bool) else True


@over_samples
def test_a_wrong_document_is_refused_at_its_field_and_changes_nothing(tell: Tell, sample: Sample) -> None:
    wrong = {name: wrong_for(value) for name, value in sample.full.items()}
    refused: list[tuple[Json, str]] = [({**sample.full, name: value}, f"$.{name}") for name, value in wrong.items()]
    refused += [({**sample.full, "unknown": 1}, "$"), ({**sample.full, "Title ": "x"}, "$")]
    if sample.collection.has_days:
        refused += [({**sample.full, "day": day}, "$.day") for day in (OTHER_DAY, "2026-02-30", "20.11.2026", "9999-12-31", 5, True)]
    if sample.kind:
        refused += [({**sample.full, "kind": kind}, "$.kind") for kind in ("noon", "", 5, *{"morning", "evening"} - {sample.kind})]

    async def story(world: World) -> None:
        sam = await world.sign_up()
        for is_there in (False, True):
            if is_there:
                await sam.call("PUT", sample.address(), sample.other)
            rows = rows_of(world)
            for method in ("PUT", "PATCH"):
                for body, path in refused:
                    answer = await sam.call(method, sample.address(), body, headers={"if-match": "*"} if is_there else {})
                    assert problem(answer) == (422, "invalid", path), (method, body)
                for whole in (b"[]", b'"text"', b"5", b"null"):
                    answer = await sam.call(method, sample.address(), content=whole, headers={"content-type": "application/json"})
                    assert problem(answer) == (422, "invalid", "$"), (method, whole)
            assert rows_of(world) == rows

    tell(story)


NO_DAYS = ["2026-02-30", "2026-13-01", "2026-00-01", "0999-12-31", "9999-12-31", "2026-11-25", "today", "20261120", "2026-W47-5"]
NO_DAYS += ["2026-1-1", "-026-11-20", "2026-11-20T00", "2026-11-20 ", "２０２６-11-20", "2026-325", "null", "0"]


@over_days
def test_what_is_no_day_or_too_far_ahead_is_no_address(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        await sam.call("PUT", sample.address(), sample.full)
        rows = rows_of(world)
        for wrong in NO_DAYS:
            for method, body in (("GET", None), ("PUT", sample.full), ("PATCH", sample.full), ("DELETE", None)):
                answer = await sam.call(method, sample.address(wrong), body)
                assert problem(answer) == (422, "invalid", "day"), (method, wrong)
        assert rows_of(world) == rows

    tell(story)


@over_days
def test_the_first_and_the_last_day_are_taken(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        for day in ("1000-01-01", "2024-02-29", "2026-11-24"):  # east of Greenwich tomorrow is two days ahead of UTC
            assert (await sam.call("PUT", sample.address(day), sample.full)).status_code == 201
            assert (await stored(sam, sample.address(day)))["id"] == sample.id(day)

    tell(story)


@over_samples
def test_a_document_one_byte_over_its_limit_is_refused_and_changes_nothing(tell: Tell, sample: Sample) -> None:
    limit = sample.collection.limit_bytes

    async def story(world: World) -> None:
        sam = await world.sign_up()
        largest = await sam.call("PUT", sample.address(), sample.sized(limit))
        assert largest.status_code == 201, largest.text[:300]
        assert len(sample.raw(largest.json()["document"])) == limit
        rows = rows_of(world)
        for method, body in (("PUT", sample.sized(limit + 1)), ("PATCH", sample.sized(limit + 1)), ("PUT", {"x": "x" * (limit + 4096)})):
            answer = await sam.call(method, sample.address(), body, headers={"if-match": "*"})
            assert problem(answer)[:2] == (413, "too_large"), method
        assert rows_of(world) == rows
        assert await stored(sam, sample.address()) == largest.json()

    tell(story)
