/**
 * The token of a setup link or an invitation (`/#setup=…`, `/#invite=…`). It stands in the fragment so that no server log sees it;
 * it is taken out of the address at once, so that no history keeps it, and lives in this page's memory only.
 */
import { router } from "$/router.svelte";
import { session } from "$/session.svelte";
import { text } from "$/text";
import { toasts } from "$/ui/toasts.svelte";
import { invitationIn, type Invitation } from "./invitation";

class Invitations {
  current: Invitation | null = $state.raw(null);

  /** Before the router starts; later links that are opened in this tab only change the fragment, and are taken up too. */
  start(): void {
    this.take();
    addEventListener("hashchange", () => this.take() && router.go("/signup"));
    $effect.root(() => {
      $effect(() => {
        if (session.state !== "in" || !this.current) return;
        this.current = null;
        toasts.say(text.shell.signedIn);
      });
    });
  }

  private take(): boolean {
    const found = invitationIn(location.hash);
    if (!found || !location.hash) return false;
    this.current = found;
    history.replaceState(null, "", "/signup");
    router.place = { path: "/signup", query: new URLSearchParams() };
    return true;
  }
}

export const invitations = new Invitations();
