"""Requests made from the API's own document, sound and unsound ones, against a real server: it answers each as the document says."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support import PASSWORD, Server

pytestmark = pytest.mark.slow

# Left out: what ends or replaces the session that asks, and the body of an import, which is no JSON (test_api_bad_input.py has those).
# A schema cannot say which ids exist, which days lie ahead and what is stored, so a body that fits may get 409, 412 or 422; and one that
# does not may be refused for its size or its If-Match before it is read.
CONFIG = """
[auth.openapi.bearer]
bearer = "{token}"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 412, 422, 429]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 412, 413, 415, 422, 429]

[warnings]
enabled = false
"""
ENDS = "/api/auth/(logout|sessions|refresh|password)|/api/imports"
OPTIONS = [
    "--phases=examples,coverage,fuzzing",
    "--max-examples=8",
    "--generation-deterministic",
    "--continue-on-failure",
    "--no-color",
    f"--exclude-path-regex={ENDS}",
]


def test_the_server_answers_as_its_own_document_says(server: Server) -> None:
    person = httpx.post(f"{server.url}/api/auth/signup", json={"address": "sam@example.org", "password": PASSWORD, "kind": "bearer"}).json()
    (server.folder / "schemathesis.toml").write_text(CONFIG.format(token=person["access_token"]), encoding="utf-8")
    program = str(Path(sys.executable).with_name("schemathesis"))
    run = subprocess.run(
        [program, "run", f"{server.url}/api/openapi.json", *OPTIONS],
        cwd=server.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2000:]
    tested = [line for line in run.stdout.splitlines() if "Tested:" in line]
    assert tested
    assert int(tested[0].rpartition(" ")[2]) >= 75, "hardly anything was asked"
    assert '"event":"unexpected"' not in server.log
