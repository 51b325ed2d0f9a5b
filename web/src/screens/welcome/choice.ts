/** What a choice of names asks of the server. What was made before is archived, never deleted: somebody may come back here years later. */
import { send } from "$/api/client";
import { Problem } from "$/api/problem";

export interface Known {
  id: string;
  document: { name: string; archived_at?: string | null };
}

export interface Plan {
  create: string[];
  restore: string[];
  archive: string[];
}

/** As the server compares names: case, width and white space do not count. */
export const folded = (name: string): string => name.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean).join(" ");

export function planOf(wanted: readonly string[], known: readonly Known[]): Plan {
  const names = new Map(known.map((one) => [folded(one.document.name), one]));
  const chosen = new Set(wanted.map(folded));
  const found = wanted.map((name) => ({ name: name.trim(), one: names.get(folded(name)) }));
  return {
    create: found.filter(({ one }) => !one).map(({ name }) => name),
    restore: found.flatMap(({ one }) => (one?.document.archived_at ? [one.id] : [])),
    archive: known.filter((one) => !one.document.archived_at && !chosen.has(folded(one.document.name))).map(({ id }) => id),
  };
}

/** Makes what is there what was chosen; doing it again changes nothing. Answers what is there now. */
export async function settle(path: string, wanted: readonly string[], known: readonly Known[], documentOf: (name: string, at: number) => object): Promise<Known[]> {
  const plan = planOf(wanted, known);
  const after = new Map(known.map((one) => [one.id, one]));
  const put = (one: Known): void => void after.set(one.id, one);
  for (const id of plan.archive) put(await send<Known>("POST", `${path}/${id}/archive`));
  for (const id of plan.restore) put(await send<Known>("POST", `${path}/${id}/restore`));
  for (const [at, name] of wanted.map((one) => one.trim()).entries()) {
    if (!plan.create.includes(name)) continue;
    try {
      put(await send<Known>("POST", path, documentOf(name, at)));
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.code !== "conflict") throw problem; // it is there: only the answer was lost
    }
  }
  return [...after.values()];
}
