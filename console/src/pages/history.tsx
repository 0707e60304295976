// Orders, fills and events of a symbol: open ones from memory, the rest page by page from the record.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, isAborted, said, symbolPath } from "../api";
import { fixed, signed, words } from "../format";
import { Empty, type Loaded, Reading, Time } from "../parts";
import type { EventRecord, Fill, OrderRecord, Page, Side, Status } from "../types";

export interface Pages<T> {
  items: T[];
  error: string;
  loading: boolean;
  more: boolean;
  next: () => void;
  anew: () => void;
}

/** A list of the API, page by page; what is not shown is said to be there. */
export function usePages<T>(path: string): Pages<T> {
  const [state, set] = useState<{ path: string; items: T[]; cursor: string | null; error: string; loading: boolean }>({ path, items: [], cursor: null, error: "", loading: true });
  const [tries, retry] = useState(0);
  const read = async (cursor: string | null, signal?: AbortSignal): Promise<void> => {
    set((was) => ({ ...was, loading: true, error: "" }));
    try {
      const mark = path.includes("?") ? "&" : "?";
      const page = await get<Page<T>>(`${path}${mark}limit=100${cursor ? `&cursor=${cursor}` : ""}`, signal ? { signal } : {});
      set((was) => ({ path, items: cursor && was.path === path ? [...was.items, ...page.items] : page.items, cursor: page.next_cursor, error: "", loading: false }));
    } catch (error) {
      if (!signal?.aborted || !isAborted(error)) set((was) => ({ ...was, path, error: said(error), loading: false }));
    }
  };
  useEffect(() => {
    const stop = new AbortController();
    void read(null, stop.signal);
    return () => stop.abort();
  }, [path, tries]);
  const mine = state.path === path;
  return {
    items: mine ? state.items : [],
    error: mine ? state.error : "",
    loading: !mine || state.loading,
    more: mine && state.cursor !== null,
    next: () => void read(state.cursor),
    anew: () => retry((count) => count + 1),
  };
}

/** `stacks` on a narrow screen needs `data-name`, the column's name, on every cell that does not speak for itself. */
export function List<T>({ pages, what, head, line, stacks = false }: { pages: Pages<T>; what: string; head: ComponentChildren; line: (item: T) => ComponentChildren; stacks?: boolean }) {
  return (
    <>
      <div class="row tools">
        <span class="quiet">{pages.items.length} {pages.items.length === 1 ? what.replace(/ies$/, "y").replace(/s$/, "") : what} shown{pages.more ? ", there are older ones" : ""}{pages.loading ? ", reading…" : ""}</span>
        <button type="button" onClick={pages.anew} disabled={pages.loading}>Read anew</button>
      </div>
      {pages.error ? <p class="note failed" role="alert">The {what} could not be read: {pages.error}. <button type="button" onClick={pages.anew}>Try again</button></p> : null}
      {pages.items.length ? (
        <table class={stacks ? "list stacks" : "list"}>
          <thead><tr>{head}</tr></thead>
          <tbody>{pages.items.map(line)}</tbody>
        </table>
      ) : pages.loading || pages.error ? null : <Empty>No {what} yet.</Empty>}
      {pages.more ? <p class="note"><button type="button" onClick={pages.next} disabled={pages.loading}>Older ones</button></p> : null}
    </>
  );
}

function SideMark({ side }: { side: Side }) {
  return <span class={side === "BUY" ? "bid" : "ask"}>{side === "BUY" ? "► buy" : "◄ sell"}</span>;
}

const th = (name: string, numeric = false) => <th scope="col" class={numeric ? "n" : ""}>{name}</th>;

export function OpenOrders({ of, tick }: { of: Loaded<Status>; tick: number }) {
  const orders = [...(of.data?.orders ?? [])].sort((one, other) => Number(other.price) - Number(one.price));
  return (
    <Reading of={of} what="The orders">
      <p class="note quiet">
        {orders.length} live or unknown orders as this process knows them; at the exchange: {of.data?.open_orders_at_exchange ?? (of.data?.state.value === "ACTIVE" ? "not asked while quoting" : "not known")}
      </p>
      {orders.length ? (
        <table class="list">
          <thead><tr>{th("Side")}{th("Level", true)}{th("Price", true)}{th("Quantity", true)}{th("Filled", true)}{th("Status")}{th("Sent")}{th("Client order id")}</tr></thead>
          <tbody>
            {orders.map((order) => (
              <tr key={order.client_order_id} class={order.status === "unknown" ? "failed" : ""}>
                <td><SideMark side={order.side} /></td><td class="n">{order.level}</td><td class="n">{fixed(order.price, tick)}</td><td class="n">{order.quantity}</td>
                <td class="n">{order.filled_quantity}</td><td>{words(order.status)}</td><td><Time at={order.sent_at} /></td><td><code>{order.client_order_id}</code></td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </Reading>
  );
}

export function Fills({ symbol, tick }: { symbol: string; tick: number }) {
  const pages = usePages<Fill>(symbolPath(symbol, "/fills"));
  return (
    <List
      pages={pages} what="fills"
      head={<>{th("Time")}{th("Side")}{th("Price", true)}{th("Quantity", true)}{th("Notional", true)}{th("Fee", true)}{th("Liquidity")}{th("Trade")}</>}
      line={(fill) => (
        <tr key={fill.trade_id + fill.side}>
          <td><Time at={fill.executed_at} /></td><td><SideMark side={fill.side} /></td><td class="n">{fixed(fill.price, tick)}</td><td class="n">{fill.quantity}</td>
          <td class="n">{fixed(fill.notional_usdt, 2)}</td><td class="n">{signed(fill.fee, 4)}</td><td>{fill.is_maker ? "maker" : "taker"}</td><td><code>{fill.trade_id}</code></td>
        </tr>
      )}
    />
  );
}

export function Orders({ symbol, tick }: { symbol: string; tick: number }) {
  const pages = usePages<OrderRecord>(symbolPath(symbol, "/orders"));
  return (
    <List
      pages={pages} what="orders"
      head={<>{th("Made")}{th("Side")}{th("Level", true)}{th("Price", true)}{th("Quantity", true)}{th("Filled", true)}{th("Status")}{th("Why")}{th("Last change")}</>}
      line={(order) => (
        <tr key={order.client_order_id}>
          <td><Time at={order.created_at} /></td><td><SideMark side={order.side} /></td><td class="n">{order.level}</td><td class="n">{fixed(order.price, tick)}</td>
          <td class="n">{order.quantity}</td><td class="n">{order.filled_quantity}</td><td>{words(order.status)}</td><td>{order.reason}</td><td><Time at={order.updated_at} /></td>
        </tr>
      )}
    />
  );
}

export function Events({ symbol }: { symbol: string }) {
  const pages = usePages<EventRecord>(symbolPath(symbol, "/events"));
  return (
    <List
      pages={pages} what="events"
      head={<>{th("Time")}{th("Event")}{th("What happened")}{th("Sent to Kafka")}</>}
      line={(event) => (
        <tr key={event.event_id}>
          <td><Time at={event.occurred_at} /></td><td>{event.event_type.replace(/^mm\./, "").replace(/\.v\d+$/, "")}</td>
          <td class="wrap">{Object.entries(event.data).filter(([key, value]) => key !== "symbol" && value !== null && value !== "").map(([key, value]) => `${words(key)} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`).join(", ")}</td>
          <td>{event.sent_at ? <Time at={event.sent_at} /> : "waits"}</td>
        </tr>
      )}
    />
  );
}
