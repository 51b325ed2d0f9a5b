"""Finding what a person means by a name typed in a hurry: case, width and white space do not matter, the beginning is enough."""

import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import typer

from timos.cli.answers import Doc, Page, view
from timos.cli.client import Client
from timos.cli.loop import NamedDocument
from timos.cli.output import hint, print_json, say
from timos.kernel.errors import NotFoundError

_MOST_SHOWN = 12  # names in an error


@dataclass(frozen=True, slots=True)
class Named:
    """What has a name to be found by."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A collection whose documents have names: `path` in the API, `word` in the commands and in messages."""

    path: str
    word: str

    def records(self, client: Client, *, is_archived: bool = False) -> tuple[Doc, ...]:
        """In the user's order; either those in use or those put away."""
        return tuple(doc for doc in self._all(client) if (view(doc.document, NamedDocument).archived_at is not None) == is_archived)

    def names(self, client: Client, *, is_archived: bool = False) -> list[Named]:
        return named(self.records(client, is_archived=is_archived))

    def names_by_id(self, client: Client) -> dict[str, str]:
        """Of those put away too: what was written earlier names them."""
        return {one.id: one.name for one in named(self._all(client))}

    def _all(self, client: Client) -> tuple[Doc, ...]:
        page = client.get(self.path).read(Page)
        if page.unreadable:
            hint(f"timos: {len(page.unreadable)} of your {self.word}s do not open. Tell the operator of the server.")
        return page.items

    def pick(self, wanted: str, among: Sequence[Named], client: Client) -> Named:
        """As `pick`, and says so when it is only put away."""
        try:
            return pick(wanted, among, self.word)
        except NotFoundError:
            away = matching(wanted, self.names(client, is_archived=True))
            if not away:
                raise
            message = f"{away[0].name} is archived. Bring it back with: timos {self.word} restore {shlex.quote(away[0].name)}"
            raise NotFoundError(message) from None

    def archive(self, client: Client, wanted: str) -> str:
        """The name of what was put away."""
        found = self.pick(wanted, self.names(client), client)
        client.post(f"{self.path}/{found.id}/archive")
        return found.name

    def restore(self, client: Client, wanted: str) -> str:
        """The name of what was brought back."""
        found = pick(wanted, self.names(client, is_archived=True), f"archived {self.word}")
        client.post(f"{self.path}/{found.id}/restore")
        return found.name

    def show_archived(self, client: Client, *, as_json: bool) -> None:
        records = self.records(client, is_archived=True)
        if as_json:
            print_json(msgspec.json.encode({"items": records}))
            return
        for one in named(records):
            say(one.name)
        if not records:
            say(f"No {self.word} is archived.")


def named(records: Iterable[Doc]) -> list[Named]:
    """The names of documents."""
    return [Named(doc.id, view(doc.document, NamedDocument).name) for doc in records]


def folded(name: str) -> str:
    """As the server decides which names are the same."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def matching(wanted: str, among: Iterable[Named]) -> list[Named]:
    """Those that bear the name; where there is none, those that begin with it."""
    begin = folded(wanted)
    if not begin:
        return []
    found = [one for one in among if folded(one.name).startswith(begin)]
    return [one for one in found if folded(one.name) == begin] or found


def pick(wanted: str, among: Sequence[Named], word: str) -> Named:
    """The only one that is meant; of several that bear the name itself the first.

    Raises:
        NotFoundError: none is meant.
        typer.BadParameter: more than one may be.
    """
    found = matching(wanted, among)
    if not found:
        raise NotFoundError(_none(wanted, among, word))
    if len(found) > 1 and folded(found[0].name) != folded(wanted):
        raise typer.BadParameter(f"“{wanted}” may be {_listed(found, 'or')}. Write more of the name.")
    return found[0]


def _none(wanted: str, among: Sequence[Named], word: str) -> str:
    if not among:
        return f"There is no {word} yet."
    return f"There is no {word} “{wanted}”. There {'are' if len(among) > 1 else 'is'} {_listed(among, 'and')}."


def _listed(among: Sequence[Named], last: str) -> str:
    names = [one.name for one in among]
    if len(names) > _MOST_SHOWN:
        return f"{', '.join(names[:_MOST_SHOWN])} {last} {len(names) - _MOST_SHOWN} more"
    return f" {last} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
