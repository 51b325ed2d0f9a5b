"""What a range of days shows; computed on read, in slices, one at a time for a user."""

from collections.abc import Iterator

from timos.kernel.errors import DecryptionError, UnavailableError, VaultLockedError
from timos.vault.actions.insights import Insights, insights
from timos.web.answers import Answer, json_answer
from timos.web.api.ranges import RangeQuery, range_of
from timos.web.deps import services_of, session_of, unlocked
from timos.web.route import Call, Route


async def show(call: Call) -> Answer:
    first, last = range_of(call)
    vault = await unlocked(call)
    async with services_of(call).scans.turn(session_of(call).user_id):
        return json_answer(await insights(vault, first=first, last=last))


def routes() -> Iterator[Route]:
    yield Route(
        method="GET",
        path="/api/insights",
        name="insights",
        summary="Series for the charts, and patterns with their numbers",
        tag="Journal",
        handler=show,
        query=RangeQuery,
        answer=Insights,
        problems=(VaultLockedError, DecryptionError, UnavailableError),
    )
