"""Groups of commands with one that need not be named: `timos mood good` is `timos mood log good`."""

from typing import Any

from typer.core import TyperGroup


class _Short(TyperGroup):
    usual = ""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # Any: Typer keeps the type of contexts to itself
        is_named = bool(args) and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if is_named else [self.usual, *args])


def short_for(command: str) -> type[TyperGroup]:
    """A group in which what names no command is meant for `command`. The group itself can have no options."""
    return type("ShortGroup", (_Short,), {"usual": command})
