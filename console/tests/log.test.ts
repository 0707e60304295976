import { expect, test, vi } from "vitest";

vi.stubGlobal("sessionStorage", { getItem: () => null, setItem: () => undefined });
const { onEnd, told } = await import("../src/log");

test("who reads again and again is told when something done has ended, whatever came of it", async () => {
  let ended = 0;
  const forget = onEnd(() => ended++);
  let answer = (): void => undefined;
  const asked = told("Approve", () => new Promise<void>((resolve) => { answer = resolve; }), () => "approved");
  expect(ended).toBe(0);
  answer();
  await asked;
  expect(ended).toBe(1);
  await expect(told("Approve", () => Promise.reject(new Error("decided already")), () => "")).rejects.toThrow("decided already");
  expect(ended).toBe(2);
  forget();
  await told("Approve", () => Promise.resolve(), () => "");
  expect(ended).toBe(2);
});
