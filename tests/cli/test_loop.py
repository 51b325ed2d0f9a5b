import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer

from tests.support import PASSWORD, Json, Server, server_in
from timos.cli import root
from timos.cli.answers import Doc, members
from timos.cli.days import latest, parse_time, parse_week, week_before, within
from timos.cli.exits import ExitCode
from timos.cli.habits import schedule_of
from timos.cli.loop import Correction, Habit, HabitStreak, HabitToday, Recap, Schedule, Tick, Today, Week, WeekScore
from timos.cli.names import Named, matching, pick
from timos.cli.pictures import day_lines, habit_line, schedule_words, streak_lines, today_lines, week_lines
from timos.cli.transfer import _opened
from timos.kernel.errors import NotFoundError, TimosError

ZURICH = ZoneInfo("Europe/Zurich")
NAMES = [Named(str(at), name) for at, name in enumerate(("Run", "Run far", "Read", "ＳＬＥＥＰ  well", "Straße"))]


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("Run", "Run"),  # the name itself, though another begins with it
        ("run f", "Run far"),
        (" RUN   FAR ", "Run far"),
        ("rea", "Read"),
        ("sleep", "ＳＬＥＥＰ  well"),
        ("strasse", "Straße"),
    ],
)
def test_a_name_is_found_by_its_beginning_in_any_case_and_width(wanted: str, found: str) -> None:
    assert pick(wanted, NAMES, "habit").name == found


def test_of_two_that_bear_the_name_the_first_is_meant() -> None:
    assert pick("good", [Named("own", "Good"), Named("good", "good")], "mood").id == "own"


@pytest.mark.parametrize("wanted", ["re", "R"])
def test_a_beginning_that_several_share_names_them(wanted: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"Rest or Read|Run, Run far, Rest or Read"):
        pick(wanted, [*NAMES[:2], Named("9", "Rest"), NAMES[2]], "habit")


@pytest.mark.parametrize("wanted", ["swim", "unread", "ead", "", " "])
def test_a_name_that_nothing_bears_is_answered_with_those_there_are(wanted: str) -> None:
    with pytest.raises(NotFoundError, match=r"There are Run, Run far, Read, .* and Straße"):
        pick(wanted, NAMES, "habit")
    assert matching(wanted, NAMES) == []


def test_many_names_are_counted_instead_of_listed() -> None:
    with pytest.raises(NotFoundError, match="and 28 more"):
        pick("x", [Named(str(number), f"n{number}") for number in range(40)], "habit")


def test_where_there_is_none_no_list_is_promised() -> None:
    with pytest.raises(NotFoundError, match="There is no habit yet"):
        pick("x", [], "habit")


# ── schedules, times and weeks ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "schedule", "words"),
    [
        ("day", Schedule("day"), "every day"),
        ("weekdays", Schedule("weekdays", (1, 2, 3, 4, 5)), "weekdays"),
        ("weekends", Schedule("weekdays", (6, 7)), "weekends"),
        ("Thu, mon,thursday", Schedule("weekdays", (1, 4)), "Mon Thu"),
        ("week:3", Schedule("week", times=3), "3 × a week"),
    ],
)
def test_a_schedule_is_written_as_one_says_it(text: str, schedule: Schedule, words: str) -> None:
    assert schedule_of(text) == schedule
    assert schedule_words(schedule) == words


