import { beforeEach, expect, test, vi } from "vitest";
import { awayTo, takeToken } from "../src/session";

let kept: Map<string, string>;
let replaced: string[];

function at(hash: string): void {
  vi.stubGlobal("location", { origin: "https://mm.example", pathname: "/", hash });
}

beforeEach(() => {
  kept = new Map();
  replaced = [];
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  });
  vi.stubGlobal("history", { replaceState: (_: unknown, __: string, url: string) => void replaced.push(url) });
  at("");
});

test("a token comes back only to the browser that asked for it, once, and leaves the address", () => {
  const away = new URL(awayTo("https://auth.example/login?app=mm"));
  expect(away.searchParams.get("app")).toBe("mm");
  expect(away.searchParams.get("redirect_uri")).toBe("https://mm.example/");
  at(`#access_token=abc&state=${away.searchParams.get("state")}`);
  expect(takeToken()).toEqual({ token: "abc" });
  expect(replaced).toEqual(["/"]);
  expect(takeToken()).toMatchObject({ refused: expect.stringContaining("begin again") });
});

test("a token that nobody asked for signs nobody in", () => {
  at("#access_token=abc&state=guessed");
  expect(takeToken()).toMatchObject({ refused: expect.any(String) });
  at("#access_token=abc");
  expect(takeToken()).toMatchObject({ refused: expect.any(String) });
  expect(replaced).toEqual(["/", "/"]);
});

test("a place in the console is no token", () => {
  at("#/symbol/BTCUSDT");
  expect(takeToken()).toBeNull();
  expect(replaced).toEqual([]);
});
