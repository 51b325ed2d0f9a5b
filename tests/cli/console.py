"""The command `timos`, run in this process: the same code as the program, without the half second that a process costs."""

import io
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from timos import commands
from timos.cli.root import run


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Console:
    """One person at one machine: `environment` is all that a command knows of it."""

    environment: Mapping[str, str]

    def __call__(self, *arguments: str, stdin: str = "") -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with self._at_the_machine(stdin), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            run(commands.command_line(), arguments)
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def done(self, *arguments: str, stdin: str = "") -> Ran:
        """It must end well."""
        ran = self(*arguments, stdin=stdin)
        assert ran.code == 0, f"timos {' '.join(arguments)} ended with {ran.code}: {ran.err}{ran.out}"
        return ran

    def of(self, folder: Path) -> "Console":
        """Somebody else at the same server."""
        return Console({**self.environment, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")})

    @contextmanager
    def _at_the_machine(self, stdin: str) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ.keys() - self.environment.keys():
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            yield
