"""The operator's commands on a whole instance: doctor, configuration, databases, keys, leak check."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from timos import config
from timos.cli import moving
from timos.cli.local import places_of, with_instance
from timos.cli.options import DryRunOption, JsonOption
from timos.cli.output import err, hint, say
from timos.kernel.db import address, migrate
from timos.kernel.errors import StartError
from timos.lifecycle import health
from timos.lifecycle.founding import claiming, upgrading
from timos.lifecycle.instance import Instance
from timos.platform.audit import Event
from timos.platform.keyring import KeyCount


def doctor(as_json: JsonOption = False) -> None:
    """Look whether everything is whole, private and opens; says what to do where it is not."""
    findings = with_instance(health.examine)
    if as_json:
        say(json.dumps([{"subject": f.subject, "detail": f.detail, "advice": f.advice, "ok": f.is_good} for f in findings], indent=2))
    else:
        for finding in findings:
            advice = f" — {finding.advice}" if finding.advice else ""
            say(f"{'ok ' if finding.is_good else 'BAD'}  {finding.subject}: {finding.detail}{advice}")
    if not all(finding.is_good for finding in findings):
        raise StartError("Something needs your attention; see above.")


# ── config ───────────────────────────────────────────────────────────────────────────────────────────────────────────

settings_app = typer.Typer(help="Settings: what holds, whether it is sound, what there is.", no_args_is_help=True)


@settings_app.command("show")
def config_show(as_json: JsonOption = False) -> None:
    """The settings that hold now, wherever they come from."""
    values = {name: _spelt(value) for name, value in asdict(config.load()).items()}
    if as_json:
        say(json.dumps(values, indent=2))
        return
    for name, value in values.items():
        say(f"{config.PREFIX}{name.upper()}={value}")


@settings_app.command("check")
def config_check() -> None:
    """Refuse wrong settings, and name what production would refuse."""
    settings = config.load()
    for weakness in settings.weaknesses():
        hint(f"Production would refuse: {weakness}")
    say("These settings can be used.")


@settings_app.command("doc")
def config_doc() -> None:
    """Every setting with its default and what it does."""
    for setting in config.all_settings():
        default = _spelt(config.default_of(setting)) or "empty"
        say(f"{config.PREFIX}{setting.name.upper()}  (default: {default})\n    {setting.metadata['description']}")


@settings_app.command("init")
def config_init(path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("timos.toml")) -> None:
    """Write a timos.toml with every setting commented out."""
    lines = [
        f"# {setting.metadata['description']}\n# {setting.name} = {json.dumps(_spelt(config.default_of(setting)))}\n"
        for setting in config.all_settings()
    ]
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write("\n".join(lines))
    except OSError as error:
        raise StartError(f"{path} was not written: {error.strerror}.") from error
    say(f"Wrote {path}. Take the # away where you want another value.")


def _spelt(value: object) -> str | int | bool:
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return value if isinstance(value, int | bool) else address.without_password(str(value))


# ── db ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

db_app = typer.Typer(help="The two databases: where their schema stands.", no_args_is_help=True)


@db_app.command("status")
def db_status(as_json: JsonOption = False) -> None:
    """Which revision each database is at, and which this program wants."""
    places = places_of(config.load())
    states = [
        {"database": name, "path": str(at), "at": migrate.current(at) if migrate.exists(at) else None, "wants": migrate.head(history)}
        for name, at, history in upgrading.histories(places)
    ]
    if as_json:
        say(json.dumps(states, indent=2))
        return
    for state in states:
        now = "not there" if state["at"] is None else f"at {state['at']}"
        say(f"{state['database']}: {now}, this program wants {state['wants']} ({state['path']})")


@db_app.command("upgrade")
def db_upgrade(dry_run: DryRunOption = False) -> None:
    """Bring both databases up to date; copies from before are left beside them. The server does this at its start too."""
    places = places_of(config.load())
    claim = claiming.claim(places, may_create=False)
    try:
        pending = upgrading.pending(places)
        if dry_run or not pending:
            say(f"To upgrade: {', '.join(pending)}" if pending else "Both databases are up to date.")
            return
        upgrading.upgrade(places, pending)
        say(f"Upgraded: {', '.join(pending)}.")
    finally:
        claim.close()


db_app.command("move")(moving.move)


@db_app.command("check")
def db_check() -> None:
    """Whether both databases are whole and belong to each other and to the key."""
    doctor()


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

keys_app = typer.Typer(help="The master key and what hangs on it.", no_args_is_help=True)


@keys_app.command("status")
def keys_status(as_json: JsonOption = False) -> None:
    """Which version of the master key each stored key needs. A version that none needs, and no backup, may be destroyed."""

    async def ask(instance: Instance) -> tuple[list[KeyCount], str, tuple[str, ...]]:
        return await instance.keyring.status(), instance.keys.primary, instance.keys.refs

    counts, primary, refs = with_instance(ask)
    if as_json:
        rows = [{"purpose": c.purpose, "ref": c.ref, "version": c.version, "rows": c.rows} for c in counts]
        say(json.dumps({"primary": primary, "versions": list(refs), "keys": rows}, indent=2))
        return
    for ref in refs:
        users = sum(count.rows for count in counts if count.ref == ref and not count.purpose.startswith("platform/"))
        own = sum(count.rows for count in counts if count.ref == ref and count.purpose.startswith("platform/"))
        say(f"{ref}{' (primary)' if ref == primary else ''}: {users} keys of users, {own} of the server")
    say("An erased account can be opened from older backups of keys and vault for as long as both are kept.")


@keys_app.command("rotate-mek")
def keys_rotate_mek(dry_run: DryRunOption = False) -> None:
    """Add a version to the master key and put every stored key under it. The server must be stopped; copy the key file again after it."""
    places = places_of(config.load())
    claim = claiming.claim(places, may_create=False)  # a running server would not know the new version

    async def work(instance: Instance) -> tuple[str, int]:
        if dry_run:
            return instance.keys.primary, sum(count.rows for count in await instance.keyring.status())
        ref = instance.keys.add_version(places.key, instance.clock)
        with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=err(), transient=True) as bars:
            task = bars.add_task("Wrapping keys again")
            changed = await instance.keyring.rewrap_all(progress=lambda done, total: bars.update(task, completed=done, total=total))
        await instance.audit.record(Event.KEYS_REWRAPPED)
        return ref, changed

    try:
        ref, rows = with_instance(work)
    finally:
        claim.close()
    if dry_run:
        say(f"{rows} keys would be wrapped again; the primary version is {ref} now.")
        return
    say(f"{rows} keys are under {ref} now. Copy {places.key} to the other place again: the old copy does not open them.")
    say("Older versions stay in the file as long as a backup may need them.")


# ── leak check, version of the API ───────────────────────────────────────────────────────────────────────────────────


def leakcheck(as_json: JsonOption = False) -> None:
    """Write canaries through a whole temporary server and look for them in every file that it left."""
    from timos.cli.leakcheck import run as check  # noqa: PLC0415 (it brings an HTTP client, which no other command here needs)

    hint("Starting a server of its own in a temporary folder; this takes some seconds …")
    report = check.run()
    if as_json:
        say(
            json.dumps(
                {
                    "clean": report.is_clean,
                    "files": report.files,
                    "bytes": report.size_bytes,
                    "needles": report.needles,
                    "leaks": report.leaks,
                },
                indent=2,
            )
        )
    else:
        for line in report.checks:
            say(f"checked  {line}")
        say(f"{report.needles} spellings looked for in {report.files} files, {report.size_bytes:,} bytes.")
        for leak in report.leaks:
            say(f"LEAK     {leak}")
    if not report.is_clean:
        raise StartError("Something is readable that must not be; see above.")
    if not as_json:
        say("Nothing of it is readable.")


def add_to(app: typer.Typer) -> None:
    """The commands of this module."""
    app.command()(doctor)
    app.add_typer(settings_app, name="config")
    app.add_typer(db_app, name="db")
    app.add_typer(keys_app, name="keys")
    app.command()(leakcheck)
