/**
 * A document that is being written, and where its words are at each moment.
 *
 * 1. An edit goes to the device first (`Box`, sealed), then to the server.
 * 2. The copy on the device goes only when the server has acknowledged the same content.
 * 3. A conflict is merged field by field where only one side changed a field; else it waits for the person.
 * 4. What cannot be sent is tried again: on return of the network, and every few seconds.
 */
import { Problem } from "$/api/problem";
import { send } from "$/api/client";
import type { Box } from "$/device/box";
import { draftName, leftBehind, type Draft } from "./drafts";
import { isSame, merge, type Document, type Merged } from "./merge";
import { acknowledge, acknowledgeDeletion, newest, type Stored } from "./stored";

const PAUSE_MS = 700; // after the last key
const PATIENCE_MS = 4000; // after the first key, for somebody who types without a pause
const RETRY_MS = [1000, 2000, 4000, 8000]; // not longer: a server that is back is back for whoever looks at the screen
const MERGES = 5; // in a row; another writer is then faster than we are, and the person should see it

export type State =
  | { kind: "idle" }
  | { kind: "saving" }
  | { kind: "saved"; at: Date }
  | { kind: "device" } // sealed here, not at the server yet
  | { kind: "memory" } // at neither: this browser can keep nothing, and the server does not answer
  | { kind: "conflict" }
  | { kind: "refused"; message: string };

export interface Conflict<T> {
  /** Null when it was deleted meanwhile. */
  theirs: T | null;
  etag: string | null;
}

/** The documents that are open in this tab, by path. */
export const open = new Map<string, Kept<Document>>();

export class Kept<T extends Document> {
  document: T = $state.raw({} as T);
  state: State = $state.raw({ kind: "idle" });
  conflict: Conflict<T> | null = $state.raw(null);

  private base: T | null = null;
  private etag: string | null = null;
  private revision = 0;
  private keptRevision = 0;
  private isKeeping: Promise<void> | null = null;
  private isSending: Promise<void> | null = null;
  private firstEditAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private closing = false;

  private constructor(
    readonly path: string,
    private readonly box: Box | null,
    private readonly empty: T,
    private readonly unions: readonly string[],
  ) {
    this.document = empty;
  }

  /** `unions` names lists that are merged by what each side added and took out. Takes up what a reload or a crash left on this device. */
  static async open<T extends Document>(
    path: string,
    stored: Stored<T> | null,
    { box, empty, unions = [] }: { box: Box | null; empty: T; unions?: readonly string[] },
  ): Promise<Kept<T>> {
    const kept = new Kept<T>(path, box, empty, unions);
    kept.take(newest(path, stored));
    open.set(path, kept as unknown as Kept<Document>);
    const drafts = await leftBehind<T>(box, path);
    if (!kept.isUnsent) kept.take(newest(path, stored)); // what another screen was just sending may be there by now
    for (const draft of drafts) kept.adopt(draft, kept.base !== null);
    return kept;
  }

  get isUnsent(): boolean {
    return this.revision > 0 && !isSame(this.document, this.base ?? this.empty);
  }

  /** True while not even the device has the last keystroke. */
  get isAtRisk(): boolean {
    return this.isUnsent && this.keptRevision < this.revision;
  }

  /** What the server is known to hold; null for nothing. */
  get known(): { etag: string | null; document: T } | null {
    return this.base && { etag: this.etag, document: this.base };
  }

  edit(change: Partial<T>): void {
    this.document = { ...this.document, ...change };
    this.revision += 1;
    void this.keep();
    if (this.conflict) return; // it is kept here, and goes when the person has decided
    if (this.state.kind !== "device" && this.state.kind !== "memory") this.state = { kind: "saving" };
    this.firstEditAt ||= Date.now();
    this.after(Math.max(0, Math.min(PAUSE_MS, this.firstEditAt + PATIENCE_MS - Date.now())));
  }

  /** Sends what is unsent, now; resolves when the server answered or could not be reached. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    if (this.isSending) await this.isSending;
    if (!this.isUnsent || this.conflict) return;
    this.isSending = this.sendAll().finally(() => {
      this.isSending = null;
    });
    await this.isSending;
  }

  /** Both sides of a conflict put together as they are now: what was typed since then counts. */
  get together(): Merged<T> | null {
    return this.conflict && merge(this.base, this.document, this.conflict.theirs, this.unions);
  }

  /** The person's answer to a conflict. Sent over what was shown, so that a third version would be a conflict again. */
  async resolve(document: T): Promise<void> {
    const { theirs, etag } = this.conflict ?? { theirs: null, etag: null };
    this.conflict = null;
    this.base = theirs;
    this.etag = etag;
    this.document = document;
    this.revision += 1;
    await this.keep();
    this.state = { kind: "saving" };
    if (isSame(document, theirs)) return this.settle(new Date());
    await this.flush();
  }

