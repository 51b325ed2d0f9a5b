/**
 * Small calls that the server merges (ticks, scores, timed notes, moods), kept on the device until they are answered, in order.
 * Each carries an Idempotency-Key: a call whose answer was lost is made again and counts once.
 */
import { send } from "$/api/client";
import { messageOf, Problem } from "$/api/problem";
import type { Box } from "$/device/box";
import { toasts } from "$/ui/toasts.svelte";

const RETRY_MS = 5000;

export interface Call {
  key: string;
  order: number;
  method: "PUT" | "POST" | "DELETE";
  path: string;
  body?: unknown;
}

class Outbox {
  /** How many wait. */
  waiting = $state(0);
  private box: Box | null = null;
  private order = Date.now();
  private flushing: Promise<void> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  use(box: Box | null): void {
    this.box = box;
  }

  /** The answer; null when nobody answered and it will be sent later. Throws the `Problem` of a refusal: then it is not kept. */
  async call<T>(method: Call["method"], path: string, body?: unknown): Promise<T | null> {
    const call: Call = { key: randomKey(), order: (this.order += 1), method, path, body };
    await this.box?.put(`call:${call.key}`, call);
    if (this.waiting > 0) await this.flush(); // those before it go first
    if (this.waiting > 0 && this.box) return this.later();
    try {
      const answer = await deliver<T>(call);
      await this.box?.remove(`call:${call.key}`);
      return answer ?? (undefined as T);
    } catch (problem) {
      if (this.box && problem instanceof Problem && (problem.isPassing || problem.status === 401)) return this.later();
      await this.box?.remove(`call:${call.key}`);
      throw problem;
    }
  }

  /** What is not answered yet, oldest first: a screen that is opened shows it as done. */
  async pending(): Promise<Call[]> {
    return ((await this.box?.all<Call>("call:")) ?? []).map(({ value }) => value).sort((one, other) => one.order - other.order);
  }

  /** Sends what waits, oldest first; stops at the first that nobody answers. */
  flush(): Promise<void> {
    this.flushing ??= this.sendAll().finally(() => {
      this.flushing = null;
    });
    return this.flushing;
  }

  private async sendAll(): Promise<void> {
    const calls = await this.pending();
    this.waiting = calls.length;
    for (const call of calls) {
      try {
        await deliver(call);
      } catch (problem) {
        if (!(problem instanceof Problem) || problem.isPassing || problem.status === 401) return this.again();
        if (problem.status !== 404) toasts.say(messageOf(problem)); // what it was for is gone: nothing to say
      }
      await this.box?.remove(`call:${call.key}`);
      this.waiting -= 1;
    }
  }

  private async later(): Promise<null> {
    this.waiting = (await this.pending()).length;
    this.again();
    return null;
  }

  private again(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), RETRY_MS);
  }
}

const deliver = <T>(call: Call): Promise<T> =>
  send<T>(call.method, call.path, call.body, call.method === "POST" ? { "Idempotency-Key": call.key } : {});

const randomKey = (): string => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export const outbox = new Outbox();
