/** Draws, while the app is built, what `frame.ts` shows before the app is there. */
import { render } from "svelte/server";
import App from "./App.svelte";
import Login from "./screens/account/Login.svelte";
import { session } from "./session.svelte";
import Waiting from "./ui/Waiting.svelte";

export function frames(): Record<"in" | "out", string> {
  session.state = "out";
  const out = render(App, { props: { first: { path: "/login", Inside: Login } } }).body;
  session.state = "in";
  return { out, in: render(App, { props: { first: { path: "/", Inside: Waiting } } }).body };
}
