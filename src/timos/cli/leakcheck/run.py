"""One run: an instance is made, written through and looked at."""

import secrets
import tempfile
from pathlib import Path

from timos.cli.leakcheck.checks import (
    databases_share_nothing,
    everything,
    holds_no_hidden_file,
    left_nothing,
    opens_with_its_key_only,
    order_is_random,
    search,
    vaults,
)
from timos.cli.leakcheck.report import Report, Words
from timos.cli.leakcheck.server import TERMINAL, command, copy_while_running, ok, setup_token, started
from timos.cli.leakcheck.writing import (
    DAY,
    IMPORT_DAY,
    NOTE_DAY,
    VAULT_FILES,
    WEEK,
    go_round_the_loop,
    signed_up,
    use_everything,
    write_days,
)
from timos.cli.leaksearch import Canary, leaks_in

USERS = 12  # 12! orders: a vault whose rows follow the sign-ups is no accident


def run() -> Report:
    """Takes some seconds; leaves nothing behind."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="timos-leakcheck-") as folder:
        root = Path(folder)
        search(root, _write_through(root, report), report)
        left_nothing(root, report)
        opens_with_its_key_only(root, report)
    return report


def _write_through(root: Path, report: Report) -> list[Canary]:
    words = Words()
    words.canaries += [Canary.of_day("a day", DAY), Canary.of_day("an imported day", IMPORT_DAY), Canary.of_day("a note's day", NOTE_DAY)]
    words.canaries.append(Canary.of_text("a week", WEEK))
    password = words.add("a password", f"canary passphrase {secrets.token_hex(8)}")
    order: list[bytes] = []
    with started(root) as server:
        token: str | None = words.add("the setup token", setup_token(root), TERMINAL)
        for number in range(USERS):
            address = words.add(f"address {number}", f"canary.{secrets.token_hex(6)}@example.org")
            with signed_up(server.url, words, address, password, token=token) as client:
                write_days(client, words)
                if number == 0:
                    use_everything(client, words, password, address)
            order += [vault for vault in vaults(root) if vault not in order]
            token = None
        words.canaries += [Canary.of_bytes("a vault id", vault, *VAULT_FILES) for vault in order]
        order_is_random(root, order, report)
        _erase_one(root, server.url, words, password, report)
        copy_while_running(root)
        databases_share_nothing(root / "data", root / "stolen", report)
        holds_no_hidden_file(server.process.pid, report)
        command(root, "backup", "create", str(root / "backup"))
    return words.canaries


def _erase_one(root: Path, url: str, words: Words, password: str, report: Report) -> None:
    """The rows and wrapped keys of an account are in no file once its erasure was answered."""
    before = everything(root)
    with signed_up(url, words, words.add("an erased address", f"canary.{secrets.token_hex(6)}@example.org"), password) as client:
        write_days(client, words)
        go_round_the_loop(client, words)
        own = {value: place for value, place in everything(root).items() if value not in before}
        granted = ok(client.post("/api/auth/step-up", json={"password": password, "action": "erase"}))
        ok(client.post("/api/account/erase", json={"phrase": "erase my account"}, headers={"X-Step-Up": granted["token"]}))
    sealed = [
        Canary(f"an erased value of {place}", frozenset({value})) for value, place in own.items() if place.endswith((".sealed", ".edk"))
    ]
    if not sealed:
        raise RuntimeError("The account to be erased had nothing.")
    for path in (root / "data").iterdir():
        report.leaks += sorted(f"{name} is still in {path.name}" for name in leaks_in(path.read_bytes(), path.name, sealed))
    report.checks.append("what was erased is in no file any more")
