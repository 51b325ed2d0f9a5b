"""JSON that every reader reads alike, or an error.

1. UTF-8, one value, no NaN, no Infinity, no lone surrogate, at most 32 levels: RFC 8259 and I-JSON (RFC 7493).
2. No name twice in an object: msgspec would take the last silently, another reader the first.
3. No field that the type does not know: it would be lost without a word (`check_type` refuses types that allow it).
4. Errors name a place in the *type*; no text of them comes from the document, because the document is a diary.

The strict pass is the standard library's scanner with a hook per object: 8 µs for 1 KiB. The typed pass is msgspec, 2 µs.
"""

import json
import re
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, NoReturn

import msgspec
from msgspec.inspect import StructType, multi_type_info

from timos.kernel.errors import InputError, MalformedError, StartError
from timos.web.route import TypeForm

MAX_DEPTH = 32  # operations.md, "Abuse"
MAX_PATH = 120  # characters; deeper than any document of ours

_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|([\[{])|([\]}])', re.DOTALL)
_PLACE = re.compile(r" - at `(?:key in `)?(\$[A-Za-z0-9_.\[\]]*)`+$")
_MISSING = re.compile(r"^Object missing required field `([A-Za-z0-9_]+)`")


def decode(raw: bytes, form: TypeForm) -> Any:  # Any: an instance of `form`, which mypy cannot say for unions
    """`raw` as an instance of `form`.

    Raises:
        MalformedError: not JSON, or two readers would disagree about it.
        InputError: JSON, but not of this type; `path` is the first wrong field.
    """
    try:
        _check(raw)
        return _decoder(form).decode(raw)
    except msgspec.ValidationError as error:
        raise input_error(error) from None
    except (ValueError, RecursionError, OverflowError) as error:
        # ValueError: both decoders' own errors, bad UTF-8, and integers of more than 4300 digits
        raise MalformedError from error


def input_error(error: msgspec.ValidationError, prefix: str = "$.") -> InputError:
    """The problem without a word of the document: msgspec's own texts may quote values and unknown names."""
    text = str(error)
    place = _PLACE.search(text)
    path = place[1][:MAX_PATH] if place else "$"
    if text.startswith("Object contains unknown field"):
        # an unknown name may itself look like a place, so none is told
        return InputError("There is a field that is not known here.", path="$")
    if missing := _MISSING.match(text):
        return InputError("A required field is missing.", path=f"{path}.{missing[1]}".replace("$.", prefix, 1))
    path = path.replace("$.", prefix, 1)
    if text.startswith("Expected `"):  # names types and bounds of ours only
        return InputError(f"{text[: place.start()] if place else text}.", path=path)
    return InputError(path=path)


def check_type(form: TypeForm) -> None:
    """Raises StartError for a struct, however deep inside `form`, that drops unknown fields in silence."""
    seen: list[object] = []
    waiting: list[object] = list(multi_type_info([form]))
    while waiting:
        item = waiting.pop()
        if any(item is known for known in seen):
            continue
        seen.append(item)
        if isinstance(item, StructType) and not item.cls.__struct_config__.forbid_unknown_fields:
            raise StartError(f"{item.cls.__qualname__} is decoded from requests and must declare forbid_unknown_fields=True.")
        if isinstance(item, tuple | list):
            waiting.extend(item)
        elif is_dataclass(item) or isinstance(item, msgspec.Struct):
            waiting.extend(_parts(item))


@lru_cache(None)  # as many as there are routes
def _decoder(form: TypeForm) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(form)


def _parts(item: Any) -> list[object]:  # Any: every kind of node that msgspec.inspect has
    names = item.__struct_fields__ if isinstance(item, msgspec.Struct) else [part.name for part in fields(item)]
    return [getattr(item, name) for name in names]


def _check(raw: bytes) -> None:
    text = raw.decode("utf-8")
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:  # brackets bound the depth; count it only where they do not settle it
        _check_depth(text)
    _scan(text)  # lets lone surrogates through; msgspec refuses them for every type


def _check_depth(text: str) -> None:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        depth += 1 if found[1] else -1 if found[2] else 0
        if depth > MAX_DEPTH:
            raise MalformedError(f"The document is nested more than {MAX_DEPTH} levels deep.")


def _unique(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise MalformedError("A name stands twice in one object.")


def _refuse(_: str) -> NoReturn:
    raise MalformedError("NaN and Infinity are not JSON.")


_scan = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse).decode
