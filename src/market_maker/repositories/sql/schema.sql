-- The declared truth of the database. Change it here first, then `make migration NAME=...` writes the
-- migration that leads there; a test proves that both give the same database.
--
-- Amounts are NUMERIC: exact, never binary floating point. A NUMERIC may be NaN or infinite, and NaN
-- passes `> 0`, so every range has an upper end too.

-- What the desk sets per symbol. The ranges are the widest that the quoting formula can work with; the
-- API's own are the same or narrower.
CREATE TABLE mm_configs (
    symbol varchar(32) PRIMARY KEY CHECK (symbol <> ''),
    enabled boolean NOT NULL DEFAULT false,
    base_spread_bps numeric NOT NULL DEFAULT 10.0
        CHECK (base_spread_bps > 0 AND base_spread_bps <= 10000),
    order_size_usdt numeric NOT NULL DEFAULT 100.0
        CHECK (order_size_usdt > 0 AND order_size_usdt <= 1000000000000),
    inventory_skew_factor numeric NOT NULL DEFAULT 0.5
        CHECK (inventory_skew_factor >= 0 AND inventory_skew_factor <= 100),
    max_position_usdt numeric NOT NULL DEFAULT 10000.0
        CHECK (max_position_usdt > 0 AND max_position_usdt <= 1000000000000),
    max_loss_usdt numeric NOT NULL DEFAULT 500.0
        CHECK (max_loss_usdt > 0 AND max_loss_usdt <= 1000000000000),
    volatility_multiplier boolean NOT NULL DEFAULT true,
    num_levels integer NOT NULL DEFAULT 1
        CHECK (num_levels >= 1 AND num_levels <= 100),
    level_spacing_bps numeric NOT NULL DEFAULT 5.0
        CHECK (level_spacing_bps >= 0 AND level_spacing_bps <= 10000),
    check_staleness boolean NOT NULL DEFAULT false,
    staleness_threshold_ms numeric NOT NULL DEFAULT 1000.0
        CHECK (staleness_threshold_ms > 0 AND staleness_threshold_ms <= 86400000),
    quote_interval_ms numeric NOT NULL DEFAULT 100.0
        CHECK (quote_interval_ms > 0 AND quote_interval_ms <= 86400000),
    price_threshold_bps numeric NOT NULL DEFAULT 5.0
        CHECK (price_threshold_bps >= 0 AND price_threshold_bps <= 10000),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Whether a symbol that was ACTIVE goes on quoting at the instance that takes it over in an orderly way.
    resume_on_clean_handover boolean NOT NULL DEFAULT false,
    position_headroom_pct numeric NOT NULL DEFAULT 5.0
        CHECK (position_headroom_pct >= 0 AND position_headroom_pct <= 50),
    reference_min_notional_usdt numeric NOT NULL DEFAULT 0.0
        CHECK (reference_min_notional_usdt >= 0 AND reference_min_notional_usdt <= 1000000000000),
    mark_divergence_bps numeric NOT NULL DEFAULT 200.0
        CHECK (mark_divergence_bps > 0 AND mark_divergence_bps <= 10000),
    -- The quoting model and those of its parameters that were given, as decimal texts by name.
    model text NOT NULL DEFAULT 'linear_skew' CHECK (model <> ''),
    model_parameters jsonb NOT NULL DEFAULT '{}',
    fair_value text NOT NULL DEFAULT 'mid' CHECK (fair_value IN ('mid', 'size_weighted_mid')),
    size_skew_eta numeric NOT NULL DEFAULT 0.0 CHECK (size_skew_eta >= 0 AND size_skew_eta <= 100),
    maker_fee_bps numeric NOT NULL DEFAULT 0.0
        CHECK (maker_fee_bps >= -10000 AND maker_fee_bps <= 10000),
    min_edge_bps numeric NOT NULL DEFAULT 0.0 CHECK (min_edge_bps >= 0 AND min_edge_bps <= 10000),
    fill_pause_ms numeric NOT NULL DEFAULT 0.0 CHECK (fill_pause_ms >= 0 AND fill_pause_ms <= 86400000),
    fill_burst_quantity numeric NOT NULL DEFAULT 0.0 CHECK (fill_burst_quantity >= 0),
    fill_burst_usdt numeric NOT NULL DEFAULT 0.0 CHECK (fill_burst_usdt >= 0),
    fill_burst_window_ms numeric NOT NULL DEFAULT 1000.0
        CHECK (fill_burst_window_ms > 0 AND fill_burst_window_ms <= 86400000),
    fill_burst_pause_ms numeric NOT NULL DEFAULT 10000.0
        CHECK (fill_burst_pause_ms > 0 AND fill_burst_pause_ms <= 86400000)
);

