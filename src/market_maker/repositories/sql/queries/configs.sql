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
) VALUES (
    @symbol, @enabled, @base_spread_bps, @order_size_usdt, @inventory_skew_factor, @max_position_usdt,
    @max_loss_usdt, @volatility_multiplier, @num_levels, @level_spacing_bps, @check_staleness,
    @staleness_threshold_ms, @quote_interval_ms, @price_threshold_bps, @resume_on_clean_handover,
    @position_headroom_pct, @reference_min_notional_usdt, @mark_divergence_bps, @model, @model_parameters,
    @fair_value, @size_skew_eta, @maker_fee_bps, @min_edge_bps, @fill_pause_ms, @fill_burst_quantity,
    @fill_burst_usdt, @fill_burst_window_ms, @fill_burst_pause_ms
)
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
WHERE symbol = @symbol
RETURNING *;

-- name: SetConfigEnabled :one
-- Switches a symbol on or off, nothing else.
UPDATE mm_configs SET enabled = @enabled, updated_at = now() WHERE symbol = @symbol RETURNING *;

-- name: DeleteConfig :execrows
-- Removes a configuration; its state, position and history stay.
DELETE FROM mm_configs WHERE symbol = @symbol;

-- name: ConfigsChanged :one
-- Something that differs whenever a configuration was added, changed or removed.
SELECT count(*) AS configs, coalesce(max(updated_at), 'epoch')::timestamptz AS latest FROM mm_configs;
