"""Which day it is for the writer: the date in the writer's time zone, with the night counted to the day before."""

import calendar
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from timos.cli.answers import Doc, Preferences, view
from timos.cli.client import Client
from timos.kernel.clock import Clock, SystemClock, instant

_MONTH = len("YYYY-MM")


def current_day(at: datetime, zone: tzinfo | None, ends_at_hour: int) -> date:
    """`at` is aware; without a zone the machine's own counts. Wall time, so that a change of clocks moves no day."""
    return (at.astimezone(zone).replace(tzinfo=None) - timedelta(hours=ends_at_hour)).date()


def day_of(text: str | None, client: Client, clock: Clock | None = None) -> date:
    """The day a command is about; the preferences are asked for only when the answer depends on them."""
    if text not in {None, "today", "yesterday"}:
        return parse_day(str(text))
    preferences = _preferences(client)
    today = current_day(instant((clock or SystemClock()).now_ms()), _zone(preferences.time_zone), preferences.day_ends_at_hour)
    return today - timedelta(days=1) if text == "yesterday" else today


def last_writable(clock: Clock) -> date:
    """Tomorrow in UTC: no day after it is taken, not even as the end of a range. It is today where the sun rises first."""
    return instant(clock.now_ms()).date() + timedelta(days=1)


def parse_day(text: str) -> date:
    """Only the written form that the API has too."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise typer.BadParameter("Write the day as YYYY-MM-DD, today or yesterday.")
    return day


def parse_month(text: str) -> tuple[date, date]:
    """First and last day of YYYY-MM."""
    if len(text) != _MONTH:
        raise typer.BadParameter("Write the month as YYYY-MM.")
    first = parse_day(f"{text}-01")
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _preferences(client: Client) -> Preferences:
    reply = client.find("/api/preferences")
    return Preferences() if reply is None else view(reply.read(Doc).document, Preferences)


def _zone(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):  # this machine may know fewer zones than the server
        return None
