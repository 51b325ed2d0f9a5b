"""What is broken, by exact replacement: a text that is not found exactly once is an error, so no sabotage rots unseen."""

from dataclasses import dataclass
from pathlib import Path

SOURCE = "src/timos"


@dataclass(frozen=True, slots=True)
class Change:
    """In one file; `old` occurs once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Sabotage:
    """`promise` is what nobody could rely on any more; `tests` are those that have it to guard, those that need servers if
    `on_servers`.
    """

    name: str
    promise: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]
    on_servers: bool = False

    def apply(self, tree: Path) -> None:
        """Raises:
        LookupError: the source has moved on; this list has to follow.
        """
        for change in self.changes:
            path = tree / SOURCE / change.file
            text = path.read_text(encoding="utf-8")
            if text.count(change.old) != 1:
                raise LookupError(f"{change.file} has {text.count(change.old)} times: {change.old}")
            path.write_text(text.replace(change.old, change.new), encoding="utf-8")


def _one(name: str, promise: str, file: str, old: str, new: str, *tests: str, on_servers: bool = False) -> Sabotage:
    return Sabotage(name, promise, (Change(file, old, new),), tests, on_servers)


SABOTAGES: tuple[Sabotage, ...] = (
    # ── sealing ──────────────────────────────────────────────────────────────────────────────────────────────────────
    Sabotage(
        "store-plaintext",
        "Nothing that a user writes is readable in any file.",
        (
            Change(
                "crypto/cipher.py",
                'return b"".join((self._header, encryptor.update(pad(plaintext)), encryptor.finalize()))',
                'return b"".join((self._header, encryptor.finalize()[:24], pad(plaintext)))',
            ),
            Change(
                "crypto/cipher.py",
                "padded = decryptor.update(memoryview(sealed)[HEADER_BYTES:]) + decryptor.finalize()",
                "padded = sealed[SALT_END:]",
            ),
        ),
        ("tests/test_leaks.py",),
    ),
    _one(
        "store-without-padding",
        "The length of a stored row tells only a size class.",
        "crypto/cipher.py",
        "encryptor.update(pad(plaintext))",
        'encryptor.update(plaintext + b"\\x80")',
        "tests/crypto",
    ),
    _one(
        "context-without-vault",
        "A row opens only in the vault that it was written in, whatever keys are held.",
        "vault/store/sealing.py",
        "pieces = (_CONTEXT, vault_id, table.encode())",
        "pieces = (_CONTEXT, table.encode())",
        "tests/vault/test_place.py",
    ),
    _one(
        "context-without-table",
        "A row moved to another collection does not open.",
        "vault/store/sealing.py",
        "pieces = (_CONTEXT, vault_id, table.encode())",
        "pieces = (_CONTEXT, vault_id)",
        "tests/contracts",
        "tests/vault",
    ),
    _one(
        "context-without-row",
        "A row moved to another day does not open.",
        "vault/store/sealing.py",
        "return _place_head(vault_id, collection.name) + row_id + (",
        "return _place_head(vault_id, collection.name) + (",
        "tests/contracts",
        "tests/vault",
    ),
    _one(
        "context-without-tag",
        "A row with an edited clear column does not open.",
        "vault/store/sealing.py",
        "_NO_TAG if tag is None else pae_tail(_tag(tag))",
        "_NO_TAG",
        "tests/contracts",
        "tests/vault",
    ),
    _one(
        "index-without-key",
        "Nobody without the key can tell which day a row is of.",
        "crypto/index.py",
        'self._mac = HMAC(derive(checked_key(key), b"timos/1/index"), SHA256())',
        'self._mac = HMAC(derive(bytes(32), b"timos/1/index"), SHA256())',
        "tests/crypto/test_index.py",
        "tests/crypto/test_golden.py",
    ),
    _one(
        "bound-hash-not-compared",
        "A wrapped key cannot be replayed for another user or purpose.",
        "crypto/keys.py",
        "    if not equal(digest, sha256(context).digest()):\n        raise DecryptionError\n",
        "    if not digest:\n        raise DecryptionError\n",
        "tests/crypto/test_keys.py",
        "tests/platform/test_keyring.py",
    ),
    _one(
        "unreadable-taken-for-empty",
        "A row that does not open is never taken for no row, and so never overwritten.",
        "vault/store/reading.py",
        "            await self._witness(collection.name)\n            raise\n",
        "            await self._witness(collection.name)\n            return None\n",
        "tests/contracts",
        "tests/vault",
    ),
    _one(
        "names-not-unique",
        "No two pillars, habits or moods of a user have a name that reads the same.",
        "vault/store/sealing.py",
        'return keys.index.token(collection.name, "name", document.folded_name())',
        'return keys.index.token(collection.name, "name", document.id or "")',
        "tests/contracts/test_names.py",
    ),
    _one(
        "names-compared-letter-by-letter",
        "Case, width and white space do not make another name.",
        "vault/record.py",
        'return " ".join(unicodedata.normalize("NFKC", self.name).casefold().split())',
        "return self.name",
        "tests/contracts/test_names.py",
    ),
    _one(
        "no-most",
        "A vault has so many pillars, habits and moods, and no more.",
        "vault/store/vault.py",
        "            if await self.count(collection) >= collection.most:\n                raise ConflictError(too_many(collection))\n",
        "",
        "tests/contracts/test_names.py",
    ),
    _one(
        "most-counted-together",
        "Nor more by asking for several at once.",
        "vault/store/vault.py",
        "        async with self._turn(collection.name.encode()):\n",
        "        async with asyncio.Lock():\n",
        "tests/contracts/test_names.py",
    ),
    # ── the vault's statements ───────────────────────────────────────────────────────────────────────────────────────
    _one(
        "get-without-vault",
        "Every statement on the vault is confined to one vault.",
        "vault/tables.py",
        'return and_(rows.c.vault_id == bindparam("vault_id"), rows.c.id == bindparam("id"))',
        'return and_(bindparam("vault_id") == bindparam("vault_id"), rows.c.id == bindparam("id"))',
        "tests/kernel",
        "tests/vault",
        "tests/contracts",
    ),
    _one(
        "purge-without-vault",
        "Erasing one account leaves everybody else's records alone.",
        "vault/tables.py",
        'purge=Statement(f"{rows.name}.purge", delete(rows).where(mine)),',
        'purge=Statement(f"{rows.name}.purge", delete(rows).where(bindparam("vault_id") == bindparam("vault_id"))),',
        "tests/lifecycle",
        "tests/vault",
        "tests/contracts",
        "tests/kernel",
    ),
    _one(
        "update-without-gate",
        "No write of an erased or re-keyed vault is acknowledged.",
        "vault/tables.py",
        "update(rows).where(_place(rows), _unchanged(rows), _gate_holds())",
        'update(rows).where(_place(rows), _unchanged(rows), bindparam("gate") == bindparam("gate"))',
        "tests/vault",
        "tests/lifecycle",
        "tests/kernel",
    ),
    _one(
        "insert-without-gate",
        "No row appears in a vault that is being erased.",
        "vault/tables.py",
        '        )\n        .where(gates.c.vault_id == bindparam("vault_id"), gates.c.gate == bindparam("gate"))\n',
        '        )\n        .where(gates.c.vault_id == bindparam("vault_id"), bindparam("gate") == bindparam("gate"))\n',
        "tests/vault",
        "tests/lifecycle",
        "tests/kernel",
    ),
    _one(
        "gate-without-lock",
        "A write that saw the gate open is committed before the fence, on engines where writers go side by side.",
        "vault/tables.py",
        "        .with_for_update(read=True)\n    )\n\n\ndef _place(",
        "    )\n\n\ndef _place(",
        "tests/kernel",
        "tests/vault",
    ),
    _one(
        "update-without-salt",
        "A change never overwrites what its writer has not seen.",
        "vault/tables.py",
        "update(rows).where(_place(rows), _unchanged(rows), _gate_holds())",
        'update(rows).where(_place(rows), bindparam("salt") == bindparam("salt"), _gate_holds())',
        "tests/vault",
        "tests/contracts",
        "tests/kernel",
    ),
    _one(
        "sequential-rowids",
        "The order of rows in the vault does not follow the order of sign-up.",
        "vault/tables.py",
        '    return int.from_bytes(vault_id[:ROWID_VAULT_BYTES] + random(8 - ROWID_VAULT_BYTES), "big") >> 2\n',
        "    rowid_in.__dict__['last'] = rowid_in.__dict__.get('last', __import__('time').time_ns() >> 2) + 1\n"
        "    return int(rowid_in.__dict__['last'])\n",
        "tests/test_leaks.py",
        "tests/vault",
    ),
    _one(
        "collection-forgotten",
        "Erase, export and search reach every collection that there is.",
        "vault/collections/__init__.py",
        "    feels_entries.COLLECTION,\n",
        "",
        "tests/vault",
        "tests/contracts",
        "tests/docs",
    ),
    # ── erasing ──────────────────────────────────────────────────────────────────────────────────────────────────────
    _one(
        "no-fence",
        "Once an erasure has begun no write is acknowledged.",
        "lifecycle/erase.py",
        "        await gates.fence(unit, vault_id)\n",
        "        pass\n",
        "tests/lifecycle",
    ),
    _one(
        "no-shred",
        "An erased account's keys are gone.",
        "lifecycle/erase.py",
        "destroyed = await instance.keyring.shred(tx, user_id)",
        "destroyed = 2",
        "tests/lifecycle",
    ),
    _one(
        "no-purge",
        "An erased account's rows are gone.",
        "lifecycle/erase.py",
        "    rows = await gates.purge(instance.vault, vault_id)\n",
        "    rows = 0\n",
        "tests/lifecycle",
        "tests/contracts",
    ),
    _one(
        "purge-first-collection-only",
        "Erasing empties every table of the vault.",
        "vault/gates.py",
        "for collection in COLLECTIONS:",
        "for collection in COLLECTIONS[:1]:",
        "tests/lifecycle",
        "tests/contracts",
        "tests/vault",
    ),
    _one(
        "log-not-scrubbed",
        "An erased account's keys are in no file, the write-ahead log included.",
        "lifecycle/erase.py",
        "    await instance.platform.scrub()  # the write-ahead log would hold",
        "    # the write-ahead log would hold",
        "tests/durability/test_scrub.py",
    ),
    # ── durability ───────────────────────────────────────────────────────────────────────────────────────────────────
    Sabotage(
        "acknowledged-before-commit",
        "What was acknowledged survives a kill or a power cut.",
        (
            Change(
                "kernel/db/sqlite.py",
                "        await asyncio.shield(committed)  # see SqliteTransaction.__aexit__\n",
                "        _ = committed\n",
            ),
            Change(  # else nobody could read what they have just written, and every test would tell
                "kernel/db/sqlite.py",
                "return _fetch(self._reader, statement, params)",
                "return _fetch(self._writer, statement, params)",
            ),
        ),
        ("tests/durability/test_kill.py",),
    ),
    _one(
        "transaction-acknowledged-before-commit",
        "What was written in several statements and acknowledged survives a kill or a power cut.",
        "kernel/db/sqlite.py",
        "            await asyncio.shield(committed)\n",
        "            _ = committed\n",
        "tests/kernel",
    ),
    _one(
        "failed-commit-acknowledged",
        "A write whose COMMIT failed is an error.",
        "kernel/db/sqlite.py",
        "        if failure is None:\n            done.set_result(None)\n",
        "        if failure is None or failure:\n            done.set_result(None)\n",
        "tests/kernel",
    ),
    _one(
        "key-not-written-whole",
        "A kill in the first start leaves no half key.",
        "crypto/kms/local.py",
        "                new = path.with_name(path.name + NEW_SUFFIX)\n",
        "                new = path.with_name(path.name + NEW_SUFFIX)\n                path.write_bytes(b'{')\n",
        "tests/durability/test_kill.py",
    ),
    _one(
        "secure-delete-off",
        "What was deleted or shredded is not left readable in the database file.",
        "kernel/db/sqlite.py",
        "PRAGMA secure_delete=ON;\n",
        "PRAGMA secure_delete=OFF;\n",
        "tests/kernel",
    ),
    _one(
        "power-cut-forgotten",
        "What was acknowledged is on the disk when the power goes.",
        "kernel/db/sqlite.py",
        "PRAGMA synchronous=FULL;",
        "PRAGMA synchronous=OFF;",
        "tests/durability/test_disks.py",
    ),
    _one(
        "no-ballast",
        "On a full disk one can still export and erase.",
        "app.py",
        "            instance.ballast.lay()\n",
        "            pass\n",
        "tests/durability/test_disks.py",
    ),
    # ── servers of databases and of limits ───────────────────────────────────────────────────────────────────────────
    _one(
        "no-second-try",
        "What an engine gives up, through a deadlock or a failed serialization, is run again.",
        "kernel/db/server.py",
        "        while self._tries < TRIES:\n",
        "        while self._tries < 1:\n",
        "tests/kernel/test_engines.py",
        on_servers=True,
    ),
    _one(
        "second-try-with-old-answers",
        "What was decided on an answer that is another now is not stored.",
        "kernel/db/server.py",
        "                if not is_same:\n",
        "                if False:\n",
        "tests/kernel/test_engines.py",
        on_servers=True,
    ),
    _one(
        "pool-without-bound",
        "A process opens no more connections than it was told.",
        "kernel/db/pool.py",
        "        if self._open < self._size:\n",
        "        if self._open < self._size or self._size:\n",
        "tests/kernel/test_engines.py",
        on_servers=True,
    ),
    _one(
        "queue-without-bound",
        "Only so many wait for a connection; who comes after them is told at once.",
        "kernel/db/pool.py",
        "        if len(self._waiting) >= LONGEST_QUEUE:\n",
        "        if len(self._waiting) < 0:\n",
        "tests/kernel/test_engines.py",
        on_servers=True,
    ),
    _one(
        "gate-without-lock-on-servers",
        "No row survives an erasure, on engines where writers go side by side.",
        "vault/tables.py",
        "        .with_for_update(read=True)\n    )\n\n\ndef _place(",
        "    )\n\n\ndef _place(",
        "tests/vault/test_gates.py",
        on_servers=True,
    ),
    _one(
        "limit-not-shared",
        "Several processes give a person the limit once.",
        "web/middleware/redis_limits.py",
        "self._name_of(kind, key)]",
        "self._name_of(kind, key + str(id(self)).encode())]",
        "tests/web/test_redis_limits.py",
        on_servers=True,
    ),
    _one(
        "limit-names-people",
        "Redis learns of no user and no address.",
        "web/middleware/redis_limits.py",
        "self._name_of(kind, key)]",
        "kind.encode() + key]",
        "tests/web/test_redis_limits.py",
        on_servers=True,
    ),
    _one(
        "limiter-away-closes",
        "A limiter that is away takes nobody's journal away.",
        "web/middleware/redis_limits.py",
        "            self._lost(error)\n            return None\n",
        "            self._lost(error)\n            raise\n",
        "tests/web/test_redis_limits.py",
        on_servers=True,
    ),
    _one(
        "limiter-of-any-name",
        "A Redis with a certificate for another name is not ours.",
        "web/middleware/redis_limits.py",
        '"ssl_min_version": ssl.TLSVersion.TLSv1_2}',
        '"ssl_min_version": ssl.TLSVersion.TLSv1_2, "ssl_check_hostname": False}',
        "tests/web/test_redis_limits.py",
        on_servers=True,
    ),
    _one(
        "pooler-unseen",
        "Behind a pooler that mixes sessions up nothing is begun without saying so.",
        "kernel/db/postgresql.py",
        "        await _check_settings(driver)\n",
        "        pass\n",
        "tests/kernel/test_poolers.py",
        on_servers=True,
    ),
    _one(
        "no-end-of-waiting",
        "A database that does not answer holds nobody for ever.",
        "kernel/db/watch.py",
        "            connection.abort()\n",
        "            pass\n",
        "tests/kernel/test_engines.py",
        on_servers=True,
    ),
    _one(
        "imports-take-all-places",
        "Whoever imports leaves the others a place at the database.",
        "lifecycle/import_.py",
        "asyncio.Semaphore(vault.share)",
        "asyncio.Semaphore(BATCH)",
        "tests/durability/test_faults_of_servers.py",
        on_servers=True,
    ),
    _one(
        "receipt-kept-back",
        "Who erases on a full disk gets the receipt.",
        "lifecycle/erase.py",
        "suppress(StartError, DatabaseError)",
        "suppress(StartError)",
        "tests/durability/test_full_servers.py",
        on_servers=True,
    ),
    _one(
        "lost-answer-decided-twice",
        "A change whose answer was lost on the way is made once and acknowledged.",
        "vault/store/vault.py",
        "if stored is not None and fresh is not None and stored.rev == fresh.rev:",
        "if stored is not None and fresh is not None and not stored.rev:",
        "tests/vault/test_store.py",
    ),
    # ── who may do what ──────────────────────────────────────────────────────────────────────────────────────────────
    _one(
        "route-made-public",
        "Every route is closed unless a list says otherwise.",
        "web/api/records/routes.py",
        '        name=f"{collection.name}_list",\n',
        '        name=f"{collection.name}_list",\n        access=__import__("timos.web.route", fromlist=["Access"]).Access.PUBLIC,\n',
        "tests/contracts/test_routes.py",
    ),
    _one(
        "csrf-token-not-checked",
        "A page elsewhere cannot write with a user's cookies.",
        "web/deps.py",
        "        services.instance.tokens.check_csrf(session.id, presented)\n",
        "",
        "tests/contracts",
        "tests/web",
    ),
    _one(
        "origin-not-checked",
        "A page elsewhere cannot sign its visitor in to its own account.",
        "web/dispatch/frame.py",
        "            csrf.check_origin(call, self._settings)\n",
        "            pass\n",
        "tests/contracts",
        "tests/web",
    ),
    _one(
        "host-not-checked",
        "A page elsewhere cannot reach a server at home under its own name.",
        "web/middleware/guard.py",
        '    if not is_ours(call.headers.get(b"host", b""), settings.hosts):\n        raise MisdirectedError\n',
        "",
        "tests/web",
    ),
    _one(
        "ended-session-goes-on",
        "Signing out counts with the next request.",
        "platform/auth/sessions/session_rows.py",
        "select_from(_JOINED).where(*_MINE, _LIVING))",
        "select_from(_JOINED).where(*_MINE))",
        "tests/platform/auth",
        "tests/web",
    ),
    _one(
        "reused-refresh-goes-on",
        "A refresh token used twice ends its session: one of the two users is a thief.",
        "platform/auth/sessions/refreshing.py",
        "            await self._rows.end(tx, stored.account.id, token.session_id, Event.SESSION_REUSED, now_ms=self._clock.now_ms())\n",
        "            pass\n",
        "tests/platform/auth",
    ),
    _one(
        "credential-mac-not-checked",
        "Who can write the database cannot plant a credential.",
        "platform/sealer.py",
        "if not isinstance(stored, bytes) or not equal(stored, self.mac(table, *columns)):",
        "if not isinstance(stored, bytes):",
        "tests/platform",
    ),
    _one(
        "token-type-open",
        "Only an access token is taken for one, whatever else the same key signs.",
        "crypto/signing.py",
        '    typ: Literal["at+jwt"]\n',
        "    typ: str\n",
        "tests/crypto/test_signing.py",
        "tests/platform/auth",
    ),
    _one(
        "foreign-issuer-accepted",
        "A token of another server is none of ours.",
        "platform/auth/tokens.py",
        'if claims.get("iss") != self.issuer or claims.get("aud") != AUDIENCE:',
        'if claims.get("aud") != AUDIENCE:',
        "tests/platform/auth",
    ),
    _one(
        "expired-token-accepted",
        "An access token is worth nothing after ten minutes.",
        "platform/auth/tokens.py",
        "        if access.expires_at_ms <= self._clock.now_ms():\n",
        "        if access.expires_at_ms < 0:\n",
        "tests/platform/auth",
    ),
    _one(
        "old-password-epoch-accepted",
        "A new password ends every token of before.",
        "platform/auth/sessions/sessions.py",
        "        if access.auth_epoch != stored.auth_epoch:  # from before a new password\n            raise UnauthenticatedError\n",
        "",
        "tests/platform/auth",
    ),
    _one(
        "step-up-used-twice",
        "A fresh proof counts once, for one action.",
        "platform/auth/stepup.py",
        '        one_time_tokens.c.action == bindparam("action"),\n',
        '        bindparam("action") == bindparam("action"),\n',
        "tests/platform/auth",
    ),
    # ── logs ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    _one(
        "raw-path-logged",
        "The log does not tell which day was written.",
        "web/middleware/log.py",
        "        route=call.route.path,\n",
        '        route=call.scope["path"],\n',
        "tests/test_leaks.py",
        "tests/web",
    ),
)
