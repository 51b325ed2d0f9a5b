/** The areas of the catalogue. */
export { account } from "./account";
export { charts } from "./charts";
export { data } from "./data";
export { loop } from "./loop";
export { shell } from "./shell";
export { today } from "./today";
