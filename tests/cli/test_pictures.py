from timos.cli.answers import Doc, Document, Entry, Note
from timos.cli.loop import Today
from timos.cli.pictures import day_lines, month_line


def _plain(shown: Today) -> str:
    return "\n".join(line.plain for line in day_lines(shown))


def test_a_day_is_shown_in_the_order_it_is_lived() -> None:
    text = _plain(
        Today(
            "2026-11-22",
            entry=Doc(
                "2026-11-22", '"e"', {"title": "River", "body": "Walked.", "tags": ["health"], "notes": [{"id": "1", "text": "Tea"}]}
            ),
            morning=Doc("2026-11-22/morning", '"m"', {"mental_state": 4, "emotions": ["calm", "glad"], "valence": 0, "note": ""}),
            evening=Doc("2026-11-22/evening", '"v"', {"energy_givers": ["walk"], "pressure_or_purpose": -1}),
        )
    )
    wanted = [
        "Sunday, 22 November 2026",
        "4 of 5, good",
        "calm, glad",
        "River",
        "Walked.",
        "#health",
        "Tea",
        "walk",
        "pressure or purpose: -1",
    ]
    places = [text.index(each) for each in wanted]
    assert places == sorted(places)
    assert "valence: 0" in text  # zero says something
    assert "note:" not in text  # empty says nothing


def test_an_empty_day_says_how_to_begin() -> None:
    assert "timos write" in _plain(Today("2026-11-22"))


def test_a_document_cannot_command_the_terminal() -> None:
    hostile = "\x1b]0;title\x07\x9b2J"
    entry: Document = {"title": hostile, "body": hostile, "tags": [hostile], "notes": [{"text": hostile, "mood": hostile}]}
    pulse: Document = {"note": hostile, "emotions": [hostile]}
    text = _plain(Today("2026-11-22", Doc("x", '""', entry), Doc("x", '""', pulse), Doc("x", '""', {"honest_note": hostile})))
    assert not {"\x1b", "\x07", "\x9b"} & set(text)
    assert "\x1b" not in month_line("2026-11-22", Entry(body=hostile)).plain


def test_a_month_has_one_line_for_a_day() -> None:
    line = month_line("2026-11-22", Entry(body="First\n\nsecond " + "long " * 50, notes=(Note("x"),))).plain
    assert line.startswith("2026-11-22  Sun  First second long")
    assert "\n" not in line
    assert line.endswith("…")
