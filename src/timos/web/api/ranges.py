"""Ranges of days in a query, and which day it is for the caller."""

from datetime import date, timedelta

import msgspec

from timos.kernel.errors import InputError
from timos.vault.actions.today import day_now, preferences_of
from timos.vault.collections.preferences import Preferences
from timos.vault.record import parse_bound, parse_day
from timos.vault.store.reading import Reader
from timos.web.deps import services_of
from timos.web.route import Call

USUAL_DAYS = 30
MOST_DAYS = 4000  # somewhat more than ten years


class RangeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"first": "from", "last": "to"}):
    """Days are inclusive; without `to` the range ends tomorrow (UTC), without `from` it has 30 days."""

    first: str | None = None
    last: str | None = None


def range_of(call: Call) -> tuple[date, date]:
    """Raises:
    InputError: no days, the wrong way round, or too many of them.
    """
    query: RangeQuery = call.query
    last = parse_bound(query.last, path="to") if query.last is not None else services_of(call).today_utc() + timedelta(days=1)
    first = parse_bound(query.first, path="from") if query.first is not None else last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        message = "`from` is after `to`."
        raise InputError(message, path="from")
    if (last - first).days >= MOST_DAYS:
        message = f"A range has at most {MOST_DAYS} days."
        raise InputError(message, path="from")
    return first, last


class DayQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without `day`: today in the user's own time zone."""

    day: str | None = None


async def today_of(call: Call, vault: Reader) -> tuple[date, Preferences]:
    """The day that the query names, or the caller's calendar day by their own time zone and hour."""
    query: DayQuery = call.query
    _, preferences = await preferences_of(vault)
    if query.day is not None:
        return parse_day(query.day, path="day", today_utc=services_of(call).today_utc()), preferences
    return day_now(preferences, services_of(call).now()), preferences
