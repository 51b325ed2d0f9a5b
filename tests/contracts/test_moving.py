"""Moving out, in and back: every collection goes the whole way, and what was written in any of them is found."""

import re
from collections.abc import Callable, Iterator, Mapping

import httpx
import msgspec
import pytest

from tests.contracts.desk import Desk, desk_of, exported, imported, vault_of
from tests.contracts.rows import rows_of
from tests.contracts.samples import BOOKKEEPING, CONTENT, DAY, OTHER_DAY, WRITABLE, Sample, archive_of, days_of, over
from tests.support import NOW_MS, Json, Person, Story, World
from timos.lifecycle.formats.archive.reading import ArchivedDocument, read_archive
from timos.lifecycle.formats.archive.writing import ArchiveWriter
from timos.vault.collections import COLLECTIONS

pytestmark = pytest.mark.every_engine

Tell = Callable[[Story], None]
over_content = over(CONTENT)
over_several = over(sample for sample in CONTENT if sample.collection.key)

RECORDS = [(sample, day, sample.full if day == DAY else sample.other) for sample in CONTENT for day in days_of(sample)]


async def somebody_with_all(world: World) -> Person:
    person = await world.sign_up("ann")
    for sample, day, document in RECORDS:
        await Desk(world, person, sample).make(document, day)
        world.clock.go_on(1)
    return person


async def undone(person: Person, batch: str) -> Json:
    answer = await person.call("DELETE", f"/api/imports/{batch}")
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


def documents_in(archive: bytes) -> set[ArchivedDocument]:
    return set(read_archive(archive))


def test_an_export_brought_into_an_empty_account_gives_every_document_back_byte_for_byte(tell: Tell) -> None:
    async def story(world: World) -> None:
        archive = await exported(await somebody_with_all(world))
        documents = documents_in(archive)
        assert {(one.collection, one.key, one.raw_json) for one in documents} == {
            (sample.table, sample.id(day), sample.raw(document, day)) for sample, day, document in RECORDS
        }
        assert len({one.created_at_ms for one in documents}) == len(RECORDS)
        sam = await world.sign_up("sam")
        rows = rows_of(world)
        dry = await imported(sam, archive, "&dry_run=true")
        assert (dry["new"], dry["refused"], dry["batch"]) == (len(RECORDS), 0, None)
        assert rows_of(world) == rows
        report = await imported(sam, archive)
        assert (report["new"], report["same"], report["conflict"], report["refused"]) == (len(RECORDS), 0, 0, 0), report
        assert documents_in(await exported(sam)) == documents
        again = await imported(sam, archive)
        assert (again["new"], again["same"], again["batch"]) == (0, len(RECORDS), None)

    tell(story)