-- Every configuration that a symbol has had, whoever wrote it and however: the trigger on mm_configs adds the
-- rows, and nothing changes or removes one.
CREATE TABLE mm_config_versions (
    symbol varchar(32) NOT NULL,
    -- Counts a symbol's versions from 1, over a deletion and a new beginning too.
    version bigint NOT NULL CHECK (version > 0),
    at timestamptz NOT NULL,
    author text NOT NULL,
    reason text NOT NULL,
    -- The row of mm_configs without its times; NULL: removed.
    settings jsonb,
    PRIMARY KEY (symbol, version)
);

-- Names author and reason of the configuration that this statement writes, and the version that it is meant to
-- replace (NULL: whichever); always true.
CREATE FUNCTION mm_written_by(author text, reason text, replaces bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('market_maker.author', author, true);
    PERFORM set_config('market_maker.reason', reason, true);
    PERFORM set_config('market_maker.replaces', coalesce(replaces::text, ''), true);
    RETURN true;
END
$$;

CREATE FUNCTION mm_configs_note_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    written varchar(32) := coalesce(NEW.symbol, OLD.symbol);
    was jsonb := to_jsonb(OLD) - ARRAY['created_at', 'updated_at'];
    now_is jsonb := to_jsonb(NEW) - ARRAY['created_at', 'updated_at'];
    replaces text := nullif(current_setting('market_maker.replaces', true), '');
    present bigint;
BEGIN
    -- The lock of the configuration's row is held: nobody else counts on in between.
    SELECT coalesce(max(version), 0) INTO present FROM mm_config_versions WHERE symbol = written;
    IF replaces IS NOT NULL AND replaces::bigint <> present THEN
        RAISE EXCEPTION 'version % of % is not the present one, which is %', replaces, written, present
            USING ERRCODE = 'triggered_action_exception';
    END IF;
    IF was IS DISTINCT FROM now_is THEN
        INSERT INTO mm_config_versions (symbol, version, at, author, reason, settings)
        VALUES (
            written,
            present + 1,
            clock_timestamp(),
            coalesce(nullif(current_setting('market_maker.author', true), ''), session_user),
            coalesce(current_setting('market_maker.reason', true), ''),
            now_is
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER mm_configs_versions AFTER INSERT OR UPDATE OR DELETE ON mm_configs
    FOR EACH ROW EXECUTE FUNCTION mm_configs_note_version();

-- Kill switches that were tried: how long it took from the trigger to the proof that nothing is open.
CREATE TABLE mm_drills (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol varchar(32) NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    state_before text NOT NULL,
    -- How many orders of ours were open, or not known to be over, when it was triggered.
    open_orders integer NOT NULL,
    shadow_mode boolean NOT NULL,
    triggered_at timestamptz NOT NULL,
    -- NULL: it never came to an end that somebody saw.
    halted_us bigint,
    -- NULL: zero was not proven in time, or, in shadow mode, nothing had to be.
    proven_zero_us bigint
);

-- Changes of configurations that wait for a second person.
CREATE TABLE mm_proposals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol varchar(32) NOT NULL,
    -- The version that it changes: applied onto another one it would be another change.
    replaces bigint NOT NULL,
    -- The fields that it changes: an array of field, before and after.
    changes jsonb NOT NULL,
    -- The fields by which the symbol may risk more.
    loosens text[] NOT NULL,
    author text NOT NULL,
    reason text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    decision text CHECK (decision IN ('APPROVED', 'REJECTED')),
    decision_reason text,
    CHECK (num_nulls(decided_at, decided_by, decision, decision_reason) IN (0, 4))
);

CREATE INDEX mm_proposals_symbol_idx ON mm_proposals (symbol, id);

-- The durable state of a symbol. No foreign key to mm_configs: a kill latch outlives a configuration
-- that is deleted and created again.
CREATE TABLE mm_states (
    symbol varchar(32) PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('PAUSED', 'ACTIVE', 'HALTED')),
    reason text NOT NULL,
    actor text NOT NULL,
    kill_reason text,
    pnl_baseline numeric NOT NULL DEFAULT 0,
    since timestamptz NOT NULL,
    -- Counts transitions.
    version bigint NOT NULL DEFAULT 1,
    -- The outbox event of the last transition: a repeated write of the same one changes nothing.
    last_event_id uuid NOT NULL,
    -- A reset asked for a new P&L baseline, and no fresh price has been there yet to take it at.
    rebase_pending boolean NOT NULL DEFAULT false,
    -- What of the baseline was fees, and what spread capture; the rest was inventory.
    fees_baseline numeric NOT NULL DEFAULT 0,
    spread_baseline numeric NOT NULL DEFAULT 0
);

