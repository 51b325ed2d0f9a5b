"""The users table: its statements, and reading a row so that a planted or edited one is refused."""

from dataclasses import replace

from sqlalchemy import bindparam, delete, func, select, update

from timos.kernel.db.port import Row, Value
from timos.kernel.db.statements import Statement
from timos.platform.accounts.account import Account, Role, Status
from timos.platform.rows import blob, number, text
from timos.platform.sealer import Sealer
from timos.platform.tables import users, whole_row

_KIND, _PASSWORD_KIND = "users", "users.password"

# What an `Account` is read from; the session check joins these columns to its own.
ACCOUNT_COLUMNS = (
    users.c.id,
    users.c.address_index,
    users.c.role,
    users.c.status,
    users.c.auth_epoch,
    users.c.key_epoch,
    users.c.created_at,
    users.c.mac,
)
BY_ID = Statement("users.by_id", select(*ACCOUNT_COLUMNS).where(users.c.id == bindparam("id")))
BY_ADDRESS = Statement("users.by_address", select(*ACCOUNT_COLUMNS).where(users.c.address_index == bindparam("address_index")))
ALL = Statement("users.all", select(*ACCOUNT_COLUMNS).order_by(users.c.created_at, users.c.id))
COUNT = Statement("users.count", select(func.count()).select_from(users))
PERSON = Statement("users.person", select(users.c.address, users.c.name).where(users.c.id == bindparam("id")))
PASSWORD = Statement("users.password", select(users.c.password_hash, users.c.password_mac).where(users.c.id == bindparam("id")))
ERASING = Statement("users.erasing", select(users.c.id).where(users.c.status == bindparam("erasing")))
DELETE = Statement("users.delete", delete(users).where(users.c.id == bindparam("user_id")))
INSERT = Statement("users.insert", whole_row(users))
RENAME = Statement("users.rename", update(users).where(users.c.id == bindparam("user_id")).values(name=bindparam("name")))
CHANGE = Statement(
    "users.change",
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.mac == bindparam("known_mac"))
    .values(status=bindparam("status"), auth_epoch=bindparam("auth_epoch"), mac=bindparam("mac")),
)
SET_PASSWORD = Statement(
    "users.set_password",
    update(users)
    .where(users.c.id == bindparam("user_id"))
    .values(password_hash=bindparam("password_hash"), password_mac=bindparam("password_mac")),
)
REHASH = Statement(
    "users.rehash",
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.password_hash == bindparam("known_hash"))
    .values(password_hash=bindparam("password_hash"), password_mac=bindparam("password_mac")),
)


def read(sealer: Sealer, row: Row) -> Account:
    """A row of ACCOUNT_COLUMNS.

    Raises:
        DecryptionError: it was planted or edited.
    """
    *columns, stored = row
    sealer.check(stored, _KIND, *columns)
    user_id, address_index, role, status, auth_epoch, key_epoch, created_at = columns
    return Account(
        blob(user_id),
        blob(address_index),
        Role(text(role)),
        Status(text(status)),
        number(auth_epoch),
        number(key_epoch),
        number(created_at),
        blob(stored),
    )


def signed(sealer: Sealer, account: Account) -> Account:
    """With the MAC that its columns have now."""
    columns = (account.id, account.address_index, account.role.value, account.status.value)
    return replace(account, mac=sealer.mac(_KIND, *columns, account.auth_epoch, account.key_epoch, account.created_at_ms))


def signed_password(sealer: Sealer, user_id: bytes, password_hash: str) -> dict[str, Value]:
    """The hash, and the MAC that binds it to its user."""
    return {"password_hash": password_hash, "password_mac": sealer.mac(_PASSWORD_KIND, user_id, password_hash)}


def check_password(sealer: Sealer, user_id: bytes, password_hash: Value, mac: Value) -> None:
    """Raises:
    DecryptionError: the hash was planted or edited.
    """
    sealer.check(mac, _PASSWORD_KIND, user_id, password_hash)
