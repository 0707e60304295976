// One place for keys; fields keep theirs.

import { useLayoutEffect } from "preact/hooks";

export type Keys = Record<string, (event: KeyboardEvent) => void>;

export function useKeys(keys: Keys): void {
  // Before the next key can come, so that none meets what was shown before the last one.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target as HTMLElement | null;
      if (document.querySelector("dialog[open]")) return;
      if (target?.closest("input:not([type=checkbox]):not([type=radio]), textarea, select")) {
        if (event.key === "Escape") target.blur();
        return;
      }
      if (event.key === "Enter" && target?.closest("a, button, summary")) return;
      const act = keys[event.key];
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
}
