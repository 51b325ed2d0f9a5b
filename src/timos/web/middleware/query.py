"""Query parameters, as strictly as bodies: known names, once each, of the declared types."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from timos.kernel.errors import InputError, TooLargeError
from timos.web.route import AnyQuery
from timos.web.strict_json import input_error

MAX_PARAMETERS = 50


def decode(raw: bytes, form: type | None) -> Any:  # Any: an instance of `form`
    """The query as an instance of the Struct `form`; None where the route declares none.

    Raises:
        InputError: `path` is the parameter's name, or `query` where that is the caller's own word.
    """
    if form is AnyQuery or (form is None and not raw):
        return None
    if form is None:
        raise InputError("This address takes no parameters.", path="query")
    values = _parsed(raw) if raw else {}
    known = _fields(form) if values else {}
    for name, value in values.items():
        if name not in known:
            raise InputError("There is a parameter that is not known here.", path="query")
        if value.lower() == "null" and known[name] is not str:
            raise InputError(path=name)  # msgspec would take it for "not given"
    try:
        return msgspec.convert(values, form, strict=False)
    except msgspec.ValidationError as error:
        raise input_error(error, prefix="") from None


@cache  # as many as there are routes with a query; msgspec works them out anew each time
def _fields(form: type) -> Mapping[str, Any]:  # Any: annotations
    return {field.encode_name: field.type for field in msgspec.structs.fields(form)}


def _parsed(raw: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    pieces = raw.split(b"&", MAX_PARAMETERS)
    if len(pieces) > MAX_PARAMETERS:
        raise TooLargeError(f"There are more than {MAX_PARAMETERS} parameters.", path="query")
    for piece in pieces:
        name, value = _pair(piece)
        if name in values:
            raise InputError("A parameter is given twice.", path="query")
        values[name] = value
    return values


def _pair(piece: bytes) -> tuple[str, str]:
    try:
        name, _, value = piece.decode("ascii").partition("=")
        return unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        raise InputError("A parameter is not UTF-8.", path="query") from None
