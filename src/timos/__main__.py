"""The console script `timos`, and `python -m timos`.

Two kinds of command go around the rest. The journal's are clients of the API: they must not wait for databases, migrations and the web to
be imported, which takes several times as long as they do. A process that serves lives long: it goes without the command line's libraries.
"""

import sys
from collections.abc import Sequence


def main() -> None:
    """Run one command line."""
    words = sys.argv[1:]
    if words[:1] == ["serve"] and (options := plain_options(words[1:])) is not None:
        _serve(options)
        return
    from timos.cli import root  # noqa: PLC0415 (see above)

    if words and words[0] in root.JOURNAL_COMMANDS and "--help" not in words:
        root.run(root.build())
    from timos import commands  # noqa: PLC0415 (see above)

    commands.main()


def plain_options(words: Sequence[str]) -> dict[str, str] | None:
    """What `timos serve` was told. None for what is not told plainly (`--help`, slips): the command line has the answer to that."""
    parts = [part for word in words for part in word.split("=", 1)]
    told = dict(zip(parts[::2], parts[1::2], strict=False))
    is_plain = len(parts) == 2 * len(told) and told.keys() <= {"--host", "--port"} and told.get("--port", "0").isdecimal()
    return {name.removeprefix("--"): value for name, value in told.items()} if is_plain else None


def _serve(options: dict[str, str]) -> None:
    from timos import app  # noqa: PLC0415 (see above)
    from timos.cli import endings  # noqa: PLC0415 (see above)

    with endings.told():
        app.run(host=options.get("host"), port=int(options["port"]) if "port" in options else None)


if __name__ == "__main__":
    main()
