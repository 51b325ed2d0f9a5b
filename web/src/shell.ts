/** The service worker, which keeps the shell (no data) so that the app opens without the network. */

/** Under Trusted Types the address of a worker must come from a policy; ours lets exactly one through. */
const policy = window.trustedTypes?.createPolicy("timos", {
  createScriptURL: (url) => {
    if (url !== "/sw.js") throw new TypeError("Not a script of ours.");
    return url;
  },
});

export function installShell(): void {
  if (!__IS_BUILT__ || !("serviceWorker" in navigator)) return; // plain http on another host has none
  const url = policy ? (policy.createScriptURL("/sw.js") as unknown as string) : "/sw.js";
  void navigator.serviceWorker.register(url, { scope: "/" }).catch(() => undefined); // refused in private windows of some browsers
}
