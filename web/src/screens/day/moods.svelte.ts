/** Names of moods: those that everybody has, and the writer's own, learnt after the page can be used and kept sealed on the device. */
import { api, ask } from "$/api/client";
import { session } from "$/session.svelte";
import { text } from "$/text";

export interface MoodName {
  id: string;
  name: string;
  emoji: string;
  level: number;
  isArchived: boolean;
}

const OWN = "moods:own";

class MoodWords {
  readonly system: MoodName[] = text.today.systemMoods.map(([id, name], index) => ({ id, name, emoji: "", level: index + 1, isArchived: false }));
  private all: MoodName[] = $state.raw([]);
  /** Those that can be chosen. */
  own: MoodName[] = $derived(this.all.filter(({ isArchived }) => !isArchived));

  async begin(): Promise<void> {
    this.all = (await session.box?.get<MoodName[]>(OWN).catch(() => null)) ?? this.all;
  }

  async learn(): Promise<void> {
    const found = await ask(api.GET("/api/moods")).catch(() => null);
    if (!found) return;
    this.all = found.items.map(({ id, document }) => ({
      id,
      name: document.name,
      emoji: document.emoji ?? "",
      level: document.level ?? 3,
      isArchived: document.archived_at != null,
    }));
    await session.box?.put(OWN, this.all).catch(() => undefined);
  }

  find(id: string): MoodName | undefined {
    return this.system.find((mood) => mood.id === id) ?? this.all.find((mood) => mood.id === id);
  }
}

export const moodWords = new MoodWords();
