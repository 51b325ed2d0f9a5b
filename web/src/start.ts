import { mount } from "svelte";
import App from "./App.svelte";
import { appearance } from "./appearance.svelte";
import { announce } from "./device/tab";
import { keepFieldsOffDisk } from "./device/unremembered";
import { router } from "./router.svelte";
import { invitations } from "./screens/account/invitations.svelte";
import { session } from "./session.svelte";
import { installShell } from "./shell";
import "./style/base.css";

appearance.apply();
invitations.start();
router.start();
keepFieldsOffDisk();
const place = document.getElementById("app");
if (place) mount(App, { target: place });
await announce(); // before the first draft is looked for: it bears the tab's name
await session.start();
installShell();
