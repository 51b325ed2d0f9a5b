/** Light, dark, or as the system says: kept in this browser and put on the page before anything is painted. */
export const APPEARANCE = "timos.appearance"; // in localStorage

export type Theme = "system" | "light" | "dark";

export function keptTheme(): Theme {
  try {
    const { theme } = JSON.parse(localStorage.getItem(APPEARANCE) ?? "{}") as { theme?: Theme };
    return theme === "light" || theme === "dark" ? theme : "system";
  } catch {
    return "system";
  }
}

export function wear(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
