import { hydrate, mount } from "svelte";
import App from "./App.svelte";
import { announce } from "./device/tab";
import { keepFieldsOffDisk } from "./device/unremembered";
import { router } from "./router.svelte";
import { invitations } from "./screens/account/invitations.svelte";
import { session } from "./session.svelte";
import { installShell } from "./shell";
import "./style/base.css";

async function show(target: HTMLElement): Promise<void> {
  if (!target.hasChildNodes()) return void mount(App, { target });
  const { default: Inside } = await import("./screens/account/Login.svelte");
  session.state = "out";
  hydrate(App, { target, props: { first: { path: "/login", Inside } } }); // what was typed meanwhile stays
}

/** Awaited by nobody: an `await` of the module itself would keep every screen waiting, as each imports what is bundled with it. */
async function start(): Promise<void> {
  const target = document.getElementById("app");
  if (target) await show(target);
  void announce(); // while the server is asked; who looks for a draft waits for it
  await session.start();
  installShell();
}

invitations.start();
router.start();
keepFieldsOffDisk();
void start();