@pytest.mark.parametrize("text", ["", "now", "t", "mon,", "mon tue", "week:", "week:0", "week:8", "week:³", "week:x"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        schedule_of(text)


def test_a_time_before_the_end_of_the_day_lies_on_the_next_date() -> None:
    day = date(2026, 11, 21)
    assert within(day, time(21, 30), ZURICH, 3).isoformat() == "2026-11-21T21:30:00+01:00"
    assert within(day, time(1, 30), ZURICH, 3).isoformat() == "2026-11-22T01:30:00+01:00"
    assert within(day, time(1, 30), ZURICH, 0).isoformat() == "2026-11-21T01:30:00+01:00"


def test_a_time_without_a_day_is_the_last_such_time() -> None:
    now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)  # nine in Zurich
    assert latest(time(8, 59), now, ZURICH).isoformat() == "2026-11-22T08:59:00+01:00"
    assert latest(time(9, 1), now, ZURICH).isoformat() == "2026-11-21T09:01:00+01:00"
    assert latest(time(9, 1), now, None).utcoffset() is not None  # the machine's own zone


@pytest.mark.parametrize("text", ["7h", "24:00", "12:60", "12", "12:00:00", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_time(text)


def test_weeks_are_those_of_the_calendar() -> None:
    today = date(2027, 1, 1)  # a Friday of the last week of 2026
    assert parse_week("this", today) == "2026-W53"
    assert parse_week("last", today) == "2026-W52"
    assert parse_week("2020-w53", today) == "2020-W53"
    assert week_before("2027-W01") == "2026-W53"


@pytest.mark.parametrize("text", ["2025-W53", "2026-W00", "2026-W54", "2026W47", "47", "0000-W01", "２026-W47", "next"])
def test_a_week_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_week(text, date(2026, 11, 22))


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (HabitToday("1", Habit("Run"), tick=Tick()), "✓ Run"),
        (HabitToday("1", Habit("Run")), "· Run"),
        (HabitToday("1", Habit("Run"), is_due=False), "· Run  not today"),
        (HabitToday("1", Habit("Run"), tick=Tick(0, skipped=True, note="ill\nstill")), "– Run  skipped, ill still"),
        (HabitToday("1", Habit("Read", kind="count", target=20, unit="pages"), tick=Tick(12.5)), "· Read  12.5 of 20 pages"),
        (HabitToday("1", Habit("Sit", kind="minutes", target=10), tick=Tick(10)), "✓ Sit  10 of 10 minutes"),
    ],
)
def test_a_habit_shows_how_it_stands(one: HabitToday, line: str) -> None:
    assert habit_line(one).plain == line


def test_streaks_tell_what_went_well_and_never_scold() -> None:
    streaks = [HabitStreak("1", "Run", 5, 12, 26, 30), HabitStreak("2", "Swim", 0, 0, 0, 0), HabitStreak("3", "Sit", 1, 1, 3, 4)]
    assert [line.plain for line in streak_lines(streaks, {"3"})] == ["Run   5 days, best 12, 26 of 30", "Swim", "Sit   1 week, 3 of 4"]


def _plain(lines: Iterator[object]) -> str:
    return "\n".join(str(line) for line in lines)


def test_today_shows_what_is_to_do_and_a_day_only_what_was_done() -> None:
    shown = Today(
        "2026-11-22",
        habits=(HabitToday("1", Habit("Run"), tick=Tick()), HabitToday("2", Habit("Swim")), HabitToday("3", Habit("Rest"), is_due=False)),
        pillars=(Doc("p", '""', {"name": "Health"}),),
        scores=Doc("2026-11-22", '""', {"scores": {"p": {"value": 7, "note": "slept"}, "gone": {"value": 1}}}),
        week=Week("2026-W47", carried=(Correction("go to bed"),)),
        on_this_day=(Doc("2025-11-22", '""', {"body": "a year ago"}),),
    )
    today, day = _plain(today_lines(shown)), _plain(day_lines(shown))
    assert "✓ Run\n· Swim\n" in today
    assert "Rest" not in today
    assert "Health: 7, slept" in today
    assert "go to bed" in today
    assert "2025-11-22  Sat  a year ago" in today
    assert "✓ Run" in day
    assert not {"Swim", "go to bed", "a year ago"} & set(day.split("\n"))


def test_a_closed_week_shows_the_scores_that_it_was_closed_with() -> None:
    recap = {"completed_at": "2026-11-22T20:00:00Z", "pillar_scores": {"p": {"mean": 6.0, "days": 1}}}
    shown = Week("2026-W47", recap=Doc("2026-W47", '""', {**recap}), scores={"p": WeekScore(9, 7)})
    text = _plain(week_lines(shown, [Correction("a", done=True), Correction("b")], {"p": "Health"}))
    assert "Health: 6.0 (1 day)" in text
    assert "1. ✓ a\n2. · b" in text
    assert Recap().completed_at is None


def test_the_loop_cannot_command_the_terminal() -> None:
    hostile = "\x1b]0;title\x07\x9b2J"
    habit = HabitToday("1", Habit(hostile, kind="count", unit=hostile), tick=Tick(note=hostile))
    recap = {"highlights": [hostile], "patterns": [hostile], "reflection": hostile, "corrections": [{"text": hostile}]}
    week = Week("2026-W47", recap=Doc("", '""', {**recap}), carried=(Correction(hostile),), scores={"p": WeekScore(9, 7)})
    today = Today("2026-11-22", habits=(habit,), week=week, on_this_day=(Doc("2025-11-22", '""', {"body": hostile}),))
    streaks = streak_lines([HabitStreak("1", hostile, 1, 1, 1, 1)], set())
    text = _plain(today_lines(today)) + _plain(week_lines(week, [Correction(hostile)], {"p": hostile})) + _plain(streaks)
    assert not {"\x1b", "\x07", "\x9b"} & set(text)


# ── command lines ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_journal_command_is_known_to_the_quick_start() -> None:
    assert set(typer.main.get_command(root.build()).commands) == root.JOURNAL_COMMANDS  # type: ignore[attr-defined]  # a group has them


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        root.run(root.build(), arguments)
    return int(caught.value.code or 0)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TIMOS_SERVER", raising=False)


@pytest.mark.parametrize(
    "line",
    [
        "habit list", "habit list --archived", "habit add Run", "habit done run", "habit undo run", "habit streaks", "habit archive run",
        "habit restore run", "mood", "mood good", "mood log good", "mood --json", "mood --note x good", "mood add Stormy --level 2",
        "week", "week 2026-W47", "week show", "week --json", "week write --highlight x", "week write last --done 1", "week complete",
        "pillar list", "pillar add Health", "pillar score health 7", "pillar archive health", "pillar restore health",
        "import --list", "import --undo -abc",
    ],
)  # fmt: skip
def test_a_command_of_the_loop_without_a_login_says_how_to_sign_in(line: str, nobody: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(*line.split()) == ExitCode.SIGNED_OUT
    printed = capsys.readouterr()
    assert "timos login" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    "line",
    [
        "habit done", "habit done run --skip --value 2", "habit done run --value -1", "habit add Run --every never",
        "habit add Run --target -1", "mood --note x", "mood add Stormy", "mood add Stormy --level 6", "week write", "week write --done 0",
        "pillar score health", "pillar score health 11", "pillar score health 0",
        "import", "import --list --undo x", "import x.jsonl --list", "import --list --dry-run", "import --undo x --format jsonl",
    ],
)  # fmt: skip
def test_a_command_line_of_the_loop_that_cannot_be_meant_is_a_usage_error(line: str, nobody: None) -> None:
    assert _run(*line.split()) == ExitCode.USAGE


def test_members_of_an_answer_come_as_they_came() -> None:
    assert members(b'{"day":"d","more":{"x":1.0},"rest":0}', "day", "more") == b'{"day":"d","more":{"x":1.0}}'
    with pytest.raises(TimosError):
        members(b"{}", "day")


# ── what is imported ─────────────────────────────────────────────────────────────────────────────────────────────────


def _zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "text")
    return path