-- The fold of a symbol's fills, as last computed. The fills win where they differ.
CREATE TABLE mm_positions (
    symbol varchar(32) PRIMARY KEY,
    -- Signed, base currency.
    position numeric NOT NULL,
    -- Signed cost of the open position, quote currency.
    open_cost numeric NOT NULL,
    realized_pnl numeric NOT NULL,
    fees numeric NOT NULL,
    fill_count bigint NOT NULL CHECK (fill_count >= 0),
    volume numeric NOT NULL,
    updated_at timestamptz NOT NULL,
    -- How far engine events are counted in it: when the newest fill was executed, and where the last one stood
    -- in engine.event.v1. NULL until a fill was counted since these columns are there.
    applied_executed_at timestamptz,
    applied_offset bigint,
    applied_partition integer,
    -- Where the result comes from, up to the last fill: what the position's price did, spread capture, and what
    -- the position was worth right after that fill; quote currency.
    inventory_pnl numeric NOT NULL DEFAULT 0,
    spread_capture numeric NOT NULL DEFAULT 0,
    worth numeric NOT NULL DEFAULT 0,
    CONSTRAINT mm_positions_applied_check
        CHECK (num_nulls(applied_partition, applied_offset, applied_executed_at) IN (0, 3))
);

-- The fold of a symbol's fills up to one of them, so that a start folds only what came later. Its owner writes
-- it; it follows from the fills alone, and a check of all of them in the background must come to the same.
CREATE TABLE mm_checkpoints (
    symbol varchar(32) PRIMARY KEY,
    -- Under which the owner wrote it.
    epoch bigint NOT NULL,
    -- The last fill (`mm_fills.id`) that is counted in it.
    last_fill_id bigint NOT NULL CHECK (last_fill_id >= 0),
    -- Versioned; amounts are decimal text.
    fold jsonb NOT NULL,
    made_at timestamptz NOT NULL
);

-- What a symbol's quoting model has learned of the market, so that a start goes on from it. Its owner writes it.
CREATE TABLE mm_learned (
    symbol varchar(32) PRIMARY KEY,
    -- Under which the owner wrote it.
    epoch bigint NOT NULL,
    -- Whose text it is, and on which grid it counts: another model or grid begins anew.
    model varchar(64) NOT NULL,
    tick_size numeric NOT NULL,
    lot_size numeric NOT NULL,
    learned text NOT NULL,
    made_at timestamptz NOT NULL
);

-- What a symbol's fills came to that `market-maker maintain` has deleted: where a fold of the whole history
-- begins. A fill that was executed until then counts as one that is there.
CREATE TABLE mm_pruned (
    symbol varchar(32) PRIMARY KEY,
    last_fill_id bigint NOT NULL CHECK (last_fill_id > 0),
    executed_until timestamptz NOT NULL,
    -- As in mm_checkpoints.
    fold jsonb NOT NULL,
    pruned_at timestamptz NOT NULL
);

-- Each symbol's result when a day of the house began: what its loss of the day is counted from.
CREATE TABLE mm_day_marks (
    began_at timestamptz NOT NULL,
    symbol varchar(32) NOT NULL,
    -- Realized and unrealized, fees subtracted; no baseline of a reset moves it.
    pnl numeric NOT NULL,
    PRIMARY KEY (began_at, symbol)
);

