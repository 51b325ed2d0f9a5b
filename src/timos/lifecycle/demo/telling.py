"""Putting the half year into a vault, with the instants at which it would have been written."""

from datetime import UTC, date, datetime, time

from timos.kernel.clock import instant
from timos.lifecycle.demo.documents import demo_documents
from timos.lifecycle.instance import Instance
from timos.lifecycle.signup import create
from timos.platform.accounts.account import Role
from timos.vault.collections.preferences import Preferences, day_at
from timos.vault.record import Collection, Key

ADDRESS = "demo@example.org"
PASSWORD = "half a year of demo days"  # noqa: S105 (of an account that lives as long as the process)
DAYS = 180
SEED = 1660  # the year in which another diary begins
EVENING = time(21, 30)


def today_at(now_ms: int) -> date:
    """The last day to tell: at night it is still the day before, as it is for whoever looks at it."""
    return day_at(Preferences(), instant(now_ms))


async def tell(instance: Instance, today: date) -> int:
    """Make the account and write its days; number of records."""
    new = await create(instance, address=ADDRESS, password=PASSWORD, name="Robin", role=Role.ADMIN)
    vault = await instance.open_vault(new.account.id, new.account.key_epoch)
    records = 0
    for collection, key, document in demo_documents(today, days=DAYS, seed=SEED):
        at_ms = _written_at(collection, key, today)
        await vault.restore(collection, key, document, created_ms=at_ms, updated_ms=at_ms)
        records += 1
    return records


def _written_at(collection: Collection, key: Key, today: date) -> int:
    """What has no day was there from the beginning."""
    day = date.fromisoformat(key[0]) if collection.has_days else date.fromordinal(today.toordinal() - DAYS)
    return int(datetime.combine(day, EVENING, UTC).timestamp() * 1000)