def test_a_folder_is_notes_and_a_zip_is_an_archive_only_with_its_manifest(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "2020-01-01.md").write_text("hello")
    assert _opened(tmp_path / "notes", None)[0] == "markdown"
    archive, notes = _zip(tmp_path / "a.zip", "manifest.json"), _zip(tmp_path / "n.zip", "2020-01-01.md", ".obsidian/manifest.json")
    assert _opened(archive, None)[0] == "archive"
    assert _opened(notes, "markdown") == ("markdown", notes.read_bytes())
    with pytest.raises(typer.BadParameter, match="--format markdown"):
        _opened(notes, None)
    (tmp_path / "no.zip").write_text("no zip")
    assert _opened(tmp_path / "no.zip", None)[0] == "archive"  # the server says what is wrong with it
    with pytest.raises(typer.BadParameter, match="folder"):
        _opened(tmp_path / "notes", "jsonl")


# ── against a server ─────────────────────────────────────────────────────────────────────────────────────────────────


class Terminal:
    """A person who types commands; answers are what was printed."""

    def __init__(self, server: Server) -> None:
        self._server = server
        done = server.command("signup", "ada@example.org", "--password-stdin", stdin=f"{PASSWORD}\n")
        assert done.returncode == ExitCode.OK, done.stderr

    def says(self, *arguments: str) -> str:
        done = self._server.command(*arguments)
        assert done.returncode == ExitCode.OK, done.stderr
        return done.stdout

    def hears(self, *arguments: str) -> str:
        """What is said beside the answer."""
        done = self._server.command(*arguments)
        assert done.returncode == ExitCode.OK, done.stderr
        return done.stderr

    def damage(self, table: str) -> None:
        """No row of it opens any more."""
        with closing(sqlite3.connect(self._server.folder / "data" / "vault.db")) as connection, connection:
            connection.execute(f"UPDATE {table} SET sealed = zeroblob(600)")  # noqa: S608 (a name of ours)

    def json(self, *arguments: str) -> Json:
        return json.loads(self.says(*arguments, "--json"))

    def refused(self, code: ExitCode, *arguments: str) -> str:
        done = self._server.command(*arguments)
        assert done.returncode == code, done.stdout + done.stderr
        assert done.stdout == ""
        return done.stderr


