import { expect, test, vi } from "vitest";

test("what changes at once is drawn a few a frame, each once, and what comes meanwhile waits behind", async () => {
  const frames: (() => void)[] = [];
  vi.stubGlobal("requestAnimationFrame", (frame: () => void) => frames.push(frame));
  const { inTurn } = await import("../src/turns");
  const drawn: number[] = [];
  const draws = Array.from({ length: 10 }, (_, index) => () => void drawn.push(index));
  for (const draw of [...draws, ...draws]) inTurn(draw);
  expect(frames.length).toBe(1);
  frames.shift()?.();
  expect(drawn).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  inTurn(draws[0] as () => void);
  frames.shift()?.();
  expect(drawn.slice(8)).toEqual([8, 9, 0]);
  expect(frames.length).toBe(0);
});
