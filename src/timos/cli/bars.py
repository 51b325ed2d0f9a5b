"""Progress bars for work in several parts, on standard error and only on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from timos.cli.output import err


@contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """What is yielded takes the name of a part, how much of it is done, and how much there is; the bars are gone afterwards."""
    with Progress(TextColumn("{task.description}"), BarColumn(), console=err(), transient=True) as drawn:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = drawn.add_task(name)
            drawn.update(tasks[name], completed=done, total=total)

        yield progress
