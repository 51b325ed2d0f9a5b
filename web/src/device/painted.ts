/** Resolves when what was changed last is on the screen. In a tab that nobody sees nothing is painted, and nobody waits. */
export const painted = (): Promise<void> =>
  new Promise((resolve) => {
    const soon = (): unknown => setTimeout(resolve); // the frame is painted behind the callback that announces it
    if (document.hidden) soon();
    else requestAnimationFrame(soon);
  });
