"""The one renderer: every error becomes problem+json (RFC 9457) here, and nowhere else.

1. A TimosError tells its own text, which is safe for the user; anything else tells nothing but its request id.
2. The log gets class names and places in the code, never a message or a value: those may be a line of a diary.
"""

from http import HTTPStatus
from pathlib import PurePath
from traceback import walk_tb
from typing import Protocol

import msgspec

from timos.kernel.errors import InputError, LimitError, PreconditionError, TimosError, UnauthenticatedError, UnavailableError
from timos.web.answers import Answer, Header

PROBLEM = b"application/problem+json"
MAX_PLACES = 30  # innermost frames kept

_encode = msgspec.json.Encoder().encode
_TITLES = {status.value: status.phrase for status in HTTPStatus}


class ErrorLog(Protocol):
    """The part of a structlog logger that is used here."""

    def error(self, event: str, /, **fields: object) -> object: ...


def problem(error: TimosError, request_id: str) -> Answer:
    """The answer that tells `error`; same bytes for the same class and detail but for the request id."""
    told: dict[str, object] = {
        "type": "about:blank",
        "title": _TITLES[error.status],
        "status": error.status,
        "code": error.code,
        "detail": str(error),
    }
    if isinstance(error, InputError) and error.path is not None:
        told["path"] = error.path
    told["request_id"] = request_id
    if isinstance(error, PreconditionError):
        told["etag"] = error.etag
        told["stored"] = None if error.stored is None else msgspec.Raw(error.stored)
    return Answer(error.status, _encode(told), _headers(error), PROBLEM)


def expected(error: TimosError, request_id: str, log: ErrorLog) -> Answer:
    """For what was raised on purpose. Faults of ours are logged too: the operator must hear of a database that does not answer."""
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("failed", request_id=request_id, code=error.code, error=kind(error), places=places(error))
    return problem(error, request_id)


def unexpected(error: Exception, request_id: str, log: ErrorLog) -> Answer:
    """For what nobody raised on purpose: logged by class and place, answered without a word about it."""
    log.error("unexpected", request_id=request_id, error=kind(error), places=places(error))
    return problem(TimosError(), request_id)


def kind(error: BaseException) -> str:
    """Class names of the error and of what caused it, outermost first."""
    names: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(names) < MAX_PLACES:
        names.append(type(cause).__qualname__)
        cause = cause.__cause__ or cause.__context__
    return " < ".join(names)


def places(error: BaseException) -> list[str]:
    """`file:line function` from the outermost frame to the one that raised, by file name only: folders tell about the machine."""
    frames = [(frame.f_code, line) for frame, line in walk_tb(error.__traceback__)]
    return [f"{PurePath(code.co_filename).name}:{line} {code.co_name}" for code, line in frames[-MAX_PLACES:]]


def _headers(error: TimosError) -> tuple[Header, ...]:
    if isinstance(error, LimitError | UnavailableError):
        return ((b"retry-after", str(max(1, error.retry_after_seconds)).encode()),)
    if isinstance(error, UnauthenticatedError):
        return ((b"www-authenticate", b"Bearer"),)  # RFC 9110 section 15.5.2 wants one; browsers ask nothing for this scheme
    if isinstance(error, PreconditionError) and error.etag is not None:
        return ((b"etag", error.etag.encode("latin-1")),)
    return ()
