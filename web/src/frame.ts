/**
 * The frame of the first page, which the build has drawn into it (`frames.ts`): painted before the shell is there, and with nothing in it
 * that only the server knows. The sign-in form is taken over by the app as it is; the navigation with Today's heading is replaced by it.
 */
import { dayNow } from "./journal/days";
import { longDay } from "./text/format";

export const ELSEWHERE = "timos.elsewhere"; // in localStorage, "1": this person's days are not told by this device's clock and language

const FRAME = "frame";
const NOT_YET = "\u00a0"; // as high as a day

export function framed(which: "in" | "out"): void {
  const drawn = document.querySelector<HTMLTemplateElement>(`template#frame-${which}`)?.content.cloneNode(true);
  const place = document.getElementById("app");
  if (!drawn || !place) return; // the development server draws none
  if (which === "out") return void place.append(drawn);
  const frame = document.createElement("div");
  frame.id = FRAME;
  frame.inert = true; // nothing in it answers yet
  frame.append(drawn);
  tell(frame);
  place.before(frame);
}

/** In the same step in which the app appears. */
export function unframe(): void {
  document.getElementById(FRAME)?.remove();
}

/** Which day it is, by this device's clock, where that is known to be right; on another screen only where one is. */
function tell(frame: HTMLElement): void {
  const { pathname } = location;
  const heading = frame.querySelector("h1");
  if (pathname === "/" && heading) return void (heading.textContent = localStorage.getItem(ELSEWHERE) ? NOT_YET : longDay(dayNow(null)));
  frame.querySelector("main")?.replaceChildren();
  for (const link of frame.querySelectorAll("nav a")) {
    const path = link.getAttribute("href") ?? "";
    if (path !== "/" && `${pathname}/`.startsWith(`${path}/`)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
