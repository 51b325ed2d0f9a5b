import json
from collections.abc import Iterator

import pytest

from tests.web.frame import Site, public
from timos.kernel.errors import (
    DatabaseError,
    DecryptionError,
    InputError,
    LimitError,
    PreconditionError,
    TimosError,
    UnauthenticatedError,
    UnavailableError,
)
from timos.web import errors
from timos.web.answers import Answer
from timos.web.route import Call

DIARY = "today I told nobody"


def tree(root: type[TimosError] = TimosError) -> Iterator[type[TimosError]]:
    yield root
    for below in root.__subclasses__():
        yield from tree(below)


def raising(error: Exception) -> Site:
    async def fail(_: Call) -> Answer:
        raise error

    return Site(public(handler=fail))


def told(answer: Answer) -> dict[str, object]:
    assert isinstance(answer.body, bytes)
    document: dict[str, object] = json.loads(answer.body)
    return document


@pytest.mark.parametrize("kind", list(tree()))
def test_every_error_of_the_tree_is_a_problem(kind: type[TimosError]) -> None:
    answer = errors.problem(kind(), "r1")
    document = told(answer)
    assert answer.media_type == b"application/problem+json"
    assert answer.status == document["status"] == kind.status
    assert document["code"] == kind.code
    assert document["detail"] == kind.default
    assert document["title"]
    assert document["type"] == "about:blank"
    assert document["request_id"] == "r1"


def test_every_code_is_one_class() -> None:
    codes = [kind.code for kind in tree()]
    assert len(codes) == len(set(codes))


def test_the_wrong_field_is_named_where_there_is_one() -> None:
    assert told(errors.problem(InputError(path="$.tags[2]"), ""))["path"] == "$.tags[2]"
    assert "path" not in told(errors.problem(InputError(), ""))


def test_a_failed_precondition_carries_what_is_stored() -> None:
    answer = errors.problem(PreconditionError(etag='"e"', stored=b'{"title": "as stored"}'), "")
    assert told(answer)["stored"] == {"title": "as stored"}
    assert told(answer)["etag"] == '"e"'
    assert (b"etag", b'"e"') in answer.headers


def test_a_failed_precondition_tells_nothing_to_who_may_not_read() -> None:
    document = told(errors.problem(PreconditionError(), ""))
    assert document["stored"] is None
    assert document["etag"] is None


@pytest.mark.parametrize(
    ("error", "seconds"), [(LimitError(retry_after_seconds=7), b"7"), (UnavailableError(), b"2"), (LimitError(retry_after_seconds=0), b"1")]
)
def test_what_may_work_later_says_when(error: TimosError, seconds: bytes) -> None:
    assert errors.problem(error, "").headers == ((b"retry-after", seconds),)


def test_an_unauthenticated_answer_names_the_scheme() -> None:
    assert errors.problem(UnauthenticatedError(), "").headers == ((b"www-authenticate", b"Bearer"),)


def test_what_nobody_raised_on_purpose_is_told_to_nobody() -> None:
    error = RuntimeError(f"while reading: {DIARY}")
    error.__cause__ = KeyError(DIARY)
    site = raising(error)
    answer = site.ask("GET", "/api/things")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert DIARY not in answer.text + site.log
    assert site.lines[0]["error"] == "RuntimeError < KeyError"


def test_the_log_says_where_it_happened_without_folders() -> None:
    site = raising(RuntimeError(DIARY))
    request_id = site.ask("GET", "/api/things").json()["request_id"]
    line = site.lines[0]
    assert line["event"] == "unexpected"
    assert line["request_id"] == request_id
    assert line["error"] == "RuntimeError"
    assert line["places"][-1].endswith(" fail")
    assert "/" not in "".join(line["places"])


@pytest.mark.parametrize("error", [DatabaseError(), DecryptionError()])
def test_the_operator_hears_of_faults_that_are_not_the_callers(error: TimosError) -> None:
    site = raising(error)
    site.ask("GET", "/api/things")
    assert site.lines[0]["event"] == "failed"
    assert site.lines[0]["code"] == error.code


def test_the_callers_own_errors_are_one_line_only() -> None:
    site = raising(InputError(path="$.title"))
    site.ask("GET", "/api/things")
    assert [line["event"] for line in site.lines] == ["request"]


def test_tests_can_have_the_real_error() -> None:
    async def fail(_: Call) -> Answer:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Site(public(handler=fail), does_reraise=True).ask("GET", "/api/things")
