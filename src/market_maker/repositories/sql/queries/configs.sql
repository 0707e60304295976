-- name: ListConfigs :many
-- Every configuration, by symbol.
SELECT * FROM mm_configs ORDER BY symbol;

-- name: ListConfigVersions :many
-- When each configuration was written last.
SELECT symbol, updated_at FROM mm_configs ORDER BY symbol;

-- name: ListConfigsOf :many
-- Those of these symbols that have one.
SELECT * FROM mm_configs WHERE symbol = ANY(@symbols::text[]) ORDER BY symbol;

-- name: GetConfig :one
-- One configuration.
SELECT * FROM mm_configs WHERE symbol = @symbol;

-- name: InsertConfig :one
-- Adds a configuration; a symbol that has one already is a unique violation.
INSERT INTO mm_configs (
    symbol, enabled, base_spread_bps, order_size_usdt, inventory_skew_factor, max_position_usdt,
    max_loss_usdt, volatility_multiplier, num_levels, level_spacing_bps, check_staleness,
    staleness_threshold_ms, quote_interval_ms, price_threshold_bps, resume_on_clean_handover,
    position_headroom_pct, reference_min_notional_usdt, mark_divergence_bps, model, model_parameters,
    fair_value, size_skew_eta, maker_fee_bps, min_edge_bps, fill_pause_ms, fill_burst_quantity,
    fill_burst_usdt, fill_burst_window_ms, fill_burst_pause_ms
)
SELECT
    @symbol::text, @enabled::boolean, @base_spread_bps::numeric, @order_size_usdt::numeric,
    @inventory_skew_factor::numeric, @max_position_usdt::numeric, @max_loss_usdt::numeric,
    @volatility_multiplier::boolean, @num_levels::integer, @level_spacing_bps::numeric,
    @check_staleness::boolean, @staleness_threshold_ms::numeric, @quote_interval_ms::numeric,
    @price_threshold_bps::numeric, @resume_on_clean_handover::boolean, @position_headroom_pct::numeric,
    @reference_min_notional_usdt::numeric, @mark_divergence_bps::numeric, @model::text,
    @model_parameters::jsonb, @fair_value::text, @size_skew_eta::numeric, @maker_fee_bps::numeric,
    @min_edge_bps::numeric, @fill_pause_ms::numeric, @fill_burst_quantity::numeric,
    @fill_burst_usdt::numeric, @fill_burst_window_ms::numeric, @fill_burst_pause_ms::numeric
WHERE mm_written_by(@author, @reason, sqlc.narg('replaces'))
RETURNING *;

-- name: UpdateConfig :one
-- Replaces every setting of a symbol.
UPDATE mm_configs SET
    enabled = @enabled,
    base_spread_bps = @base_spread_bps,
    order_size_usdt = @order_size_usdt,
    inventory_skew_factor = @inventory_skew_factor,
    max_position_usdt = @max_position_usdt,
    max_loss_usdt = @max_loss_usdt,
    volatility_multiplier = @volatility_multiplier,
    num_levels = @num_levels,
    level_spacing_bps = @level_spacing_bps,
    check_staleness = @check_staleness,
    staleness_threshold_ms = @staleness_threshold_ms,
    quote_interval_ms = @quote_interval_ms,
    price_threshold_bps = @price_threshold_bps,
    resume_on_clean_handover = @resume_on_clean_handover,
    position_headroom_pct = @position_headroom_pct,
    reference_min_notional_usdt = @reference_min_notional_usdt,
    mark_divergence_bps = @mark_divergence_bps,
    model = @model,
    model_parameters = @model_parameters,
    fair_value = @fair_value,
    size_skew_eta = @size_skew_eta,
    maker_fee_bps = @maker_fee_bps,
    min_edge_bps = @min_edge_bps,
    fill_pause_ms = @fill_pause_ms,
    fill_burst_quantity = @fill_burst_quantity,
    fill_burst_usdt = @fill_burst_usdt,
    fill_burst_window_ms = @fill_burst_window_ms,
    fill_burst_pause_ms = @fill_burst_pause_ms,
    updated_at = now()
WHERE symbol = @symbol AND mm_written_by(@author, @reason, sqlc.narg('replaces'))
RETURNING *;

-- name: SetConfigEnabled :one
-- Switches a symbol on or off, nothing else.
UPDATE mm_configs SET enabled = @enabled, updated_at = now()
WHERE symbol = @symbol AND mm_written_by(@author, @reason, sqlc.narg('replaces'))
RETURNING *;

-- name: DeleteConfig :execrows
-- Removes a configuration; its state, position and history stay.
DELETE FROM mm_configs WHERE symbol = @symbol AND mm_written_by(@author, @reason, sqlc.narg('replaces'));

-- name: ConfigsChanged :one
-- Something that differs whenever a configuration was added, changed or removed.
SELECT count(*) AS configs, coalesce(max(updated_at), 'epoch')::timestamptz AS latest FROM mm_configs;
