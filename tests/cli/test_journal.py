"""The journal from a terminal, as a person keeps it: against a real server process."""

import json
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.cli.console import Console
from tests.support import PASSWORD, Server, run_command, server_in
from timos.cli.exits import ExitCode
from timos.cli.login import LoginFile

pytestmark = pytest.mark.slow  # one server process for the module

DIARY = [
    ("1665-06-07", "This day, much against my will, I did in Drury Lane see two or three houses marked with a red cross."),
    ("1665-06-10", "In the evening home to supper; and there, to my great trouble, hear that the plague is come into the City."),
    ("1665-07-20", "Walked to Deptford, and there to the yard; lord, to see how the plague spreads."),
    ("1666-09-02", "Jane called us up about three in the morning, to tell us of a great fire they saw in the City."),
]
_numbers = count()


@pytest.fixture(scope="module")
def running(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server_in(tmp_path_factory.mktemp("served"), template=template) as server:
        yield server


@pytest.fixture
def timos(running: Server, tmp_path: Path) -> Console:
    """A terminal at which nobody is signed in."""
    return Console(running.environment).of(tmp_path)


@pytest.fixture
def sam(timos: Console) -> Console:
    """The same, with somebody new signed in."""
    timos.done("signup", f"sam{next(_numbers)}@example.org", "--name", "Sam", "--password-stdin", stdin=f"{PASSWORD}\n")
    return timos


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    path = tmp_path / "diary.jsonl"
    path.write_text("".join(json.dumps({"date": day, "text": text}) + "\n" for day, text in DIARY))
    return path


def login_file(console: Console) -> LoginFile:
    return LoginFile(Path(console.environment["XDG_CONFIG_HOME"]) / "timos" / "login.json")


def test_the_whole_journey(sam: Console, diary: Path, tmp_path: Path) -> None:
    address = sam.done("whoami", "--json").json["address"]
    sam.done("logout")
    assert sam("today").code == ExitCode.SIGNED_OUT
    assert f"as {'Sam'}" in sam.done("login", address, "--password-stdin", stdin=f"{PASSWORD}\n").out

    assert "4 would be new" in sam.done("import", str(diary), "--dry-run").out
    assert "Nothing is written in 1665-06" in sam.done("month", "1665-06").out
    assert "4 were new, 0 the same" in sam.done("import", str(diary)).out
    assert "0 were new, 4 the same" in sam.done("import", str(diary)).out

    assert "marked with a red cross" in sam.done("day", "1665-06-07").out
    month = sam.done("month", "1665-06").out.splitlines()
    assert [line.split()[0] for line in month] == ["1665-06-07", "1665-06-10"]
    assert "Sun" in month[0]

    found = sam.done("search", "plague").out
    assert "the [plague] is come" in found
    assert found.index("1665-07-20") < found.index("1665-06-10")
    assert "2 of 2 found in 4 records." in found
    assert "[Deptford]" in sam.done("search", "deptford").out
    assert "1 of 1" in sam.done("search", '"great fire"', "--from", "1666-01-01").out

    sam.done("write", "morning", "--mental-state", "4", "--emotion", "calm", "--sleep", "7.5")
    sam.done("write", "entry", "The first paragraph.", "--title", "A day", "--tag", "test")
    sam.done("write", "entry", stdin="The second, from a pipe – “é”.\n")
    sam.done("write", "note", "A thought in passing", "--mood", "good")
    sam.done("write", "evening", "--gave", "a walk", "--gave", "tea", "--pressure-or-purpose", "2")
    sam.done("write", "evening", "--honest-note", "tired")
    today = sam.done("today").out
    for written in ("mind: 4 of 5, good", "calm", "A day", "#test", "A thought in passing (good)", "a walk, tea", "tired"):
        assert written in today
    assert "The first paragraph.\n\nThe second, from a pipe – “é”." in today

    archive = tmp_path / "journal.zip"
    sam.done("export", str(archive), "--password-stdin", stdin=f"{PASSWORD}\n")
    assert archive.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(archive) as opened:
        assert "marked with a red cross" in opened.read("entries/1665/1665-06-07.md").decode()
        day = next(name for name in opened.namelist() if name.startswith("entries/2"))
        assert "a walk; tea" in opened.read(day).decode()

    receipt = tmp_path / "receipt.json"
    erase = ("erase", "--yes-i-mean-it", "erase my account", "--receipt", str(receipt), "--password-stdin")
    erased = sam.done(*erase, stdin=f"{PASSWORD}\n").out
    kept = json.loads(receipt.read_text())
    assert kept["receipt"] in erased
    assert kept["rows"] == 8  # with the note of what the import made
    assert receipt.stat().st_mode & 0o077 == 0
    assert login_file(sam).load() is None
    assert sam("login", address, "--password-stdin", stdin=f"{PASSWORD}\n").code == ExitCode.SIGNED_OUT


def test_an_archive_moves_to_another_account(sam: Console, diary: Path, tmp_path: Path) -> None:
    archive = tmp_path / "journal.zip"
    sam.done("import", str(diary))
    sam.done("export", str(archive), "--password-stdin", stdin=f"{PASSWORD}\n")
    sam.done("logout")
    sam.done("signup", f"eva{next(_numbers)}@example.org", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert "4 were new" in sam.done("import", str(archive)).out
    assert "a great fire" in sam.done("day", "1666-09-02").out


def test_json_is_one_document_on_stdout(sam: Console, diary: Path) -> None:
    report = sam.done("import", str(diary), "--json").json
    assert (report["new"], report["dry_run"]) == (4, False)
    assert sam.done("day", "1665-06-07", "--json").json["entry"]["document"]["body"] == DIARY[0][1]
    assert [doc["id"] for doc in sam.done("month", "1665-06", "--json").json["items"]] == ["1665-06-07", "1665-06-10"]
    found = sam.done("search", "PLAGUE", "--limit", "1", "--json").json
    assert (found["total"], len(found["hits"]), found["unreadable"]) == (2, 1, 0)
    marked = [piece["text"] for snippet in found["hits"][0]["snippets"] for piece in snippet if piece["marked"]]
    assert marked == ["plague"]
    assert sam.done("today", "--json").json["entry"] is None
    assert sam.done("whoami", "--json").json["role"] == "member"


def test_an_import_that_did_not_take_all_ends_with_a_code_for_scripts(sam: Console, tmp_path: Path, diary: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"date":"2001-02-03","text":"good"}\n{"date":"2001-02-30","text":"a secret"}\n')
    ran = sam("import", str(bad))
    assert ran.code == ExitCode.REFUSED
    assert "1 were new" in ran.out
    assert "line 2" in ran.err
    assert "a secret" not in ran.err + ran.out
    sam.done("import", str(diary))
    diary.write_text(json.dumps({"date": DIARY[0][0], "text": "another text"}))
    ran = sam("import", str(diary))
    assert ran.code == ExitCode.REFUSED
    assert "1 in conflict" in ran.out
    assert DIARY[0][1] in sam.done("day", DIARY[0][0]).out
    bad.with_suffix(".zip").write_text("no zip")
    ran = sam("import", str(bad.with_suffix(".zip")))
    assert ran.code == ExitCode.REFUSED
    assert "zip" in ran.err


def test_a_day_that_cannot_be_is_refused(sam: Console) -> None:
    assert sam("day", "2999-01-01").code == ExitCode.REFUSED
    assert sam("day", "2026-02-30").code == ExitCode.USAGE
    assert sam("write", "note", "x", "--day", "0500-01-01").code == ExitCode.REFUSED
    assert sam("search", "").code == ExitCode.REFUSED


def test_a_wrong_password_signs_nobody_in_and_erases_and_exports_nothing(sam: Console, tmp_path: Path) -> None:
    address = sam.done("whoami", "--json").json["address"]
    wrong = "wrong horse battery staple\n"
    ran = sam("login", address, "--password-stdin", stdin=wrong)
    assert ran.code == ExitCode.SIGNED_OUT
    sam.done("whoami")  # the login of before is still there
    archive = tmp_path / "journal.zip"
    assert sam("export", str(archive), "--password-stdin", stdin=wrong).code != 0
    assert sorted(path.name for path in tmp_path.glob("journal*")) == []
    assert sam("erase", "--yes-i-mean-it", "erase my account", "--password-stdin", stdin=wrong).code != 0
    sam.done("whoami")


def test_an_address_that_is_taken_is_refused(sam: Console) -> None:
    address = sam.done("whoami", "--json").json["address"]
    ran = sam("signup", address, "--password-stdin", stdin=f"{PASSWORD}\n")
    assert ran.code == ExitCode.REFUSED
    assert "taken" in ran.err


def test_no_command_puts_a_token_a_password_or_a_stack_of_calls_on_the_screen(sam: Console) -> None:
    login = login_file(sam).load()
    assert login is not None
    for arguments in (("whoami",), ("today", "--json"), ("day", "2999-01-01"), ("logout",), ("today",)):
        ran = sam(*arguments)
        shown = ran.out + ran.err
        assert login.access_token not in shown
        assert login.refresh_token not in shown
        assert "Traceback" not in shown


def test_a_session_that_was_ended_elsewhere_says_how_to_sign_in(sam: Console, tmp_path: Path) -> None:
    saved = login_file(sam).load()
    assert saved is not None
    sam.done("logout")
    login_file(sam).save(saved)
    ran = sam("today")
    assert ran.code == ExitCode.SIGNED_OUT
    assert "timos login" in ran.err


def test_the_program_itself_says_with_its_exit_code_what_happened(running: Server, tmp_path: Path) -> None:
    """Process by process, as a script sees it."""
    environment = {**running.environment, "XDG_CONFIG_HOME": str(tmp_path / "nobody")}
    assert run_command(environment, "today").returncode == ExitCode.SIGNED_OUT
    second = run_command(environment, "serve", "--port", "0")
    assert second.returncode == ExitCode.CANNOT_START
    assert "Another TimOS server is using" in second.stderr
    assert "Traceback" not in second.stderr
    elsewhere = {**environment, "TIMOS_DATA_DIR": str(tmp_path / "data"), "TIMOS_MASTER_KEY": f"file:{tmp_path / 'key' / 'k.json'}"}
    taken = run_command(elsewhere, "serve")
    assert taken.returncode == ExitCode.CANNOT_START
    assert "--port" in taken.stderr
    assert not (tmp_path / "data").exists()  # nothing was made for a server that cannot listen


def test_the_servers_log_holds_no_word_that_was_written(sam: Console, running: Server, diary: Path) -> None:
    sam.done("import", str(diary))
    sam.done("search", "plague")
    sam.done("write", "entry", "canary-in-an-entry")
    log = running.log
    for word in ("plague", "Deptford", "canary", "1665-06", "example.org", PASSWORD):
        assert word not in log
