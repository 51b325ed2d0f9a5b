"""Archive, restore and order: for every collection whose documents have what it takes, pillars, habits and moods alike."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec

from timos.kernel.errors import DecryptionError, InputError, NotFoundError, UnavailableError, VaultLockedError
from timos.vault.collections import COLLECTIONS
from timos.vault.record import Collection, Document
from timos.vault.store.stored import Stored
from timos.web.answers import Answer, empty, json_answer
from timos.web.api.records.paths import key_of
from timos.web.api.records.record import answer_type, record_of
from timos.web.api.records.single import known
from timos.web.deps import services_of, unlocked
from timos.web.route import Call, Route

_PROBLEMS = (NotFoundError, VaultLockedError, DecryptionError, UnavailableError)


class OrderRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ids in the order wanted; those that are not named come after, as they stood."""

    ids: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=200)]


async def archive(collection: Collection, call: Call) -> Answer:
    return await _set_archived(collection, call, services_of(call).now())


async def restore(collection: Collection, call: Call) -> Answer:
    return await _set_archived(collection, call, None)


async def _set_archived(collection: Collection, call: Call, at: datetime | None) -> Answer:
    """Doing it twice changes nothing: the first time stays."""
    vault = await unlocked(call)
    key = key_of(collection, None, call)
    await known(vault, collection, key)

    def edit(stored: Stored | None) -> Document:
        if stored is None:
            raise NotFoundError
        document = collection.decode(stored.raw)
        if (getattr(document, "archived_at", None) is None) == (at is None):
            return document
        return msgspec.structs.replace(document, archived_at=at)

    written = await vault.change(collection, key, edit)
    return json_answer(record_of(collection, written.stored), etag=written.stored.etag)


async def order(collection: Collection, call: Call) -> Answer:
    wanted: OrderRequest = call.body
    vault = await unlocked(call)
    stored = {one.key[0]: one for one in await vault.all(collection)}
    for at, record_id in enumerate(wanted.ids):
        if record_id not in stored or record_id in wanted.ids[:at]:
            message = "There is no such record, or it is named twice."
            raise InputError(message, path=f"$.ids[{at}]")
    rest = sorted((key for key in stored if key not in wanted.ids), key=lambda key: _position(collection, stored[key]))
    for position, record_id in enumerate([*wanted.ids, *rest]):
        if _position(collection, stored[record_id]) != position:
            await vault.change(collection, (record_id,), partial(_moved, collection, position))
    return empty()


def _moved(collection: Collection, position: int, stored: Stored | None) -> Document:
    if stored is None:
        raise NotFoundError
    return msgspec.structs.replace(collection.decode(stored.raw), position=position)


def _position(collection: Collection, stored: Stored) -> int:
    return int(getattr(collection.decode(stored.raw), "position", 0))


def routes() -> Iterator[Route]:
    for collection in COLLECTIONS:
        if not collection.has_names:
            continue
        fields = collection.kinds[""].__struct_fields__
        route = partial(Route, tag=collection.label, problems=_PROBLEMS)
        if "archived_at" in fields:
            for verb, handler in (("archive", archive), ("restore", restore)):
                yield route(
                    method="POST",
                    path=f"{collection.path}/{{id}}/{verb}",
                    name=f"{collection.name}_{verb}",
                    summary=f"{collection.label}: {verb} one",
                    handler=partial(handler, collection),
                    answer=answer_type(collection),
                )
        if "position" in fields:
            yield route(
                method="PUT",
                path=f"{collection.path}/order",
                name=f"{collection.name}_order",
                summary=f"{collection.label}: put in order",
                handler=partial(order, collection),
                body=OrderRequest,
                status=204,
            )
