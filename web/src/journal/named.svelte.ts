/** Pillars, habits and own moods: lists of named documents, in the person's order, of which some are archived. */
import { send } from "$/api/client";
import { messageOf } from "$/api/problem";
import { text } from "$/text";
import { toasts } from "$/ui/toasts.svelte";
import type { Stored } from "./stored";

interface NamedDocument {
  name: string;
  position?: number;
  archived_at?: string | null;
}

const UNDO_MS = 10_500; // somewhat longer than the toast that undoes it
const leaving = new Set<string>(); // deleted here, not at the server yet

export class Named<T extends NamedDocument> {
  items: Stored<T>[] = $state.raw([]);
  /** How many of them do not open. */
  unreadable = $state(0);
  readonly living = $derived(this.items.filter(({ document }) => !document.archived_at));
  readonly archived = $derived(this.items.filter(({ document }) => document.archived_at));

  constructor(private readonly path: `/api/${string}`) {}

  async load(): Promise<this> {
    const { items, unreadable } = await send<{ items: Stored<T>[]; unreadable: string[] }>("GET", this.path);
    this.items = items.filter(({ id }) => !leaving.has(id)).sort(inOrder);
    this.unreadable = unreadable.length;
    return this;
  }

  get(id: string): Stored<T> | undefined {
    return this.items.find((item) => item.id === id);
  }

  /** At the end of the list, where it has an order. Throws the `Problem` of a refusal, a name that is taken among them. */
  async create(document: Partial<T> & NamedDocument): Promise<Stored<T>> {
    const made = await send<Stored<T>>("POST", this.path, document);
    this.items = [...this.items, made];
    return made;
  }

  /** Only the fields that are named; null takes one back to where it began. Throws the `Problem` of a refusal. */
  async change(id: string, fields: Partial<T>): Promise<Stored<T>> {
    return this.replace(await send<Stored<T>>("PATCH", `${this.path}/${id}`, fields));
  }

  async archive(id: string): Promise<void> {
    await this.attempt(async () => {
      const { document } = await this.verb(id, "archive");
      toasts.say(text.loop.archived(document.name), () => void this.restore(id));
    });
  }

  async restore(id: string): Promise<void> {
    await this.attempt(() => this.verb(id, "restore"));
  }

  /** Gone from the list at once, and from the server when it can no longer be undone: what is deleted there cannot come back as the same record. */
  remove(id: string): void {
    const item = this.get(id);
    if (!item) return;
    const back = (): void => {
      leaving.delete(id);
      this.items = [...this.items, item].sort(inOrder);
    };
    leaving.add(id);
    this.items = this.items.filter((one) => one.id !== id);
    const timer = setTimeout(() => {
      void this.attempt(() => send("DELETE", `${this.path}/${id}`), back);
    }, UNDO_MS);
    toasts.say(text.loop.removed(item.document.name), () => {
      clearTimeout(timer);
      back();
    });
  }

  /** Shown at once, and put back when it is refused. */
  async order(ids: readonly string[]): Promise<void> {
    const before = this.items;
    const rank = (id: string): number => (ids.includes(id) ? ids.indexOf(id) : ids.length);
    const sorted = [...before].sort((one, other) => rank(one.id) - rank(other.id));
    this.items = sorted.map((item, position) => ({ ...item, document: { ...item.document, position } }));
    await this.attempt(
      () => send("PUT", `${this.path}/order`, { ids }),
      () => (this.items = before),
    );
  }

  private async verb(id: string, verb: "archive" | "restore"): Promise<Stored<T>> {
    return this.replace(await send<Stored<T>>("POST", `${this.path}/${id}/${verb}`));
  }

  private replace(stored: Stored<T>): Stored<T> {
    this.items = this.items.map((item) => (item.id === stored.id ? stored : item));
    return stored;
  }

  private async attempt(work: () => Promise<unknown>, takeBack?: () => void): Promise<void> {
    try {
      await work();
    } catch (error) {
      takeBack?.();
      toasts.say(messageOf(error));
    }
  }
}

function inOrder<T extends NamedDocument>({ document: one }: Stored<T>, { document: other }: Stored<T>): number {
  return (one.position ?? 0) - (other.position ?? 0) || one.name.localeCompare(other.name);
}