def test_an_import_is_undone_in_every_collection(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up("sam")
        report = await imported(sam, archive_of(RECORDS))
        assert await undone(sam, report["batch"]) == {"removed": len(RECORDS), "kept": 0, "gone": 0, "unreadable": 0}
        assert not rows_of(world)

    tell(story)


def test_an_undo_keeps_what_was_changed_since_in_every_collection(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up("sam")
        report = await imported(sam, archive_of(RECORDS))
        vault = await vault_of(world, sam)
        for sample in CONTENT:
            await vault.put(sample.collection, sample.key(), sample.document(sample.other), ["*"])
        gone = [sample for sample in CONTENT if sample.collection.key]
        for sample in gone:
            assert await vault.delete(sample.collection, sample.key(OTHER_DAY))
        assert await undone(sam, report["batch"]) == {"removed": 0, "kept": len(CONTENT), "gone": len(gone), "unreadable": 0}
        assert {(one.collection, one.key, one.raw_json) for one in documents_in(await exported(sam))} == {
            (sample.table, sample.id(), sample.raw(sample.other)) for sample in CONTENT
        }

    tell(story)


NOWHERE: Mapping[str, list[str]] = {
    "day": ["2026-02-30", "0999-12-31", "2026-11-25", ""],
    "week": ["2026-W54", "2025-W53", "2026-W00", "0999-W01", "9999-W52", ""],
    "id": ["", "a/b", "..", "ä", "x" * 65, "a b"],
}


@over_several
def test_an_archive_names_only_addresses_that_there_can_be(tell: Tell, sample: Sample) -> None:
    """What nobody could read, change or delete afterwards is not taken."""
    part = sample.collection.key[0]

    async def story(world: World) -> None:
        sam = await world.sign_up()
        document = msgspec.json.decode(sample.raw(sample.full))
        for wrong in NOWHERE[part]:
            for stated in ({**document, part: wrong}, {name: value for name, value in document.items() if name != part}):
                archive = ArchiveWriter()
                pieces = [archive.add_collection(sample.table, sample.collection.version)]
                public = sample.collection.public_id((wrong, *sample.key()[1:]))
                pieces.append(archive.add_document(public, NOW_MS, NOW_MS, msgspec.json.encode(stated, order="sorted")))
                report = await imported(sam, b"".join([*pieces, archive.finish()]))
                assert (report["new"], report["refused"]) == (0, 1), (wrong, stated)
        assert not rows_of(world)

    tell(story)


def test_bookkeeping_of_ours_is_neither_given_out_nor_taken_in_nor_searched(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam, ann = await world.sign_up("sam"), await world.sign_up("ann")
        for sample in BOOKKEEPING:
            await Desk(world, sam, sample).make(sample.full)
        assert documents_in(await exported(sam)) == set()
        found = await sam.call("POST", "/api/search", {"query": "markdown"})
        assert (found.json()["searched"], found.json()["total"]) == (0, 0)
        report = await imported(ann, archive_of((sample, DAY, sample.full) for sample in BOOKKEEPING))
        assert (report["new"], report["refused"]) == (0, len(BOOKKEEPING))
        assert {row.table for row in rows_of(world)} == {sample.table for sample in BOOKKEEPING}

    tell(story)


# ── search ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def prose_in(value: Json) -> Iterator[str]:
    """What is plainly text: more than one word."""
    if isinstance(value, str):
        if " " in value:
            yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from prose_in(one)


@over_content
def test_search_finds_a_word_of_every_text(tell: Tell, sample: Sample) -> None:
    texts = [text for text in sample.document(sample.full).texts() if text]
    assert texts

    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        await desk.make(sample.full)
        if sample.collection.key:
            await desk.make(sample.other, OTHER_DAY)
        for text in {*texts, *prose_in(sample.full)}:
            word = max(re.findall(r"[^\W_]+", text), key=len)
            ranges: list[Json] = [{"from": DAY, "to": DAY}] if sample.collection.has_days else []
            for asked in ({}, {"collections": [sample.table]}, *ranges):
                found = (await desk.person.call("POST", "/api/search", {"query": word, **asked})).json()
                day = DAY if sample.collection.has_days else None
                hits = [(hit["collection"], hit["id"], hit["day"]) for hit in found["hits"]]
                assert (sample.table, sample.id(), day) in hits, (word, asked)
        none = await desk.person.call("POST", "/api/search", {"query": "nowhere", "collections": [sample.table]})
        assert none.json()["total"] == 0

    tell(story)


def test_every_collection_can_be_searched_alone_and_opened_from_its_hit(tell: Tell) -> None:
    async def story(world: World) -> None:
        person = await somebody_with_all(world)
        for collection in COLLECTIONS:
            found = (await person.call("POST", "/api/search", {"query": "a*", "collections": [collection.name]})).json()
            assert {hit["collection"] for hit in found["hits"]} <= {collection.name}
            assert found["searched"] == (len(rows_of(world, collection.name)) if collection.is_content else 0)
        everything = (await person.call("POST", "/api/search", {"query": "another", "limit": 100})).json()
        paths = {sample.table: sample.path for sample in WRITABLE if sample.collection.key}
        for hit in everything["hits"]:
            if hit["collection"] in paths:
                assert (await person.call("GET", f"{paths[hit['collection']]}/{hit['id']}")).status_code == 200

    tell(story)
