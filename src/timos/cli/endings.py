"""The one place where an error becomes a line and an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from timos.cli.exits import exit_code
from timos.cli.output import report
from timos.kernel.errors import TimosError


@contextmanager
def told() -> Iterator[None]:
    """Ends the process with a code of `ExitCode` when something of ours goes wrong."""
    try:
        yield
    except TimosError as error:
        report(error)
        sys.exit(exit_code(error))
