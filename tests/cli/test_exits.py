import json

import pytest

from timos.cli.exits import ExitCode, error_of, exit_code
from timos.kernel.errors import (
    ConflictError,
    DecryptionError,
    InputError,
    LimitError,
    NotFoundError,
    PreconditionError,
    StartError,
    StepUpError,
    TimosError,
    UnauthenticatedError,
    UnavailableError,
)


def _problem(code: str, **more: object) -> bytes:
    return json.dumps({"type": "about:blank", "code": code, "detail": "Said by the server.", **more}).encode()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (TimosError, ExitCode.UNEXPECTED),
        (DecryptionError, ExitCode.UNEXPECTED),
        (UnauthenticatedError, ExitCode.SIGNED_OUT),
        (InputError, ExitCode.REFUSED),
        (StepUpError, ExitCode.REFUSED),
        (ConflictError, ExitCode.REFUSED),
        (PreconditionError, ExitCode.REFUSED),
        (LimitError, ExitCode.REFUSED),
        (NotFoundError, ExitCode.NOT_FOUND),
        (UnavailableError, ExitCode.UNREACHABLE),
        (StartError, ExitCode.CANNOT_START),
    ],
)
def test_every_kind_of_end_has_its_code(kind: type[TimosError], code: ExitCode) -> None:
    assert exit_code(kind()) is code


def _all_kinds(kind: type[TimosError] = TimosError) -> list[type[TimosError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _all_kinds(child))]


@pytest.mark.parametrize("kind", _all_kinds())
def test_a_problem_becomes_the_error_that_the_server_raised(kind: type[TimosError]) -> None:
    error = error_of(kind.status, _problem(kind.code))
    assert type(error) is kind
    assert str(error) == "Said by the server."


def test_the_wrong_field_is_named() -> None:
    error = error_of(422, _problem("invalid", path="$.mental_state"))
    assert isinstance(error, InputError)
    assert error.path == "$.mental_state"


def test_a_conflict_brings_the_stored_document() -> None:
    error = error_of(412, _problem("precondition", etag='"e"', stored={"body": "theirs"}))
    assert isinstance(error, PreconditionError)
    assert error.etag == '"e"'
    assert json.loads(error.stored or b"") == {"body": "theirs"}


@pytest.mark.parametrize("members", [{}, {"stored": None, "etag": None}])
def test_a_conflict_without_a_stored_document_brings_none(members: dict[str, object]) -> None:
    error = error_of(412, _problem("precondition", **members))
    assert isinstance(error, PreconditionError)
    assert error.stored is None


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), (None, 1), ("soon", 1), ("²", 1)])
def test_the_wait_comes_from_the_header(header: str | None, seconds: int) -> None:
    error = error_of(429, _problem("limit"), retry_after=header)
    assert isinstance(error, LimitError)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize(("status", "code"), [(502, ExitCode.UNREACHABLE), (404, ExitCode.NOT_FOUND), (400, ExitCode.REFUSED)])
def test_an_answer_that_is_no_problem_still_ends_with_the_right_code(status: int, code: ExitCode) -> None:
    assert exit_code(error_of(status, b"<html>nginx</html>")) is code
    assert exit_code(error_of(status, b"\xff")) is code
