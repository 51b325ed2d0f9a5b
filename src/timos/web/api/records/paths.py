"""Which record a request is for, as its path and If-Match say."""

from datetime import date

from timos.kernel.errors import InputError, NotFoundError
from timos.vault.collections.weekly_recaps import parse_week
from timos.vault.record import Collection, Key, is_id, parse_day
from timos.web.deps import services_of
from timos.web.route import Call


def day_of(call: Call) -> date:
    return parse_day(call.path["day"], path="day", today_utc=services_of(call).today_utc())


def key_of(collection: Collection, kind: str | None, call: Call) -> Key:
    """The natural key that the address names.

    Raises:
        InputError: no plausible day, or no week of the calendar.
        NotFoundError: no id that we could have given.
    """
    if collection.has_ids:
        if not is_id(call.path["id"]):
            raise NotFoundError
        return (call.path["id"],)
    if collection.key == ("week",):
        return (parse_week(call.path["week"], path="week"),)
    if not collection.has_days:
        return ()
    day = day_of(call).isoformat()
    return (day, kind) if kind else (day,)


def expected_of(call: Call) -> list[str] | None:
    """The entity tags of If-Match (RFC 9110 section 13.1.1); weak ones never match.

    Raises:
        InputError: not a list of quoted tags.
    """
    header = call.header("if-match")
    if header is None:
        return None
    tags = [tag.strip() for tag in header.split(",")]
    if any(tag != "*" and not (tag.removeprefix("W/").startswith('"') and tag.endswith('"') and len(tag) > 1) for tag in tags):
        message = 'If-Match holds the ETag of an answer in its quotes, such as "abc", or *.'
        raise InputError(message, path="If-Match")
    return tags
