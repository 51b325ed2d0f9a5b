"""Questions to the person at the terminal; without a terminal they are usage errors, never a hang and never an echo."""

import sys

import typer


def is_interactive() -> bool:
    """Both ends: a question nobody sees is as bad as an answer nobody types."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def password(label: str = "Password", *, is_from_stdin: bool = False, is_new: bool = False) -> str:
    """Hidden, typed twice when it is new; from stdin its first line without the line end."""
    if is_from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    _need_terminal("Use --password-stdin where there is no terminal.")
    return str(typer.prompt(label, hide_input=True, confirmation_prompt=is_new, err=True))


def line(label: str, *, otherwise: str) -> str:
    """`otherwise` says how to give this without a terminal."""
    _need_terminal(otherwise)
    return str(typer.prompt(label, err=True))


def choice(label: str, letters: str) -> str:
    """One of `letters`, asked until it is one."""
    _need_terminal("There is no terminal to ask on.")
    while True:
        answer = str(typer.prompt(label, prompt_suffix=" ", err=True)).strip().lower()[:1]
        if answer and answer in letters:
            return answer


def _need_terminal(otherwise: str) -> None:
    if not is_interactive():
        raise typer.BadParameter(otherwise)
