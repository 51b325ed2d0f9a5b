"""One record: read, written, made and deleted."""

import msgspec

from timos.kernel.errors import ConflictError, NotFoundError, PreconditionError
from timos.kernel.ids import ID_BYTES, text_of
from timos.vault.actions import references
from timos.vault.actions.merging import merge
from timos.vault.record import Collection, Document, Key
from timos.vault.store.stored import Stored
from timos.vault.store.vault import Vault
from timos.web import strict_json
from timos.web.answers import Answer, empty, json_answer
from timos.web.api.records.paths import expected_of, key_of
from timos.web.api.records.record import record_of
from timos.web.deps import services_of, unlocked
from timos.web.route import Call


async def read(collection: Collection, kind: str | None, call: Call) -> Answer:
    stored = await (await unlocked(call)).get(collection, key_of(collection, kind, call))
    if stored is None:
        raise NotFoundError
    return json_answer(record_of(collection, stored), etag=stored.etag)


async def write(collection: Collection, kind: str | None, call: Call) -> Answer:
    key = key_of(collection, kind, call)
    document = checked(collection, key, call.body)
    vault = await unlocked(call)
    if collection.has_ids or has_references(document):
        await refer(vault, collection, document, await known(vault, collection, key))
    written = await vault.put(collection, key, document, expected_of(call))
    return json_answer(record_of(collection, written.stored), status=201 if written.is_new else 200, etag=written.stored.etag)


async def patch(collection: Collection, kind: str | None, call: Call) -> Answer:
    """JSON Merge Patch on the stored document; a missing one counts as empty."""
    key = key_of(collection, kind, call)
    expected = expected_of(call)

    def edit(stored: Stored | None) -> Document:
        if expected is not None and (stored is None or (stored.etag not in expected and "*" not in expected)):
            raise PreconditionError(etag=stored.etag if stored else None, stored=stored.raw if stored else None)
        before = msgspec.json.decode(stored.raw) if stored else {}
        form = collection.type_of(key)
        return checked(collection, key, strict_json.decode(msgspec.json.encode(merge(form, before, call.body)), form))

    vault = await unlocked(call)
    before = await known(vault, collection, key)
    document = edit(before)
    if has_references(document):
        await refer(vault, collection, document, before)
    written = await vault.change(collection, key, edit)
    return json_answer(record_of(collection, written.stored), status=201 if written.is_new else 200, etag=written.stored.etag)


async def create(collection: Collection, call: Call) -> Answer:
    """A new record with an id of ours; the same Idempotency-Key gives the same record, or 409 with another content."""
    vault = await unlocked(call)
    idempotency_key = call.header("idempotency-key")
    random = services_of(call).instance.random
    key = (vault.derived_id(collection, idempotency_key) if idempotency_key else text_of(random(ID_BYTES)),)
    document = checked(collection, key, call.body)
    await refer(vault, collection, document, None)
    try:
        written = await vault.put(collection, key, document)
    except PreconditionError as error:
        message = "This Idempotency-Key was used for something else."
        raise ConflictError(message) from error
    return json_answer(record_of(collection, written.stored), status=201, etag=written.stored.etag)


async def delete(collection: Collection, kind: str | None, call: Call) -> Answer:
    if not await (await unlocked(call)).delete(collection, key_of(collection, kind, call), expected_of(call)):
        raise NotFoundError
    return empty()


async def known(vault: Vault, collection: Collection, key: Key) -> Stored | None:
    """What is stored; an id that is not there is no address to write to, for ids are ours to give.

    Raises:
        NotFoundError: see there.
    """
    stored = await vault.get(collection, key)
    if stored is None and collection.has_ids:
        raise NotFoundError
    return stored


def has_references(document: Document) -> bool:
    return any(True for _ in document.references())


async def refer(vault: Vault, collection: Collection, document: Document, before: Stored | None) -> None:
    """Raises:
    InputError: the document points at something that is not there.
    """
    await references.check(vault, document, collection.decode(before.raw) if before else None)


def checked(collection: Collection, key: Key, document: Document) -> Document:
    """Placed at its address and held against the rules that no type can say."""
    placed = collection.place(document, key)
    placed.check()
    return placed
