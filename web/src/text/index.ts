/** Everything that a person reads, in one catalogue; one file for each area. English; a second language replaces these objects. */
import { account } from "./account";
import { charts } from "./charts";
import { data } from "./data";
import { loop } from "./loop";
import { shell } from "./shell";
import { today } from "./today";

export const text = { account, charts, data, loop, shell, today } as const;