-- Our orders, each in its last known state. The ids are text, not uuid: an order of our account that
-- something else placed must be recordable too. Ours are UUIDv7, so that they sort by age.
CREATE TABLE mm_orders (
    client_order_id text COLLATE "C" PRIMARY KEY,
    order_id text,
    symbol varchar(32) NOT NULL,
    side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    level integer NOT NULL,
    price numeric NOT NULL CHECK (price > 0 AND price < 'Infinity'),
    quantity numeric NOT NULL CHECK (quantity > 0 AND quantity < 'Infinity'),
    filled_quantity numeric NOT NULL CHECK (filled_quantity >= 0 AND filled_quantity < 'Infinity'),
    status text NOT NULL CHECK (status IN (
        'pending_new', 'open', 'partially_filled', 'pending_cancel', 'unknown',
        'filled', 'cancelled', 'rejected'
    )),
    reason text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- From when to when it rested at the exchange as far as was heard, by the engine's own clock.
    ended_at timestamptz,
    rested_at timestamptz
);

CREATE INDEX mm_orders_symbol_idx ON mm_orders (symbol, client_order_id);

CREATE INDEX mm_orders_created_idx ON mm_orders (symbol, created_at);

CREATE INDEX mm_orders_open_idx ON mm_orders (symbol)
    WHERE status NOT IN ('filled', 'cancelled', 'rejected');

-- Every execution of our account, each once. `id` is the order in which this service applied them
-- within a symbol, which is the order of the fold; it has gaps.
CREATE TABLE mm_fills (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    symbol varchar(32) NOT NULL,
    trade_id text NOT NULL,
    side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    price numeric NOT NULL CHECK (price > 0 AND price < 'Infinity'),
    quantity numeric NOT NULL CHECK (quantity > 0 AND quantity < 'Infinity'),
    -- Quote currency; negative is a rebate.
    fee numeric NOT NULL,
    order_id text NOT NULL,
    client_order_id text,
    is_maker boolean NOT NULL,
    sequence bigint NOT NULL,
    executed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    -- The level that its order served at that moment; NULL when the order was not known.
    level integer,
    -- The price that valued the position when the fill was counted; NULL: there was none, or nobody counted it.
    mid numeric,
    -- When it was counted, by the engine's own clock; NULL when nobody counted it.
    counted_at timestamptz,
    PRIMARY KEY (symbol, trade_id, side)
);

CREATE UNIQUE INDEX mm_fills_fold_idx ON mm_fills (symbol, id);

CREATE INDEX mm_fills_executed_idx ON mm_fills (symbol, executed_at);

-- The price a while after each fill. What is there is never changed; a fill that nobody watched has no rows.
CREATE TABLE mm_markouts (
    symbol varchar(32) NOT NULL,
    trade_id text NOT NULL,
    side text NOT NULL,
    horizon_ms integer NOT NULL CHECK (horizon_ms > 0),
    -- The reference mid at that time, or why there is none.
    mid numeric CHECK (mid > 0 AND mid < 'Infinity'),
    missing text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (symbol, trade_id, side, horizon_ms),
    CHECK (num_nulls(mid, missing) = 1)
);

CREATE INDEX mm_markouts_recorded_idx ON mm_markouts (symbol, recorded_at);

-- How far programmes were kept, in stretches of time in which the symbol quoted, an hour long at most. What is
-- not in any of them was absent.
CREATE TABLE mm_presence (
    symbol varchar(32) NOT NULL,
    programme text NOT NULL,
    tier text NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    -- What of it the tier was kept: microseconds, whole minutes, samples.
    present_us bigint NOT NULL CHECK (present_us >= 0),
    minutes integer NOT NULL CHECK (minutes >= 0),
    samples integer NOT NULL CHECK (samples >= 0),
    PRIMARY KEY (symbol, programme, tier, from_at),
    CHECK (until_at >= from_at)
);

-- What the result since the first fill came from, at full minutes in which it had changed; quote currency.
CREATE TABLE mm_pnl (
    symbol varchar(32) NOT NULL,
    at timestamptz NOT NULL,
    spread_capture numeric NOT NULL,
    inventory_pnl numeric NOT NULL,
    fees numeric NOT NULL,
    -- Signed, base currency.
    position numeric NOT NULL,
    -- The price that valued it; NULL: there was none.
    mid numeric,
    PRIMARY KEY (symbol, at)
);

