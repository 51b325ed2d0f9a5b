"""JSON Merge Patch (RFC 7396), for documents some of whose fields hold one of several kinds."""

from collections.abc import Mapping
from functools import cache
from typing import TypeAlias

import msgspec
from msgspec import inspect

from timos.vault.record import Document

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def merge(kind: type[Document], document: dict[str, Json], patch: Mapping[str, Json]) -> dict[str, Json]:
    """The patched document, not yet held against its type.

    A member that becomes another kind (a habit of every day, one of three times a week) is replaced: what the kind before it had
    is no part of it.
    """
    tags = _tag_fields(kind)
    kept = {name: value for name, value in document.items() if not _changes_kind(value, patch.get(name), tags.get(name))}
    return _merged(kept, patch)


def _changes_kind(before: Json, patch: Json, tag: str | None) -> bool:
    return isinstance(before, dict) and isinstance(patch, dict) and tag in patch and patch[tag] != before.get(tag)


def _merged(target: Json, patch: Mapping[str, Json]) -> dict[str, Json]:
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value) if isinstance(value, dict) else value
    return merged


@cache
def _tag_fields(kind: type[Document]) -> Mapping[str, str]:
    """Fields that hold one of several kinds, each with the member that tells which."""
    found: dict[str, str] = {}
    for field in msgspec.structs.fields(kind):
        shape = inspect.type_info(field.type)
        for option in shape.types if isinstance(shape, inspect.UnionType) else (shape,):
            if isinstance(option, inspect.StructType) and option.tag_field is not None:
                found[field.encode_name] = option.tag_field
    return found
