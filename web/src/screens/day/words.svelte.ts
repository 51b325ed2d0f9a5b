/** The list of emotion words and those used last, kept sealed on the device: choosing one never waits for the network. */
import { api, ask } from "$/api/client";
import { shifted } from "$/journal/days";
import { session } from "$/session.svelte";
import { text } from "$/text";
import { chosenOf, known, likely, type Emotion } from "./emotions";

const LIST = "emotions";
const RECENT = "emotions:recent";
const MOST_RECENT = 12;
const DAYS_TO_LEARN_FROM = 14;

class EmotionWords {
  all: Emotion[] = $state.raw([]);
  private recent: string[] = [];
  private isAsked = false;

  /** What the device knows; quick, and enough to begin. */
  async begin(): Promise<void> {
    const { box } = session;
    const [all, recent] = await Promise.all([box?.get<Emotion[]>(LIST), box?.get<string[]>(RECENT)]).catch(() => []);
    if (this.all.length === 0) this.all = all ?? [];
    this.recent = recent ?? this.recent;
  }

  /** The list from the server, once; after the page can be written in. On a new device also what was felt of late, for the next time. */
  async learn(day: string): Promise<void> {
    if (this.isAsked) return;
    this.isAsked = true;
    try {
      const { items } = await ask(api.GET("/api/emotions"));
      this.all = items;
      await session.box?.put(LIST, items);
      if (this.recent.length === 0) await this.learnRecent(day);
    } catch {
      this.isAsked = false; // the next visit asks again; until then the words of the device do
    }
  }

  nameOf(word: string): string {
    return known(this.all, word)?.name ?? text.today.likely.find(([id]) => id === word)?.[1] ?? word;
  }

  likely(chosen: readonly string[]): string[] {
    return likely(
      chosen,
      this.recent,
      text.today.likely.map(([id]) => id),
    );
  }

  use(word: string): void {
    this.remember([word, ...this.recent]);
  }

  private async learnRecent(day: string): Promise<void> {
    const query = { from: shifted(day, -DAYS_TO_LEARN_FROM), to: day };
    const { items } = await ask(api.GET("/api/feels", { params: { query } }));
    const words = items.map(({ document }) => chosenOf(document.kind === "morning" ? document.strongest_emotion : null, document.emotions));
    this.remember([...this.recent, ...words.reverse().flat()]);
  }

  private remember(words: string[]): void {
    this.recent = [...new Set(words)].slice(0, MOST_RECENT);
    void session.box?.put(RECENT, this.recent).catch(() => undefined);
  }
}

export const emotionWords = new EmotionWords();