-- How the minute that ended then was spent as far as the symbol was ACTIVE and a process saw it.
CREATE TABLE mm_quoting_time (
    symbol varchar(32) NOT NULL,
    at timestamptz NOT NULL,
    -- 'quoting', or the code of why not.
    reason text NOT NULL,
    spent_us bigint NOT NULL CHECK (spent_us > 0),
    PRIMARY KEY (symbol, at, reason)
);

-- Events that were caused by a committed change. Sent rows stay: they are the history of state changes
-- and kill switches that the API shows. Ids rise with commit order within a symbol only.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    topic text NOT NULL,
    -- The message key.
    symbol varchar(32) NOT NULL,
    -- The data record of the topic's Avro schema; the relay encodes it.
    payload jsonb NOT NULL,
    trace_id text NOT NULL,
    created_at timestamptz NOT NULL,
    -- When the broker acknowledged it.
    sent_at timestamptz
);

CREATE INDEX outbox_unsent_idx ON outbox (symbol, id) WHERE sent_at IS NULL;

CREATE INDEX outbox_history_idx ON outbox (symbol, id);

CREATE INDEX outbox_created_idx ON outbox (symbol, created_at);

-- Every mutating call of the API. Rows are only ever added; `market-maker maintain` alone may delete old ones,
-- where a retention is set.
CREATE TABLE mm_audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Chosen by the caller: an entry that is written again is left as it is.
    entry_id uuid NOT NULL UNIQUE,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    -- The roles that the actor's token carried, as an array of strings.
    roles jsonb NOT NULL,
    route text NOT NULL,
    symbol varchar(32),
    before jsonb,
    after jsonb,
    why text NOT NULL
);

CREATE INDEX mm_audit_symbol_idx ON mm_audit (symbol, id);

CREATE FUNCTION mm_audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('market_maker.prunes_audit', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'mm_audit is append-only: % refused', TG_OP;
END
$$;

CREATE TRIGGER mm_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mm_audit
    FOR EACH STATEMENT EXECUTE FUNCTION mm_audit_refuse_change();

CREATE FUNCTION mm_config_versions_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'mm_config_versions is append-only: % refused', TG_OP;
END
$$;

CREATE TRIGGER mm_config_versions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mm_config_versions
    FOR EACH STATEMENT EXECUTE FUNCTION mm_config_versions_refuse_change();

-- Which instance may act for a symbol. Every taking counts the epoch up, and so does the guard when it
-- takes a symbol away from an instance that has fallen silent. A transaction that writes for a symbol
-- locks its row FOR SHARE and writes nothing when the epoch is not its own any more.
CREATE TABLE mm_owners (
    symbol varchar(32) PRIMARY KEY,
    epoch bigint NOT NULL CHECK (epoch > 0),
    -- NULL: nobody's.
    instance_id text,
    claimed_at timestamptz NOT NULL,
    -- Set by the owner that gave it up with nothing in the market and everything durable.
    released_at timestamptz,
    -- Whether it was ACTIVE when it was given up so.
    resume boolean NOT NULL DEFAULT false,
    -- The transaction that changed the row last: who knows which of them had ended when it looked reads the
    -- rows that have changed since, and no others.
    changed_in bigint NOT NULL DEFAULT 0,
    CHECK (released_at IS NULL OR instance_id IS NULL),
    CHECK (released_at IS NOT NULL OR NOT resume)
);

CREATE INDEX mm_owners_instance_idx ON mm_owners (instance_id);

CREATE INDEX mm_owners_changed_idx ON mm_owners (changed_in);

CREATE FUNCTION mm_owners_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END
$$;

CREATE TRIGGER mm_owners_changed BEFORE INSERT OR UPDATE ON mm_owners
    FOR EACH ROW EXECUTE FUNCTION mm_owners_note_change();

-- Running instances. `beat` rises with every renewal of the instance's lease, about once a second; who
-- watches it needs no clock but his own.
CREATE TABLE mm_instances (
    instance_id text PRIMARY KEY,
    beat bigint NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);

-- Kills asked of whoever owns the symbol, or will: they arrive with Redis down too.
CREATE TABLE mm_kill_orders (
    id uuid PRIMARY KEY,
    symbol varchar(32) NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    asked_at timestamptz NOT NULL,
    -- When the symbol's HALTED was durable.
    done_at timestamptz
);

CREATE INDEX mm_kill_orders_open_idx ON mm_kill_orders (symbol) WHERE done_at IS NULL;
