/** Light, dark or as the system says; size of text. Kept in this browser: it says nothing of what is written. */
import { APPEARANCE, keptTheme, wear, type Theme } from "./theme";

class Appearance {
  theme: Theme = $state(keptTheme());

  set(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem(APPEARANCE, JSON.stringify({ theme }));
    wear(theme);
  }
}

export const appearance = new Appearance();
