"""The console script `timos`, and `python -m timos`.

The journal's commands are clients of the API: they must not wait for databases, migrations and the web to be imported, which takes
several times as long as they do. Everything else goes through the composition root.
"""

import sys

from timos.cli import root


def main() -> None:
    """Run one command line."""
    if sys.argv[1:2] and sys.argv[1] in root.JOURNAL_COMMANDS and "--help" not in sys.argv:
        root.run(root.build())
    from timos import app  # noqa: PLC0415 (see above)

    app.main()


if __name__ == "__main__":
    main()
