"""`make teeth`: break one promise at a time in a copy of the tree, and see that a test turns red.

    python -m tests.teeth                 all of them
    python -m tests.teeth fence csrf      those with these words in their name
    python -m tests.teeth --list

First the same tests run on an unbroken copy: red says nothing if they were red before. A sabotage that keeps the tests from running at
all (an import that fails) counts as broken and not as caught. Exit code 1 when anything survived or was broken.
"""

import os
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory  # noqa: TID251 (copies of the source, nothing of a user)

from tests.servers import NOT_RUN
from tests.teeth.sabotages import SABOTAGES, Sabotage

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "data", "dist", "build")
LONGEST_SECONDS = 300  # a sabotage may make a test wait for ever; that is red too
PASSED, FAILED = 0, 1  # exit codes of pytest; all others mean that the tests did not really run


class Verdict(StrEnum):
    """`broken`: the tests did not run, so nothing is known."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`by` names the first test that turned red, or says what went wrong."""

    verdict: Verdict
    by: str
    seconds: float


def main() -> int:
    parser = ArgumentParser(
        prog="python -m tests.teeth", description="Break the security on purpose, in a copy, and see the tests turn red."
    )
    parser.add_argument("words", nargs="*", help="only sabotages whose name has one of these words")
    parser.add_argument("--list", action="store_true", help="name them and their promises, run nothing")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once (2)")
    options = parser.parse_args()
    chosen = [sabotage for sabotage in SABOTAGES if not options.words or any(word in sabotage.name for word in options.words)]
    if options.list:
        for sabotage in chosen:
            print(f"{sabotage.name:34} {sabotage.promise}")  # noqa: T201
        return 0
    return _run(chosen, options.jobs)


def _run(chosen: list[Sabotage], jobs: int) -> int:
    _say(f"{len(chosen)} sabotages. First the tests that must be green without any …")
    for on_servers in (False, True):
        tests = sorted({test for sabotage in chosen if sabotage.on_servers is on_servers for test in sabotage.tests})
        if not tests:
            continue
        baseline = _judge(None, [f"-n{jobs}", "--dist=loadscope", *tests], on_servers=on_servers)
        if baseline.verdict is not Verdict.SURVIVED:
            _say(f"Not green without sabotage, so nothing can be told: {baseline.by}")
            return 1
        _say(f"green in {baseline.seconds:.0f} s{' on servers' if on_servers else ''}\n")
    outcomes: dict[str, Outcome] = {}
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(_judge, sabotage, sabotage.tests, on_servers=sabotage.on_servers): sabotage for sabotage in chosen}
        for done in as_completed(running):
            sabotage, outcome = running[done], done.result()
            outcomes[sabotage.name] = outcome
            _say(f"[{len(outcomes):2}/{len(chosen)}] {outcome.verdict:8} {outcome.seconds:4.0f} s  {sabotage.name:34} {outcome.by}")
    return _conclude(chosen, outcomes)


def _conclude(chosen: list[Sabotage], outcomes: dict[str, Outcome]) -> int:
    bad = [sabotage for sabotage in chosen if outcomes[sabotage.name].verdict is not Verdict.CAUGHT]
    _say(f"\n{len(chosen) - len(bad)} of {len(chosen)} caught.")
    for sabotage in bad:
        _say(f"{outcomes[sabotage.name].verdict}: {sabotage.name}. Unguarded promise: {sabotage.promise}")
    return 1 if bad else 0


def _judge(sabotage: Sabotage | None, arguments: Iterable[str], *, on_servers: bool) -> Outcome:
    """What pytest says in a fresh copy: bytecode of another copy would be taken for this one's."""
    began = time.monotonic()
    with TemporaryDirectory(prefix="timos-teeth-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        try:
            if sabotage is not None:
                sabotage.apply(tree)
            code, output = _pytest(tree, ["-m", "servers" if on_servers else "not servers", *arguments])
        except (LookupError, OSError) as error:
            return Outcome(Verdict.BROKEN, str(error), time.monotonic() - began)
        except subprocess.TimeoutExpired:
            return Outcome(Verdict.CAUGHT, f"a test that did not end in {LONGEST_SECONDS} s", time.monotonic() - began)
    if code == PASSED and NOT_RUN in output:
        return Outcome(Verdict.BROKEN, f"{NOT_RUN}: what these tests need is not here", time.monotonic() - began)
    verdict = {PASSED: Verdict.SURVIVED, FAILED: Verdict.CAUGHT}.get(code, Verdict.BROKEN)
    return Outcome(verdict, _first_red(output), time.monotonic() - began)


def _pytest(tree: Path, arguments: Iterable[str]) -> tuple[int, str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree / "src"),  # before the installed package, for the tests' own child processes too
        "CI": "1",  # the same Hypothesis examples each time
        "TMPDIR": str(tree.parent),
    }
    line = [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(line, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS)
    return done.returncode, done.stdout + done.stderr


def _first_red(output: str) -> str:
    lines = output.splitlines()
    red = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
    if red:
        return red[0].split(" ", 1)[1].partition(" - ")[0]
    return lines[-1] if lines else ""


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
