"""Settings, read once at the start: `TIMOS_*` environment, then `TIMOS_*_FILE`, then `timos.toml`, then these defaults.

Nothing else in TimOS reads the environment. The production profile refuses weak settings and names each of them.
"""

import os
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from timos.kernel import redis_address, values
from timos.kernel.db.address import Address, AddressError, Server, parse
from timos.kernel.errors import StartError
from timos.kernel.hosts import is_loopback
from timos.kernel.redis_address import RedisAddress

PREFIX = "TIMOS_"
CLIENT_VARIABLES = ("SERVER", "CONFIG")  # read by the command line, not settings of the server

Profile = Literal["development", "production"]
Registration = Literal["first", "open", "invite", "closed"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "console"]
Value = TypeVar("Value")


def _setting(default: Value | Callable[[], Value], read: Callable[[object], Value], description: str) -> Value:
    """A field; a default that depends on the environment is a function."""
    facts = {"read": read, "description": description}
    if callable(default):
        return field(default_factory=default, metadata=facts)
    return field(default=default, metadata=facts)


def _home(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "timos"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting; `docs/reference/settings.md` has a line for each, and a test sees to it."""

    profile: Profile = _setting("development", values.one_of(get_args(Profile)), "production refuses weak settings and says which")
    data_dir: Path = _setting(lambda: _home("XDG_DATA_HOME", ".local/share"), values.folder, "folder of the embedded databases")
    platform_url: str = _setting(
        "sqlite:platform.db", values.text, "database that knows who you are; a relative SQLite path lies in data_dir"
    )
    vault_url: str = _setting("sqlite:vault.db", values.text, "database that knows what you wrote, sealed")
    master_key: str = _setting(
        lambda: f"file:{_home('XDG_CONFIG_HOME', '.config') / 'key' / 'master.json'}",
        values.text,
        "where the master key is, as a URI; a file outside data_dir",
    )
    ledger: str = _setting(
        "", values.text, "file with the third copy of the erasure ledger, outside data_dir; beside the master key when empty"
    )
    master_key_copied: bool = _setting(False, values.flag, "say true once the master key is copied elsewhere; production asks for it")  # noqa: FBT003
    host: str = _setting("127.0.0.1", values.text, "address to listen on")
    port: int = _setting(8000, values.whole(0, 65535), "port to listen on; 0 takes a free one")
    public_url: str = _setting("", values.text, "the address that people type; http://localhost:PORT when empty")
    hosts: tuple[str, ...] = _setting((), values.texts, "further names this server answers to, separated by commas")
    origins: tuple[str, ...] = _setting((), values.texts, "other web origins that may call the API (CORS), separated by commas")
    proxies: tuple[IPv4Network | IPv6Network, ...] = _setting(
        (), values.networks, "networks of reverse proxies whose X-Forwarded-For counts, separated by commas"
    )
    registration: Registration = _setting("first", values.one_of(get_args(Registration)), "who may sign up")
    log_level: LogLevel = _setting("info", values.one_of(get_args(LogLevel)), "least severe level that is logged")
    log_format: LogFormat = _setting("auto", values.one_of(get_args(LogFormat)), "auto: console on a terminal, JSON elsewhere")
    argon2_memory_kib: int = _setting(65536, values.whole(32), "memory of one password hash, KiB")
    argon2_time: int = _setting(3, values.whole(1), "passes of one password hash")
    requests_per_minute: int = _setting(300, values.whole(1), "API requests of one user a minute")
    transfers_per_hour: int = _setting(20, values.whole(1), "imports, and exports, of one user an hour")
    limits_url: str = _setting(
        "", values.text, "Redis or Valkey where several processes count requests together; in each one's memory when empty"
    )
    sign_ups_per_hour: int = _setting(5, values.whole(1), "new accounts from one network address an hour")
    import_limit_mib: int = _setting(64, values.whole(1, 1024), "largest upload of one import, MiB")

    @property
    def url(self) -> str:
        """The address people type, without a slash at the end."""
        return self.public_url.rstrip("/") or f"http://localhost:{self.port}"

    @property
    def is_https(self) -> bool:
        return self.url.startswith("https://")

    @property
    def platform_address(self) -> Address:
        return self._address(self.platform_url, "platform_url")

    @property
    def vault_address(self) -> Address:
        return self._address(self.vault_url, "vault_url")

    @property
    def limits_address(self) -> RedisAddress | None:
        """Raises:
        StartError: it cannot be read.
        """
        try:
            return redis_address.parse(self.limits_url) if self.limits_url else None
        except AddressError as error:
            message = f"TIMOS_LIMITS_URL is no address of a Redis or Valkey server: {error}."
            raise StartError(message) from None

    @property
    def key_path(self) -> Path:
        """Raises:
        StartError: the scheme is none that this version knows.
        """
        if not self.master_key.startswith("file:"):
            message = "TIMOS_MASTER_KEY must be a file: address; other key services are not part of this version."
            raise StartError(message)
        return Path(self.master_key.removeprefix("file:")).expanduser().absolute()

    @property
    def ledger_path(self) -> Path:
        return Path(self.ledger).expanduser().absolute() if self.ledger else self.key_path.with_name("erasures.jsonl")

    def _address(self, url: str, name: str) -> Address:
        """Raises:
        StartError: it cannot be read; the text does not quote it, for a password may be in it.
        """
        try:
            return parse(url, self.data_dir)
        except AddressError as error:
            message = (
                f"{PREFIX}{name.upper()} is no address of a database: {error}. Like sqlite:NAME.db or postgresql://USER:PASSWORD@HOST/NAME."
            )
            raise StartError(message) from None

    def weaknesses(self) -> list[str]:
        """What production refuses, each with the name of the setting and the way out; empty when all is well."""
        found = []
        if not self.is_https:
            found.append("TIMOS_PUBLIC_URL must begin with https:// (a reverse proxy with TLS in front: see the guide)")
        if not is_loopback(self.host) and not self.proxies:
            found.append("TIMOS_HOST listens on the network: set TIMOS_PROXIES to the reverse proxy's network, or listen on 127.0.0.1")
        if any(host in {"*", ""} for host in self.hosts):
            found.append("TIMOS_HOSTS must name hosts, not *")
        if any(origin == "*" or origin.startswith("http://") for origin in self.origins):
            found.append("TIMOS_ORIGINS must be https:// origins, not *")
        if self.argon2_memory_kib < 19456 or self.argon2_time < 2:  # OWASP's floor for Argon2id: 19 MiB, 2 passes  # noqa: PLR2004
            found.append("TIMOS_ARGON2_MEMORY_KIB must be at least 19456 and TIMOS_ARGON2_TIME at least 2")
        found += [
            f"TIMOS_{name}_URL must not say tls=off: what is said to that server could be read and changed on its way"
            for name, address in (("PLATFORM", self.platform_address), ("VAULT", self.vault_address))
            if _is_readable(address)
        ]
        if (limits := self.limits_address) is not None and not limits.has_tls and not is_loopback(limits.host):
            found.append("TIMOS_LIMITS_URL must begin with rediss:// over a network: its password could be read, and every limit lifted")
        if self.log_level == "debug":
            found.append("TIMOS_LOG_LEVEL must not be debug")
        if self.key_path.resolve().is_relative_to(self.data_dir.resolve()):
            found.append("TIMOS_MASTER_KEY lies in TIMOS_DATA_DIR: a copy of that folder would hold its own key")
        if not self.master_key_copied:
            found.append("TIMOS_MASTER_KEY_COPIED is not true: copy the master key elsewhere first; without it everything is lost")
        return found


def load(**overrides: object) -> Settings:
    """The settings of this process; `overrides` are a command's own options.

    Raises:
        StartError: a value is wrong, or the production profile finds it too weak.
    """
    _refuse_unknown_variables()
    given = {name: value for name, value in overrides.items() if value is not None}
    settings = read({**_in_toml(_toml()), **_in_files(), **_in_environment(), **given})
    weaknesses = settings.weaknesses() if settings.profile == "production" else []
    if weaknesses:
        message = "The production profile refuses these settings:\n" + "\n".join(f"  {line}" for line in weaknesses)
        raise StartError(message)
    if not is_loopback(settings.host) and settings.profile == "development":
        message = (
            f"TIMOS_HOST={settings.host} would serve the network without TLS. The development profile listens on loopback only: "
            "see the guide on TLS."
        )
        raise StartError(message)
    return settings


def read(told: dict[str, object]) -> Settings:
    """Settings out of what was said of them, and defaults for all else.

    Raises:
        StartError: names all that is wrong, and shows no value: one may be a secret.
    """
    readers = {each.name: each.metadata["read"] for each in all_settings()}
    taken: dict[str, Any] = {}  # Any: each reader gives what its field holds
    wrong = [f"{PREFIX}{name.upper()}: there is no such setting" for name in told if name not in readers]
    for name in told.keys() & readers.keys():
        try:
            taken[name] = readers[name](told[name])
        except ValueError as error:
            wrong.append(f"{PREFIX}{name.upper()}: {error}")
    if wrong:
        message = "These settings cannot be used:\n" + "\n".join(f"  {line}" for line in sorted(wrong))
        raise StartError(message)
    return Settings(**taken)


def all_settings() -> Iterable[Field[Any]]:
    """Each with its name, its default and, among its metadata, a `description`."""
    return fields(Settings)


def default_of(setting: Field[Any]) -> object:
    """What holds when nothing is said, in this environment."""
    return setting.default_factory() if callable(setting.default_factory) else setting.default


def _toml() -> Path:
    """Raises:
    StartError: a file that was named is not there: defaults in its place would go unseen.
    """
    named = os.environ.get(f"{PREFIX}CONFIG")
    if named and not Path(named).is_file():
        message = f"There is no settings file {named} (TIMOS_CONFIG)."
        raise StartError(message)
    return Path(named or "timos.toml")


def _in_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except OSError as error:
        raise _unreadable(error) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"The settings file {path} is not valid TOML: {error}."
        raise StartError(message) from None


def _in_files() -> dict[str, object]:
    """`TIMOS_X_FILE=/run/secrets/x`: the setting is the content of that file, so that a secret need not be in the environment."""
    named = {each.name: os.environ.get(f"{PREFIX}{each.name.upper()}_FILE") for each in all_settings()}
    return {name: _content(f"{PREFIX}{name.upper()}_FILE", Path(path)) for name, path in named.items() if path}


def _content(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _unreadable(error) from error
    except UnicodeDecodeError:
        message = f"{variable}: {path} is not a text."
        raise StartError(message) from None  # the error would quote it


def _unreadable(error: OSError) -> StartError:
    return StartError(f"A settings file cannot be read: {error.filename}: {error.strerror}")


def _in_environment() -> dict[str, object]:
    """An empty variable is one that is not set."""
    named = {each.name: os.environ.get(PREFIX + each.name.upper()) for each in all_settings()}
    return {name: value for name, value in named.items() if value}


def _refuse_unknown_variables() -> None:
    known = {PREFIX + each.name.upper() for each in all_settings()}
    known |= {f"{name}_FILE" for name in known} | {PREFIX + name for name in CLIENT_VARIABLES}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        message = f"Unknown setting {', '.join(unknown)}: a misspelt setting would silently keep its default. See `timos config doc`."
        raise StartError(message)


def _is_readable(address: Address) -> bool:
    return isinstance(address, Server) and not address.has_tls and not address.is_here


def host_of(url: str) -> str:
    """Without port; empty when there is none."""
    return urlsplit(url).hostname or ""
