"""Deleting what a day holds of ticks, moods or scores: the one thing to be done with a document that no verb can read."""

from collections.abc import Iterator
from functools import partial

from timos.kernel.errors import DecryptionError, NotFoundError, PreconditionError, UnavailableError, VaultLockedError
from timos.vault.collections import habit_days, mood_logs, morning_habits, pillar_scores
from timos.vault.collections import moods as own_moods
from timos.vault.collections import pillars as own_pillars
from timos.vault.record import Collection
from timos.web.api import habits, moods, pillars
from timos.web.api.records.single import delete
from timos.web.route import Route

_PROBLEMS = (NotFoundError, PreconditionError, VaultLockedError, DecryptionError, UnavailableError)
_PLACES: tuple[tuple[Collection, Collection, str, str], ...] = (
    (habit_days.COLLECTION, morning_habits.COLLECTION, f"{habits.PATH}/days", "all that was noted of habits on a day"),
    (mood_logs.COLLECTION, own_moods.COLLECTION, f"{moods.PATH}/log", "all moods of a day"),
    (pillar_scores.COLLECTION, own_pillars.COLLECTION, pillars.PATH, "all scores of a day"),
)


def routes() -> Iterator[Route]:
    for collection, owner, path, what in _PLACES:
        yield Route(
            method="DELETE",
            path=f"{path}/{{day}}",
            name=f"{collection.name}_delete",
            summary=f"Delete {what}, also when it does not open",
            tag=owner.label,
            handler=partial(delete, collection, None),
            status=204,
            headers=("If-Match",),
            problems=_PROBLEMS,
        )
