"""Somebody who keeps the records of one sample, with all that those point at."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import httpx

from tests.contracts.samples import DAY, Sample, documents_that_are_pointed_at
from tests.support import Json, Person, World
from timos.vault.store.vault import Vault


async def vault_of(world: World, person: Person) -> Vault:
    """As a request of theirs unlocks it."""
    instance = world.instance
    account = await instance.accounts.by_address(person.address)
    assert account is not None
    keys = await instance.keyring.unlock(account.id, account.key_epoch)
    return Vault(
        instance.vault,
        keys,
        instance.clock,
        random=instance.random,
        quota=instance.quota,
        relock=partial(instance.keyring.unlock, account.id, account.key_epoch, fresh=True),
        witness=_unwatched,
    )


async def _unwatched(_: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Calls the address of the sample's record."""

    world: World
    person: Person
    sample: Sample

    async def call(self, method: str, body: Json = None, *, day: str = DAY, headers: Mapping[str, str] | None = None) -> httpx.Response:
        sent = None if body is None else self.sample.body(body, day)
        return await self.person.call(method, self.sample.address(day), sent, headers=headers)

    async def read(self, day: str = DAY) -> Json:
        answer = await self.call("GET", day=day)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    async def make(self, document: Json, day: str = DAY) -> Json:
        """A new record at its address, whoever may choose that; what the API answers, where the API reads it."""
        sample = self.sample
        vault = await vault_of(self.world, self.person)
        written = await vault.put(sample.collection, sample.key(day), sample.document(document, day))
        assert written.is_new
        return await self.read(day) if sample.collection.path is not None else None

    async def create(self, document: Json) -> httpx.Response:
        """A new record through the API."""
        if self.sample.collection.has_ids:
            return await self.person.call("POST", self.sample.path, document)
        return await self.call("PUT", document)


async def desk_of(world: World, sample: Sample, name: str = "sam") -> Desk:
    person = await world.sign_up(name)
    vault = await vault_of(world, person)
    for collection, key, document in documents_that_are_pointed_at():
        if collection is not sample.collection:
            await vault.put(collection, key, document)
    return Desk(world, person, sample)


async def exported(person: Person) -> bytes:
    """The archive of all that they have."""
    answer = await person.call("POST", "/api/exports", headers=await person.step_up("export"))
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.content


async def imported(person: Person, archive: bytes, asked: str = "") -> Json:
    """The report on an archive of ours."""
    media = {"content-type": "application/zip"}
    answer = await person.call("POST", f"/api/imports?format=archive{asked}", content=archive, headers=media)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()["report"]
