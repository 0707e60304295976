// What the API answers, as far as the console reads it. Decimals are strings: exact, and shown as they are.

export type State = "ACTIVE" | "PAUSED" | "HALTED";
export type Side = "BUY" | "SELL";
export type Role = "mm:read" | "mm:operate" | "mm:emergency" | "mm:risk";
export type Decimal = string;

export interface Session {
  access_control: boolean;
  actor: string | null;
  roles: Role[];
  expires_at: string | null;
  sign_in_url: string | null;
  version: string;
}

export interface Reason {
  code: string;
  detail: string;
}

export interface Kill {
  reason: string;
  measured: string;
  threshold: string;
  since: string;
}

export interface Market {
  our_bid: Decimal | null;
  our_ask: Decimal | null;
  others_bid: Decimal | null;
  others_ask: Decimal | null;
  max_position_usdt: Decimal;
  max_loss_usdt: Decimal;
  position_headroom_pct: Decimal;
  active_ms: number;
  two_sided_ms: number;
}

export interface Summary {
  symbol: string;
  owner: string | null;
  at: string;
  owner_silent_ms: number | null;
  shadow_mode: boolean;
  state: { value: State; reason: string; actor: string; since: string };
  kill: Kill | null;
  book: {
    valid: boolean;
    reason: string;
    sequence: number;
    best_bid: Decimal | null;
    best_ask: Decimal | null;
    age_ms: number | null;
  };
  mid: Decimal | null;
  mid_source: string;
  position: Decimal;
  average_entry: Decimal | null;
  inventory_usdt: Decimal | null;
  pnl: {
    realized: Decimal;
    unrealized: Decimal | null;
    total: Decimal;
    baseline: Decimal;
    fees: Decimal;
    price: Decimal | null;
    price_source: string;
    price_age_ms: number | null;
  };
  volume_usdt: Decimal;
  fill_count: number;
  open_orders: number;
  unknown_orders: number;
  open_orders_at_exchange: number | null;
  proven_zero_since: string | null;
  spread_bps: Decimal | null;
  enable_problems: Reason[];
  summary: string;
  market: Market | null;
}

export interface Order {
  client_order_id: string;
  order_id: string | null;
  side: Side;
  level: number;
  price: Decimal;
  quantity: Decimal;
  filled_quantity: Decimal;
  status: string;
  sent_at: string;
}

export type Config = { symbol: string; enabled: boolean } & Record<string, unknown>;

export interface Status extends Summary {
  config: Config;
  instrument: { base_currency: string; quote_currency: string; tick_size: Decimal; lot_size: Decimal } | null;
  orders: Order[];
  counters: Record<string, number | Record<string, number>>;
}

export interface Missing {
  symbol: string;
  owner: string | null;
  state: State | null;
  reason: string | null;
  since: string | null;
}

export interface Result {
  symbol: string;
  state: State | null;
  accepted: boolean;
  problems: Reason[];
  pending?: boolean;
  durable?: boolean | null;
}

export interface QuotedLevel {
  side: Side;
  level: number;
  step: Decimal;
  raw_price: Decimal;
  rounded_price: Decimal;
  price: Decimal;
  clamp: string;
  quantity: Decimal;
  notional: Decimal;
  verdict: string;
  detail: string;
  outcome: string;
  resting: { price: Decimal; remaining: Decimal; why_here: string } | null;
}

export interface QuoteSteps {
  mid: Decimal;
  mid_source: string;
  volatility_factor: Decimal;
  spread: Decimal;
  position: Decimal;
  inventory: Decimal;
  inventory_norm: Decimal;
  bias: Decimal;
  bid_mid: Decimal;
  ask_mid: Decimal;
  model: string;
  why_not_configured: string;
  steps: { name: string; value: Decimal; unit: string; says: string }[];
  best_bid: Decimal | null;
  best_ask: Decimal | null;
  levels: QuotedLevel[];
}