@pytest.mark.slow
def test_a_week_lived_on_the_command_line(template: Path, tmp_path: Path) -> None:
    with server_in(tmp_path, template=template) as server:
        ada = Terminal(server)
        _habits(ada)
        _pillars(ada)
        _moods(ada)
        _weeks(ada)
        _today(ada)
        _imports(ada, tmp_path)


@pytest.mark.slow
def test_days_that_do_not_open_are_told_beside_what_is_shown(template: Path, tmp_path: Path) -> None:
    with server_in(tmp_path, template=template) as server:
        ada = Terminal(server)
        ada.says("habit", "add", "Run")
        ada.says("habit", "done", "run")
        ada.says("mood", "good")
        ada.says("pillar", "add", "Health")
        ada.says("pillar", "score", "health", "7")
        assert "does not open" not in ada.hears("today")
        for table in ("habit_days", "mood_logs", "pillar_scores"):
            ada.damage(table)
        assert "habits, moods, scores: stored, but does not open" in ada.hears("today")
        assert "habits: stored, but does not open" in ada.hears("habit", "list")
        for line in ("habit streaks", "mood", "week"):
            assert ": stored, but does not open" in ada.hears(*line.split()), line
        assert ada.json("habit", "list")["unreadable_parts"] == ["habits", "moods", "scores"]
        for line in ("habit done run", "habit undo run", "mood good", "pillar score health 8"):
            assert "does not open" in ada.refused(ExitCode.UNEXPECTED, *line.split()), line


def _habits(ada: Terminal) -> None:
    assert "Make one with" in ada.says("habit", "list")
    ada.says("habit", "add", "Run", "--every", "week:1")
    ada.says("habit", "add", "Read", "--every", "weekends", "--target", "20", "--unit", "pages")
    ada.says("habit", "add", "Rest")
    assert "already" in ada.refused(ExitCode.REFUSED, "habit", "add", " run")
    ada.says("habit", "done", "ru")
    assert "Read: 12 of 20 pages" in ada.says("habit", "done", "read", "--value", "12")
    ada.says("habit", "done", "rest", "--skip")
    assert "Read or Rest" in ada.refused(ExitCode.USAGE, "habit", "done", "re")
    assert "There are Read, Rest and Run" in ada.refused(ExitCode.NOT_FOUND, "habit", "done", "swim")
    assert ada.says("habit", "list").splitlines() == ["· Read  weekends, 12 of 20 pages", "– Rest  every day, skipped", "✓ Run  1 × a week"]
    assert [one["tick"]["value"] for one in ada.json("habit", "list")["habits"]] == [12, 0, 1]
    assert "Run   1 week" in ada.says("habit", "streaks")
    assert {one["name"] for one in ada.json("habit", "streaks")["habits"]} == {"Read", "Rest", "Run"}
    for _ in range(2):  # taking back what is not there is no fault
        ada.says("habit", "undo", "rest")
    assert ada.json("habit", "list")["habits"][1]["tick"] is None
    ada.says("habit", "archive", "rest")
    assert "timos habit restore Rest" in ada.refused(ExitCode.NOT_FOUND, "habit", "done", "rest")
    assert ada.says("habit", "list", "--archived") == "Rest\n"
    ada.says("habit", "restore", "re")  # among the archived ones the beginning is enough
    assert ada.says("habit", "list", "--archived") == "No habit is archived.\n"


