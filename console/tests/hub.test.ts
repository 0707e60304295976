import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Batch, Hub, type Source } from "../src/hub";

class Stream implements Source {
  readyState: 0 | 1 | 2 = 1;
  private on = new Map<string, (event: Event) => void>();
  addEventListener = ((name: string, act: (event: Event) => void) => void this.on.set(name, act)) as Source["addEventListener"];
  close(): void {
    this.readyState = 2;
  }
  say(name: string, data: unknown = ""): void {
    this.on.get(name)?.({ data: typeof data === "string" ? data : JSON.stringify(data) } as MessageEvent);
  }
}

let streams: Stream[];
let told: Batch[];
let hub: Hub;
const last = (): Batch => told.at(-1) as Batch;
const symbols = (batch: Batch): string[] => batch.rows.map((row) => row.symbol).sort();

beforeEach(() => {
  vi.useFakeTimers();
  streams = [];
  told = [];
  const open = (): Stream => {
    const stream = new Stream();
    streams.push(stream);
    return stream;
  };
  hub = new Hub((batch) => told.push(batch), open);
  hub.start();
});

afterEach(() => {
  hub.stop();
  vi.useRealTimers();
});

function whole(stream: Stream, ...names: string[]): void {
  stream.say("begin", "1");
  for (const symbol of names) stream.say("status", { symbol });
  stream.say("heartbeat", "now");
  vi.advanceTimersByTime(250);
}

test("nothing is shown before everything has been told", () => {
  streams[0]?.say("begin", "1");
  streams[0]?.say("status", { symbol: "A" });
  vi.advanceTimersByTime(250);
  expect(last().rows).toEqual([]);
  streams[0]?.say("heartbeat", "now");
  vi.advanceTimersByTime(250);
  expect([symbols(last()), last().anew, last().link]).toEqual([["A"], true, "live"]);
});

test("many changes of a symbol are told once, four times a second", () => {
  whole(streams[0] as Stream, "A", "B");
  told.length = 0;
  for (let n = 0; n < 20; n += 1) streams[0]?.say("status", { symbol: "A", n });
  vi.advanceTimersByTime(250);
  expect(told.length).toBe(1);
  expect(symbols(last())).toEqual(["A"]);
});

test("a row that was deleted while the stream was lost is gone after it", () => {
  whole(streams[0] as Stream, "A", "B");
  streams[0]?.say("error");
  vi.advanceTimersByTime(2_500);
  expect(last().link).toBe("lost");
  whole(streams[1] as Stream, "B");
  expect([symbols(last()), last().anew]).toEqual([["B"], true]);
});

test("what is told late by a stream that was given up counts for nothing", () => {
  whole(streams[0] as Stream, "A");
  hub.start();
  streams[0]?.say("removed", "A");
  whole(streams[1] as Stream, "A");
  expect(symbols(hub.all())).toEqual(["A"]);
});

test("a stream that is open and silent is lost, and a new one is opened", () => {
  whole(streams[0] as Stream, "A");
  vi.advanceTimersByTime(14_000);
  expect(last().link).toBe("lost");
  vi.advanceTimersByTime(3_000);
  expect(streams.length).toBe(2);
});

test("a stream that is refused is told apart from one that is lost", () => {
  const stream = streams[0] as Stream;
  stream.readyState = 2;
  stream.say("error");
  vi.advanceTimersByTime(250);
  expect(last().link).toBe("refused");
});

test("a tab that comes later is told everything at once", () => {
  whole(streams[0] as Stream, "A", "B");
  expect(hub.all().anew).toBe(true);
  expect(symbols(hub.all())).toEqual(["A", "B"]);
});

test("what stands around the symbols is told to every tab, and forgotten when nobody is signed in", () => {
  const glance = { instances: 2, silent: ["b"], guards: 1, lag_ms: 100, house_limits: [] };
  streams.at(-1)?.say("begin", "1");
  streams.at(-1)?.say("heartbeat");
  streams.at(-1)?.say("fleet", glance);
  vi.advanceTimersByTime(300);
  expect(last().glance).toEqual(glance);
  hub.stop();
  expect(hub.all().glance).toBeNull();
});
