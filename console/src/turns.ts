// Many rows that change at once are drawn a few a frame, so that no frame does everything.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

const A_FRAME = 8;
const waiting = new Set<() => void>();
let asked = false;

function some(): void {
  let drawn = 0;
  for (const draw of waiting) {
    if (drawn++ === A_FRAME) break;
    waiting.delete(draw);
    draw();
  }
  asked = waiting.size > 0;
  if (asked) requestAnimationFrame(some);
}

/** Draws when its turn comes; asking again before that changes nothing. */
export function inTurn(draw: () => void): void {
  waiting.add(draw);
  if (!asked) requestAnimationFrame(some);
  asked = true;
}

/** What `draw` gives for a value: anew in turn when the value changes, at once when one of `also` does. */
export function useInTurn<T>(value: T, also: unknown[], draw: (value: T) => JSX.Element): JSX.Element {
  const [shown, show] = useState({ value });
  const latest = useRef(value);
  latest.current = value;
  const turn = useRef(() => show((was) => (was.value === latest.current ? was : { value: latest.current })));
  useLayoutEffect(() => {
    if (shown.value !== value) inTurn(turn.current);
  }, [value]);
  useEffect(() => () => void waiting.delete(turn.current), []);
  return useMemo(() => draw(shown.value), [shown, ...also]);
}