def _pillars(ada: Terminal) -> None:
    ada.says("pillar", "add", "Health", "--purpose", "to be there")
    ada.says("pillar", "add", "Work")
    ada.says("pillar", "score", "hea", "7", "--note", "slept well")
    ada.says("pillar", "score", "health", "8")  # the note stays
    assert ada.says("pillar", "list") == "Health  to be there\nWork\n"
    ada.says("pillar", "archive", "work")
    assert [one["document"]["name"] for one in ada.json("pillar", "list")["items"]] == ["Health"]
    ada.says("pillar", "restore", "work")


def _moods(ada: Terminal) -> None:
    ada.says("mood", "add", "Stormy", "--level", "2")
    ada.says("mood", "stor", "--note", "wind", "--tag", "sea")
    ada.says("mood", "log", "good", "--day", "2026-01-05", "--at", "01:15")
    assert "Stormy  wind  #sea" in ada.says("mood")
    (logged,) = ada.json("mood", "--day", "2026-01-05")["items"]
    assert logged["log"]["mood"] == "good"
    assert "01:15  Good" in ada.says("mood", "--day", "2026-01-05")
    assert "Stormy, Awful" in ada.refused(ExitCode.NOT_FOUND, "mood", "nope")


def _weeks(ada: Terminal) -> None:
    assert "Write it first" in ada.refused(ExitCode.REFUSED, "week", "complete")
    ada.says("week", "write", "last", "--correct", "go to bed", "--correct", "call home", "--highlight", "a walk")
    for _ in range(2):  # its number stays when it is done
        ada.says("week", "write", "--done", "1")
    assert "2 course corrections" in ada.refused(ExitCode.USAGE, "week", "write", "--done", "3")
    ada.says("week", "write", "--reflect", "First.", "--highlight", "the sea")
    ada.says("week", "write", "--reflect", "Second.", "--highlight", "the sea")
    shown = ada.says("week")
    for part in ("1. ✓ go to bed\n2. · call home", "Health: 8.0 (1 day)", "· the sea\n\n", "First.\n\nSecond.", "Open."):
        assert part in shown
    ada.says("week", "complete")
    week = ada.json("week")
    assert week["recap"]["document"]["completed_at"]
    assert [one["text"] for one in week["carried"]] == ["call home"]
    assert "a walk" in ada.says("week", week_before(week["week"]))


def _today(ada: Terminal) -> None:
    day = date.fromisoformat(ada.json("today")["day"])
    before = day - timedelta(days=1) if (day.month, day.day) == (2, 29) else day
    ada.says("write", "entry", "A year ago.", "--day", before.replace(year=day.year - 1).isoformat())
    shown = ada.says("today")
    for part in ("✓ Run", "· Rest", "Health: 8, slept well", "· call home", "A year ago."):
        assert part in shown
    assert "call home" not in ada.says("day", day.isoformat())


def _imports(ada: Terminal, folder: Path) -> None:
    notes = folder / "notes"
    notes.mkdir()
    (notes / "2020-01-01.md").write_text("An old day.")
    assert "--undo" not in ada.says("import", str(notes), "--dry-run")
    told = ada.says("import", str(notes))
    batch = told.strip().rpartition("--undo=")[2]
    assert [one["id"] for one in ada.json("import", "--list")["items"]] == [batch]
    assert f"{batch}  " in ada.says("import", "--list")
    assert "An old day." in ada.says("day", "2020-01-01")
    assert "1 taken back" in ada.says("import", "--undo", batch)
    assert "An old day." not in ada.says("day", "2020-01-01")
    for batch_id in (batch, "../auth/sessions"):
        assert "timos import --list" in ada.refused(ExitCode.NOT_FOUND, "import", "--undo", batch_id)
    batch = ada.says("import", str(notes)).strip().rpartition("--undo=")[2]
    assert "do not open" not in ada.hears("import", "--list")
    ada.damage("imports")
    assert "1 records of imports do not open" in ada.hears("import", "--list")
    assert ada.json("import", "--list") == {"items": [], "unreadable": 1}
    assert "1 records of this import did not open" in ada.hears("import", "--undo", batch)
