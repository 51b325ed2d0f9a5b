"""What an account is: the clear columns, the personal ones, and one that is not stored yet."""

from dataclasses import dataclass
from enum import StrEnum

from timos.kernel.errors import InputError
from timos.platform.keyring import NewKeys
from timos.platform.sealer import Columns

FIRST_EPOCH = 1
LONGEST_NAME = 100  # characters


class Role(StrEnum):
    """An admin sees accounts and the server's health; neither sees another user's vault."""

    ADMIN = "admin"
    MEMBER = "member"


class Status(StrEnum):
    """A disabled account keeps its data and cannot sign in; one that is being erased never comes back."""

    ACTIVE = "active"
    DISABLED = "disabled"
    ERASING = "erasing"


@dataclass(frozen=True, slots=True)
class Account:
    """The clear columns of a row whose MAC was right."""

    id: bytes
    address_index: bytes
    role: Role
    status: Status
    auth_epoch: int
    key_epoch: int
    created_at_ms: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class Profile:
    """An account with its personal columns opened."""

    user_id: bytes
    address: str
    name: str
    role: Role
    status: Status
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Everything slow is done: hash computed, keys wrapped. `columns` already seals for the new user."""

    account: Account
    profile: Profile
    columns: Columns
    keys: NewKeys
    password_hash: str


def checked_name(name: str) -> str:
    """Raises:
    InputError: at `$.name`.
    """
    name = name.strip()
    if len(name) > LONGEST_NAME or not name.isprintable():
        message = f"Use at most {LONGEST_NAME} printable characters."
        raise InputError(message, path="$.name")
    return name
