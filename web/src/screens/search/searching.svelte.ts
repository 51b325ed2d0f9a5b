/**
 * A search under way. Words go in the body of a request and stay in this page's memory: never into an address, a store or a log.
 * Only the newest question is answered; the one before it is called off.
 */
import { api, ask, type Schemas } from "$/api/client";
import { queryOf } from "./query";

export type Found = Schemas["SearchAnswer"];

const PAUSE_MS = 200; // after the last key
const FEW = 20;
const MOST = 100; // the server's limit

export interface Filters {
  from: string;
  to: string;
  collection: string;
}

const NONE: Filters = { from: "", to: "", collection: "" };

export class Searching {
  query = $state("");
  filters: Filters = $state.raw(NONE);
  found: Found | null = $state.raw(null);
  problem: unknown = $state.raw(null);
  isBusy = $state(false);
  limit = $state(FEW);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private under: AbortController | null = null;

  get filtersSet(): number {
    return Object.values(this.filters).filter(Boolean).length;
  }

  get canShowMore(): boolean {
    return this.found !== null && this.found.hits.length < this.found.total && this.limit < MOST;
  }

  ask(query: string): void {
    this.query = query;
    this.limit = FEW;
    this.later();
  }

  filter(change: Partial<Filters>): void {
    this.filters = { ...this.filters, ...change };
    this.limit = FEW;
    void this.now();
  }

  clearFilters(): void {
    this.filter(NONE);
  }

  showMore(): void {
    this.limit = MOST;
    void this.now();
  }

  /** Without a pause: somebody pressed Enter. */
  async now(): Promise<void> {
    clearTimeout(this.timer);
    this.under?.abort();
    const query = queryOf(this.query);
    if (!query) return this.forget();
    const mine = (this.under = new AbortController());
    this.isBusy = true;
    try {
      const { from, to, collection } = this.filters;
      const body = { query, from: from || null, to: to || null, collections: collection ? [collection] : null, limit: this.limit };
      const found = await ask(api.POST("/api/search", { body, signal: mine.signal }));
      if (mine !== this.under) return;
      this.found = found;
      this.problem = null;
    } catch (error) {
      if (mine !== this.under || mine.signal.aborted) return;
      this.found = null;
      this.problem = error;
    }
    this.isBusy = false;
  }

  /** Leaves the words, for the way back; ends what is under way. */
  stop(): void {
    clearTimeout(this.timer);
    this.under?.abort();
    this.under = null;
    this.isBusy = false;
  }

  private later(): void {
    clearTimeout(this.timer);
    if (!this.query.trim()) return this.forget();
    this.isBusy = true;
    this.timer = setTimeout(() => void this.now(), PAUSE_MS);
  }

  private forget(): void {
    this.stop();
    this.found = null;
    this.problem = null;
  }
}

/** Of the page Search: kept while this tab's page lives, so that the way back from a day leads to the same finds. */
export const searching = new Searching();