export interface Quotes {
  symbol: string;
  at: string;
  state: State;
  quote: QuoteSteps | null;
  why_not: Reason[];
  suppressed: Record<string, number>;
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Fill {
  trade_id: string;
  side: Side;
  price: Decimal;
  quantity: Decimal;
  notional_usdt: Decimal;
  fee: Decimal;
  client_order_id: string | null;
  is_maker: boolean;
  executed_at: string;
  level: number | null;
  mid: Decimal | null;
  markouts: { horizon_ms: number; usdt: Decimal | null; bps: Decimal | null; missing: string | null }[];
}

export interface Results {
  symbol: string;
  since: string;
  until: string;
  results: {
    since: string;
    parts: { spread_usdt: Decimal; inventory_usdt: Decimal; fees_usdt: Decimal; total_usdt: Decimal };
    position: Decimal;
  }[];
  markouts: {
    side: Side;
    level: number | null;
    horizon_ms: number;
    measured: number;
    missing: number;
    usdt: Decimal;
    notional_usdt: Decimal;
  }[];
}

export interface DayStart {
  since: string;
  items: { symbol: string; result_usdt: Decimal }[];
}

export interface Obligation {
  programme: string;
  symbol: string;
  tier: string;
  max_spread_bps: Decimal;
  min_size: Decimal;
  size_currency: "base" | "quote";
  min_share_pct: Decimal;
  measure: "time" | "samples" | "minutes";
  since: string;
  until: string;
  present: number;
  elapsed: number;
  total: number;
  share_pct: Decimal | null;
  slack: number;
  met: boolean | null;
}

export interface ObligationDay {
  day: string;
  items: Obligation[];
}

export interface Proposal {
  id: number;
  symbol: string;
  state: "PENDING" | "APPROVED" | "REJECTED" | "EXPIRED" | "SUPERSEDED";
  replaces: number;
  changes: { field: string; before: unknown; after: unknown }[];
  loosens: string[];
  needs_role: Role;
  author: string;
  reason: string;
  created_at: string;
  expires_at: string;
  decided_at: string | null;
  decided_by: string | null;
  decision_reason: string | null;
}

export interface ProposalPage extends Page<Proposal> {
  approval_needed: boolean;
}

export interface DrillRecord {
  id: number;
  symbol: string;
  actor: string;
  reason: string;
  state_before: string;
  open_orders: number;
  shadow_mode: boolean;
  triggered_at: string;
  halted_us: number | null;
  proven_zero_us: number | null;
}

export interface IncidentRecord {
  event_id: string;
  symbol: string;
  occurred_at: string;
  reason: string;
  measured: string;
  threshold: string;
  position: Decimal;
  pnl_usdt: Decimal;
  open_orders: number;
}

export interface OrderRecord extends Order {
  reason: string;
  created_at: string;
  updated_at: string;
}

export interface EventRecord {
  event_id: string;
  event_type: string;
  occurred_at: string;
  sent_at: string | null;
  data: Record<string, unknown>;
}

export interface AuditRecord {
  entry_id: string;
  at: string;
  actor: string;
  roles: string[];
  route: string;
  symbol: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  why: string;
}

export interface ConfigVersion {
  version: number;
  at: string;
  author: string;
  reason: string;
  config: Config | null;
  changes: { field: string; before: unknown; after: unknown }[];
}

export interface DepthLevel {
  price: Decimal;
  others: Decimal;
  ours: Decimal;
}

export interface Depth {
  symbol: string;
  valid: boolean;
  reason: string;
  age_ms: number | null;
  bids: DepthLevel[];
  asks: DepthLevel[];
}

export interface Series {
  symbol: string;
  span: string;
  step_s: number;
  times: number[];
  columns: Record<string, (number | null)[]>;
}

export interface Preview {
  at: string;
  config: Config;
  quote: QuoteSteps | null;
  why_not: string;
  would_halt: Kill | null;
  needs_confirm: { field: string; detail: string }[];
  cancelled: Order[];
  placed: { side: Side; level: number }[];
  kept: number;
}

export interface Instance {
  instance: string;
  symbols: string[];
  at: string;
  silent_ms: number | null;
  latency_us: Record<string, number | null>;
  outbox_pending: number;
  version: string | null; // null: of a program that does not tell
  self: boolean;
}

export interface HouseLimit {
  name: string;
  limit_usdt: string;
  known_usdt: string;
  worst_usdt: string; // with what is not known
  left_usdt: string;
  unknown: string[];
}

/** What stands around the symbols. */
export interface Glance {
  instances: number;
  silent: string[];
  guards: number | null;
  lag_ms: number | null;
  house_limits: HouseLimit[];
}

export interface SystemStatus {
  shadow_mode: boolean;
  complete: boolean;
  outbox_pending: number;
  latency_us: Record<string, number | null>;
  instances: Instance[];
  without_owner: Missing[];
  totals: Record<string, string | number>;
}

export interface Health {
  status: string;
  version: string;
  checks: { name: string; status: string; detail: string }[];
}
