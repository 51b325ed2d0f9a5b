/** The question of a day: the same all day long, another one tomorrow, the writer's own where there are some. */
import { dateOf } from "$/journal/days";
import { text } from "$/text";

const MS_PER_DAY = 86_400_000;

export function promptOf(day: string, own: readonly string[] = []): string {
  const prompts = own.length > 0 ? own : text.today.prompts;
  const number = Math.floor(dateOf(day).getTime() / MS_PER_DAY);
  return prompts[((number % prompts.length) + prompts.length) % prompts.length] ?? "";
}
