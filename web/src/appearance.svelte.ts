/** Light, dark or as the system says; size of text. Kept in this browser: it says nothing of what is written. */

const KEY = "timos.appearance";

type Theme = "system" | "light" | "dark";

interface Kept {
  theme: Theme;
}

class Appearance {
  theme: Theme = $state(read().theme);

  set(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem(KEY, JSON.stringify({ theme } satisfies Kept));
    this.apply();
  }

  apply(): void {
    if (this.theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = this.theme;
  }
}

function read(): Kept {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Kept>;
    return { theme: kept.theme === "light" || kept.theme === "dark" ? kept.theme : "system" };
  } catch {
    return { theme: "system" };
  }
}

export const appearance = new Appearance();
