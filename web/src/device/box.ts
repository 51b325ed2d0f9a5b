/**
 * What the device keeps of a journal: sealed with AES-256-GCM under a key that WebCrypto will not give out again, in IndexedDB.
 *
 * 1. A name is looked up by its HMAC, a value is sealed with that HMAC as additional data: the database shows how many there
 *    are and how long, not what they are or of which day.
 * 2. The keys are one pair for each user. Destroying them (a confirmed logout) makes all that they sealed unreadable.
 * 3. Nothing here ever throws away what it cannot open: it is left where it is.
 * A copied browser profile holds the keys too; SECURITY.md states that limit.
 */

const NAME = "timos";
const NONCE_BYTES = 12; // 96 bits, SP 800-38D 8.2.2: random, and far below 2^32 seals under one key

interface Keys {
  seal: CryptoKey;
  name: CryptoKey;
}

interface Sealed {
  id: string;
  owner: string;
  nonce: Uint8Array<ArrayBuffer>;
  content: ArrayBuffer;
}

interface Plain {
  name: string;
  value: unknown;
}

/** False on plain http from another machine: browsers give no WebCrypto there, and TimOS keeps nothing in clear instead. */
export const canKeep = (): boolean => Boolean(globalThis.isSecureContext && globalThis.crypto?.subtle && globalThis.indexedDB);

let database: Promise<IDBDatabase> | null = null;

function opened(): Promise<IDBDatabase> {
  database ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("keys");
      request.result.createObjectStore("sealed", { keyPath: "id" }).createIndex("owner", "owner");
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  return database;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Commits along with the change: once the browser has both, it needs nothing more of this page, which may be reloaded in that very moment. */
function handedOver<T>(request: IDBRequest<T>): Promise<T> {
  request.transaction?.commit();
  return done(request);
}

async function store(name: "keys" | "sealed", mode: IDBTransactionMode, durability: IDBTransactionDurability = "strict"): Promise<IDBObjectStore> {
  return (await opened()).transaction(name, mode, { durability }).objectStore(name);
}

/** The users whose writing this device keeps, the last one signed in first. */
export async function owners(): Promise<string[]> {
  if (!canKeep()) return [];
  const all = await store("keys", "readonly");
  const last: unknown = await done(all.get("last"));
  const names = (await done((await store("keys", "readonly")).getAllKeys())).map(String).filter((name) => name !== "last");
  return names.sort((one, other) => Number(other === last) - Number(one === last));
}

export class Box {
  /** Shared by those who ask for all at the same time, as a page that opens does; not by who asks after a change. */
  private reading: Promise<Plain[]> | null = null;
  /** Ids by name, of which there are few: a word that is typed waits for one step less. */
  private readonly ids = new Map<string, Promise<string>>();

  private constructor(
    readonly owner: string,
    private readonly keys: Keys,
  ) {}

  /** The box of a user, made where there is none; null where this device can keep nothing. */
  static async of(owner: string): Promise<Box | null> {
    if (!canKeep()) return null;
    const kept = (await done((await store("keys", "readonly")).get(owner))) as Keys | undefined;
    const keys = kept ?? (await Box.made(owner));
    void store("keys", "readwrite", "relaxed").then((all) => all.put(owner, "last"));
    return new Box(owner, keys);
  }

  private static async made(owner: string): Promise<Keys> {
    const fresh: Keys = {
      seal: await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]),
      name: await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]),
    };
    const all = await store("keys", "readwrite"); // one transaction: two tabs at once end up with the same keys
    const kept = (await done(all.get(owner))) as Keys | undefined;
    if (!kept) await done(all.put(fresh, owner));
    return kept ?? fresh;
  }

  /** `relaxed` for copies of what the server has: they need not outlive a power cut, and nobody should wait for the disk. */
  async put(name: string, value: unknown, durability: IDBTransactionDurability = "strict"): Promise<void> {
    const id = await this.idOf(name);
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const clear = new TextEncoder().encode(JSON.stringify({ name, value } satisfies Plain));
    const content = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData: bytesOf(id) }, this.keys.seal, clear);
    await handedOver((await store("sealed", "readwrite", durability)).put({ id, owner: this.owner, nonce, content } satisfies Sealed));
    this.reading = null;
  }

  async get<T>(name: string): Promise<T | null> {
    const sealed = (await done((await store("sealed", "readonly")).get(await this.idOf(name)))) as Sealed | undefined;
    const plain = sealed && (await this.open(sealed));
    return plain ? (plain.value as T) : null;
  }

  /** Everything whose name begins so. */
  async all<T>(prefix: string): Promise<{ name: string; value: T }[]> {
    const reading = (this.reading ??= this.read().finally(() => {
      if (this.reading === reading) this.reading = null;
    }));
    return (await reading).filter(({ name }) => name.startsWith(prefix)) as { name: string; value: T }[];
  }

  private async read(): Promise<Plain[]> {
    const sealed = (await done((await store("sealed", "readonly")).index("owner").getAll(this.owner))) as Sealed[];
    const plain = await Promise.all(sealed.map((one) => this.open(one)));
    return plain.filter((one) => one !== null);
  }

  async remove(name: string): Promise<void> {
    await done((await store("sealed", "readwrite")).delete(await this.idOf(name)));
    this.reading = null;
  }

  /** Destroys the keys first: what a stop in the middle leaves behind cannot be opened any more. */
  async shred(): Promise<void> {
    await done((await store("keys", "readwrite")).delete(this.owner));
    const sealed = await store("sealed", "readwrite");
    for (const id of await done(sealed.index("owner").getAllKeys(this.owner))) sealed.delete(id);
    const last = await store("keys", "readwrite");
    if ((await done(last.get("last"))) === this.owner) await done(last.delete("last"));
  }

  private idOf(name: string): Promise<string> {
    const id = this.ids.get(name) ?? this.computed(name);
    this.ids.set(name, id);
    return id;
  }

  private async computed(name: string): Promise<string> {
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", this.keys.name, bytesOf(name)));
    return btoa(String.fromCharCode(...mac));
  }

  /** Null for what does not open: another key, or damage. */
  private async open(sealed: Sealed): Promise<Plain | null> {
    try {
      const parameters = { name: "AES-GCM", iv: sealed.nonce, additionalData: bytesOf(sealed.id) };
      return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt(parameters, this.keys.seal, sealed.content))) as Plain;
    } catch {
      return null;
    }
  }
}

const bytesOf = (words: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(words);