  /** A newer version from the server, for a document that is open: merged into what is being written. */
  refresh(answer: Stored<T> | null): void {
    if (!answer) acknowledgeDeletion(this.path);
    const stored = newest(this.path, answer);
    if (!this.isUnsent) this.take(stored);
    else if (stored && stored.etag !== this.etag) this.meet(stored.document, stored.etag);
  }

  close(): void {
    this.closing = true;
    void this.flush().finally(() => {
      if (open.get(this.path) === (this as unknown as Kept<Document>) && !this.isUnsent) open.delete(this.path);
    });
  }

  private take(stored: Stored<T> | null): void {
    this.base = stored?.document ?? null;
    this.etag = stored?.etag ?? null;
    this.document = stored ? { ...this.empty, ...stored.document } : this.empty;
    this.state = stored ? { kind: "saved", at: new Date(stored.updated_at) } : { kind: "idle" };
  }

  private adopt(draft: Draft<T>, isKnown: boolean): void {
    if (isSame(draft.document, this.base ?? this.empty)) return void this.forget();
    const { theirs, etag } = this.conflict ?? { theirs: this.base, etag: this.etag };
    this.base = draft.base;
    this.etag = draft.etag;
    this.document = this.revision ? merge(draft.base, this.document, draft.document, this.unions).document : draft.document;
    this.revision += 1;
    void this.keep();
    this.state = { kind: "device" };
    if (isKnown && etag !== draft.etag) this.meet(theirs, etag);
    this.after(0);
  }

  /** Puts what is written here together with what is stored there. */
  private meet(theirs: T | null, etag: string | null): boolean {
    const { document, conflicts } = merge(this.base, this.document, theirs, this.unions);
    if (conflicts.length > 0) {
      this.conflict = { theirs, etag };
      this.state = { kind: "conflict" };
      return false;
    }
    this.etag = etag; // not before it is decided: the draft must go on saying what it was written over
    this.base = theirs;
    this.document = { ...this.empty, ...document };
    this.revision += 1;
    void this.keep();
    return true;
  }

  private async sendAll(): Promise<void> {
    this.firstEditAt = 0;
    for (let round = 0; round < MERGES && this.isUnsent; round += 1) {
      await this.keep();
      const [sent, revision] = [this.document, this.revision];
      if (this.state.kind !== "device" && this.state.kind !== "memory") this.state = { kind: "saving" };
      try {
        const headers: Record<string, string> = this.etag ? { "If-Match": this.etag } : {};
        this.acknowledged(sent, revision, await send<Stored<T>>("PUT", this.path, sent, headers));
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        if (problem.status !== 412 || !this.meet(problem.stored as T | null, problem.etag)) return this.failed(problem);
      }
    }
    if (this.isUnsent) this.after(PAUSE_MS);
  }

  private acknowledged(sent: T, revision: number, answer: Stored<T>): void {
    this.failures = 0;
    acknowledge(this.path, answer as Stored<Document>);
    this.base = answer.document;
    this.etag = answer.etag;
    if (this.revision !== revision) return;
    this.document = merge(sent, this.document, { ...this.empty, ...answer.document }, this.unions).document;
    this.settle(new Date(answer.updated_at));
  }

  private settle(at: Date): void {
    this.revision = this.keptRevision = 0;
    this.state = { kind: "saved", at };
    void this.forget();
  }

  private failed(problem: Problem): void {
    if (this.conflict) return;
    if (problem.status !== 401 && !problem.isPassing) {
      this.state = { kind: "refused", message: problem.message };
      return;
    }
    this.state = { kind: this.box ? "device" : "memory" };
    const pause = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] ?? 0;
    this.failures += 1;
    if (problem.isPassing) this.after((problem.retryAfter ?? 0) * 1000 || pause);
  }

  private after(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), ms);
  }

  /** Writes the newest version to the device; while one is being written, the next waits, and those between are left out. */
  private keep(): Promise<void> {
    const { box } = this;
    if (!box) return Promise.resolve();
    this.isKeeping ??= (async () => {
      while (this.keptRevision < this.revision) {
        const revision = this.revision;
        const draft: Draft<T> = { path: this.path, base: this.base, etag: this.etag, document: this.document, at: new Date().toISOString() };
        await box.put(draftName(this.path), draft);
        this.keptRevision = Math.max(this.keptRevision, this.revision === 0 ? 0 : revision);
      }
      if (this.revision === 0) await box.remove(draftName(this.path)); // acknowledged while it was being written
    })().finally(() => {
      this.isKeeping = null;
    });
    return this.isKeeping;
  }

  private async forget(): Promise<void> {
    await this.isKeeping;
    if (this.revision === 0) await this.box?.remove(draftName(this.path));
    if (this.closing && !this.isUnsent) open.delete(this.path);
  }
}

/** True when anything that was written in this tab is not at the server. */
export const hasUnsent = (): boolean => [...open.values()].some((kept) => kept.isUnsent);

export async function flushAll(): Promise<void> {
  await Promise.all([...open.values()].map((kept) => kept.flush()));
}
