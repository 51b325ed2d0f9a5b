"""Settings, read once at the start: `TIMOS_*` environment, then `TIMOS_*_FILE`, then `timos.toml`, then these defaults.

Nothing else in TimOS reads the environment. The production profile refuses weak settings and names each of them.
"""

import os
import tomllib
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from timos.kernel import redis_address
from timos.kernel.db.address import Address, AddressError, Server, parse
from timos.kernel.errors import StartError
from timos.kernel.hosts import is_loopback
from timos.kernel.redis_address import RedisAddress

PREFIX = "TIMOS_"


def _toml() -> Path:
    """Raises:
    StartError: a file that was named is not there: defaults in its place would go unseen.
    """
    named = os.environ.get(f"{PREFIX}CONFIG")
    if named and not Path(named).is_file():
        message = f"There is no settings file {named} (TIMOS_CONFIG)."
        raise StartError(message)
    return Path(named or "timos.toml")


def _home(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "timos"


class Settings(BaseSettings):
    """Every setting; `docs/reference/settings.md` has a line for each, and a test sees to it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    profile: Literal["development", "production"] = Field("development", description="production refuses weak settings and says which")
    data_dir: Path = Field(default_factory=lambda: _home("XDG_DATA_HOME", ".local/share"), description="folder of the embedded databases")
    platform_url: str = Field("sqlite:platform.db", description="database that knows who you are; a relative SQLite path lies in data_dir")
    vault_url: str = Field("sqlite:vault.db", description="database that knows what you wrote, sealed")
    master_key: str = Field(
        default_factory=lambda: f"file:{_home('XDG_CONFIG_HOME', '.config') / 'key' / 'master.json'}",
        description="where the master key is, as a URI; a file outside data_dir",
    )
    ledger: str = Field(
        "", description="file with the third copy of the erasure ledger, outside data_dir; beside the master key when empty"
    )
    master_key_copied: bool = Field(default=False, description="say true once the master key is copied elsewhere; production asks for it")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    public_url: str = Field("", description="the address that people type; http://localhost:PORT when empty")
    hosts: Annotated[tuple[str, ...], NoDecode] = Field((), description="further names this server answers to, separated by commas")
    origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="other web origins that may call the API (CORS), separated by commas"
    )
    proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="networks of reverse proxies whose X-Forwarded-For counts, separated by commas"
    )
    registration: Literal["first", "open", "invite", "closed"] = Field("first", description="who may sign up")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe level that is logged")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal, JSON elsewhere")
    argon2_memory_kib: int = Field(65536, ge=32, description="memory of one password hash, KiB")
    argon2_time: int = Field(3, ge=1, description="passes of one password hash")
    requests_per_minute: int = Field(300, ge=1, description="API requests of one user a minute")
    transfers_per_hour: int = Field(20, ge=1, description="imports, and exports, of one user an hour")
    limits_url: str = Field(
        "", description="Redis or Valkey where several processes count requests together; in each one's memory when empty"
    )
    sign_ups_per_hour: int = Field(5, ge=1, description="new accounts from one network address an hour")
    import_limit_mib: int = Field(64, ge=1, le=1024, description="largest upload of one import, MiB")

    @field_validator("hosts", "origins", "proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:  # Any: whatever the environment or the file held; pydantic checks what comes out
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (not used on purpose: one file is enough)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileVariables(settings_cls), TomlConfigSettingsSource(settings_cls, toml_file=_toml())

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


class _FileVariables(PydanticBaseSettingsSource):
    """`TIMOS_X_FILE=/run/secrets/x`: the setting is the content of that file, so that a secret need not be in the environment."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 (the base class's signature)
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        try:
            return (Path(path).read_text(encoding="utf-8").strip() if path else None), field_name, False
        except UnicodeDecodeError:
            message = f"{PREFIX}{field_name.upper()}_FILE: {path} is not a text."
            raise StartError(message) from None  # the error would quote it

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def load(**overrides: object) -> Settings:
    """The settings of this process; `overrides` are a command's own options.

    Raises:
        StartError: a value is wrong, or the production profile finds it too weak.
    """
    _refuse_unknown_variables()
    try:
        settings = Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]  # pydantic checks
    except ValidationError as error:
        lines = [
            f"  {PREFIX}{str(item['loc'][0]).upper()}: {item['msg']}" if item["loc"] else f"  {item['msg']}" for item in error.errors()
        ]
        message = "These settings cannot be used:\n" + "\n".join(lines)
        raise StartError(message) from None  # the values themselves are not shown: one may be a secret
    except OSError as error:
        message = f"A settings file cannot be read: {error.filename}: {error.strerror}"
        raise StartError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"The settings file {_toml()} is not valid TOML: {error}."
        raise StartError(message) from None
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


CLIENT_VARIABLES = ("SERVER", "CONFIG")  # read by the command line, not settings of the server


def _refuse_unknown_variables() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
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
