"""What a script may rely on: one exit code for each kind of end, and the error that a problem of the server stands for."""

from enum import IntEnum

import msgspec

from timos.kernel.errors import (
    InputError,
    LimitError,
    MalformedError,
    NotFoundError,
    PreconditionError,
    StartError,
    TimosError,
    UnauthenticatedError,
    UnavailableError,
)

_GATEWAY = frozenset({502, 503, 504})  # a proxy in front of us speaks, or the server itself with a problem

_NULL = b"null"


class ExitCode(IntEnum):
    """The numbers are documented for users and never change."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    SIGNED_OUT = 3
    REFUSED = 4
    NOT_FOUND = 5
    UNREACHABLE = 6
    CANNOT_START = 7


class _Problem(msgspec.Struct, frozen=True):
    """The members of an RFC 9457 problem that a client acts on."""

    code: str = ""
    detail: str | None = None
    path: str | None = None
    etag: str | None = None
    stored: msgspec.Raw = msgspec.Raw(_NULL)


def exit_code(error: TimosError) -> ExitCode:
    """4xx is a refusal and worth no retry; 401, 404 and what is down have numbers of their own."""
    if isinstance(error, StartError):
        return ExitCode.CANNOT_START
    if isinstance(error, UnauthenticatedError):
        return ExitCode.SIGNED_OUT
    if isinstance(error, NotFoundError):
        return ExitCode.NOT_FOUND
    if isinstance(error, UnavailableError):
        return ExitCode.UNREACHABLE
    return ExitCode.REFUSED if error.status < TimosError.status else ExitCode.UNEXPECTED


def error_of(status: int, body: bytes, *, retry_after: str | None = None) -> TimosError:
    """The error that the server raised, as the same class; a body that is no problem becomes the nearest one by status."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _without_problem(status)
    kind = _tree().get(problem.code) or TimosError
    if issubclass(kind, PreconditionError):
        return kind(problem.detail, etag=problem.etag, stored=_present(problem.stored))
    if issubclass(kind, LimitError | UnavailableError):
        return kind(
            problem.detail, retry_after_seconds=int(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else 1
        )
    error = kind(problem.detail)
    if isinstance(error, InputError):
        error.path = problem.path
    return error


def _present(raw: msgspec.Raw) -> bytes | None:
    return None if bytes(raw) == _NULL else bytes(raw)


def _tree() -> dict[str, type[TimosError]]:
    kinds: list[type[TimosError]] = [TimosError]
    for kind in kinds:  # grows while it is walked: breadth first over the whole tree
        kinds.extend(kind.__subclasses__())
    return {kind.code: kind for kind in kinds}


def _without_problem(status: int) -> TimosError:
    if status in _GATEWAY:
        return UnavailableError(f"A proxy answers {status} instead of the server. Is the server running?")
    if status == NotFoundError.status:
        return NotFoundError("This address is not a TimOS server, or an older one. Check --server.")
    return MalformedError(f"The server answers {status} without saying why. Is this a TimOS server? Check --server.")
