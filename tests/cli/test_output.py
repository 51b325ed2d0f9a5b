import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timos.cli.answers import Piece
from timos.cli.output import print_json, printable, report, snippet
from timos.kernel.errors import InputError, LimitError, TimosError

PIECES = (Piece("we went "), Piece("sailing", marked=True), Piece(" at dawn"))


@given(st.text())
def test_no_text_can_command_the_terminal(text: str) -> None:
    shown = printable(text)
    assert not any(ord(char) < 0x20 and char not in "\n\t" for char in shown)
    assert not any(0x7F <= ord(char) < 0xA0 for char in shown)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))))
def test_text_without_controls_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_line_ends_of_windows_are_line_ends() -> None:
    assert printable("one\r\ntwo") == "one\ntwo"


def test_marks_are_brackets_without_a_terminal() -> None:
    text = snippet(PIECES, is_terminal=False)
    assert text.plain == "we went [sailing] at dawn"
    assert not text.spans


def test_marks_are_styled_on_a_terminal() -> None:
    text = snippet(PIECES, is_terminal=True)
    assert text.plain == "we went sailing at dawn"
    assert [(text.plain[span.start : span.end]) for span in text.spans] == ["sailing"]


def test_a_snippet_is_one_line() -> None:
    assert "\n" not in snippet((Piece("one\ntwo\r\nthree"),), is_terminal=False).plain


def test_markup_in_a_text_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    report(TimosError("[bold]kept[/bold] :smile:"))
    assert "[bold]kept[/bold] :smile:" in capsys.readouterr().err


def test_an_error_is_one_line_on_stderr_and_names_the_field(capsys: pytest.CaptureFixture[str]) -> None:
    report(InputError("Too\nlarge.", path="$.sleep_hours"))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "timos: Too large. (field $.sleep_hours)\n"


def test_a_long_wait_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    report(LimitError(retry_after_seconds=719))
    report(LimitError(retry_after_seconds=1))
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("Try again in 12 minutes.")
    assert "minutes" not in second


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_json_is_one_document_that_cannot_command_the_terminal(value: dict[str, object]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("sys.stdout.write", printed.append)
        print_json(json.dumps(value).encode())
    text = "".join(printed)
    assert json.loads(text) == value
    assert not any(0x7F <= ord(char) < 0xA0 or (ord(char) < 0x20 and char != "\n") for char in text)
