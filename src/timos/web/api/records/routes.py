"""The routes of every collection, as they follow from its declaration."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from timos.kernel.errors import (
    ConflictError,
    DecryptionError,
    NotFoundError,
    PreconditionError,
    QuotaError,
    TimosError,
    TooLargeError,
    UnavailableError,
    VaultLockedError,
)
from timos.vault.collections import COLLECTIONS
from timos.vault.record import KIB, Collection
from timos.web.answers import Answer
from timos.web.api.records.listing import ListQuery, list_all, list_days, read_day
from timos.web.api.records.record import answer_type, listing_type, patch_type
from timos.web.api.records.single import create, delete, patch, read, write
from timos.web.route import Call, Route

_PROBLEMS = (VaultLockedError, DecryptionError, UnavailableError)


def routes() -> Iterator[Route]:
    for collection in COLLECTIONS:
        if collection.path is None:
            continue  # only verbs reach it
        if not collection.key:
            yield from _document_routes(collection, collection.path, None)
        elif collection.key == ("day", "kind"):
            yield _list_route(collection, list_days, ListQuery)
            yield _day_route(collection)
            for kind in collection.kinds:
                yield from _document_routes(collection, f"{collection.path}/{{day}}/{kind}", kind)
        else:
            yield _list_route(collection, list_days, ListQuery) if collection.has_days else _list_route(collection, list_all, None)
            if collection.has_ids:
                yield _create_route(collection)
            yield from _document_routes(collection, f"{collection.path}/{{{collection.key[0]}}}", None)


def _list_route(collection: Collection, handler: Callable[[Collection, Call], Awaitable[Answer]], query: type | None) -> Route:
    return Route(
        method="GET",
        path=collection.path or "",
        name=f"{collection.name}_list",
        summary=f"{collection.label}: list by day, a page at a time" if query else f"{collection.label}: all of them",
        tag=collection.label,
        handler=partial(handler, collection),
        query=query,
        answer=listing_type(collection),
        problems=_PROBLEMS,
    )


def _create_route(collection: Collection) -> Route:
    return Route(
        method="POST",
        path=collection.path or "",
        name=f"{collection.name}_create",
        summary=f"{collection.label}: make one",
        tag=collection.label,
        handler=partial(create, collection),
        body=collection.kinds[""],
        body_limit_bytes=collection.limit_bytes + 4 * KIB,
        answer=answer_type(collection),
        status=201,
        headers=("Idempotency-Key",),
        is_idempotency_keyed=True,
        problems=(ConflictError, QuotaError, TooLargeError, *_PROBLEMS),
    )


def _day_route(collection: Collection) -> Route:
    return Route(
        method="GET",
        path=f"{collection.path}/{{day}}",
        name=f"{collection.name}_of_day",
        summary=f"{collection.label}: all of one day",
        tag=collection.label,
        handler=partial(read_day, collection),
        answer=listing_type(collection),
        problems=_PROBLEMS,
    )


def _missing(collection: Collection) -> tuple[type[TimosError], ...]:
    return (NotFoundError,) if collection.has_ids else ()


def _taken(collection: Collection) -> tuple[type[TimosError], ...]:
    return (ConflictError,) if collection.has_names else ()


def _document_routes(collection: Collection, path: str, kind: str | None) -> Iterator[Route]:
    document = collection.kinds[kind or ""]
    prefix = f"{collection.name}_{kind}" if kind else collection.name
    label = f"{collection.label} ({kind})" if kind else collection.label
    answer = answer_type(collection, document)
    limit = collection.limit_bytes + 4 * KIB  # white space and the like around the document itself
    made = {} if collection.has_ids else {201: answer}  # ids are ours to give: nothing is made at one
    common: dict[str, Any] = {"path": path, "tag": collection.label, "answer": answer}  # Any: keyword arguments
    yield Route(
        method="GET",
        name=f"{prefix}_get",
        summary=f"{label}: read",
        handler=partial(read, collection, kind),
        problems=(NotFoundError, *_PROBLEMS),
        **common,
    )
    yield Route(
        method="PUT",
        name=f"{prefix}_put",
        summary=f"{label}: write whole; without If-Match only where nothing is stored",
        handler=partial(write, collection, kind),
        body=document,
        body_limit_bytes=limit,
        other_statuses=made,
        headers=("If-Match",),
        problems=(*_missing(collection), *_taken(collection), PreconditionError, QuotaError, TooLargeError, *_PROBLEMS),
        **common,
    )
    yield Route(
        method="PATCH",
        name=f"{prefix}_patch",
        summary=f"{label}: change some fields (JSON Merge Patch)",
        handler=partial(patch, collection, kind),
        body=dict[str, Any],
        described_body=patch_type(document),
        body_limit_bytes=limit,
        other_statuses=made,
        headers=("If-Match",),
        problems=(*_missing(collection), *_taken(collection), PreconditionError, QuotaError, TooLargeError, *_PROBLEMS),
        **common,
    )
    yield Route(
        method="DELETE",
        name=f"{prefix}_delete",
        summary=f"{label}: delete",
        handler=partial(delete, collection, kind),
        status=204,
        headers=("If-Match",),
        problems=(NotFoundError, PreconditionError, *_PROBLEMS),
        **{**common, "answer": None},
    )
