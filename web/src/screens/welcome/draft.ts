/** What was chosen in the welcome so far: sealed on the device, so that a reload in the middle loses nothing. */
import { session } from "$/session.svelte";

const NAME = "welcome";

export interface Chosen {
  pillars: string[];
  habits: string[];
}

export const recall = async (): Promise<Chosen | null> => (await session.box?.get<Chosen>(NAME).catch(() => null)) ?? null;
export const note = (chosen: Chosen): void => void session.box?.put(NAME, chosen).catch(() => undefined);
export const forget = (): void => void session.box?.remove(NAME).catch(() => undefined);
