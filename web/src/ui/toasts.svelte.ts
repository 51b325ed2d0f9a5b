/** Short messages at the foot of the page; one that undoes something stays until its time is up or it is used. */

const SAY_MS = 6000;
const UNDO_MS = 10_000;

export interface Toast {
  id: number;
  message: string;
  undo: (() => void) | null;
}

class Toasts {
  all: Toast[] = $state([]);
  private last = 0;

  say(message: string, undo: (() => void) | null = null): void {
    const id = (this.last += 1);
    this.all = [...this.all.slice(-2), { id, message, undo }];
    setTimeout(() => this.end(id), undo ? UNDO_MS : SAY_MS);
  }

  end(id: number): void {
    this.all = this.all.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
