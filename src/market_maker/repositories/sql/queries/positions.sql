-- name: GetPosition :one
-- The stored position of one symbol.
SELECT * FROM mm_positions WHERE symbol = @symbol;

-- name: UpsertPositions :execrows
-- The last position of each symbol of a batch: the engine's fold, which is always newer than the row. How far
-- events are counted stays as it was where nothing is said of it.
INSERT INTO mm_positions (
    symbol, position, open_cost, realized_pnl, fees, fill_count, volume, updated_at,
    applied_partition, applied_offset, applied_executed_at, spread_capture, inventory_pnl, worth
)
SELECT
    unnest(@symbols::text[]), unnest(@positions::numeric[]), unnest(@open_costs::numeric[]),
    unnest(@realized_pnls::numeric[]), unnest(@fees::numeric[]), unnest(@fill_counts::bigint[]),
    unnest(@volumes::numeric[]), unnest(@updated_ats::timestamptz[]),
    unnest(@applied_partitions::integer[]), unnest(@applied_offsets::bigint[]),
    unnest(@applied_executed_ats::timestamptz[]), unnest(@spread_captures::numeric[]),
    unnest(@inventory_pnls::numeric[]), unnest(@worths::numeric[])
ON CONFLICT (symbol) DO UPDATE SET
    position = excluded.position,
    open_cost = excluded.open_cost,
    realized_pnl = excluded.realized_pnl,
    fees = excluded.fees,
    fill_count = excluded.fill_count,
    volume = excluded.volume,
    updated_at = excluded.updated_at,
    spread_capture = excluded.spread_capture,
    inventory_pnl = excluded.inventory_pnl,
    worth = excluded.worth,
    applied_partition = coalesce(excluded.applied_partition, mm_positions.applied_partition),
    applied_offset = coalesce(excluded.applied_offset, mm_positions.applied_offset),
    applied_executed_at = coalesce(excluded.applied_executed_at, mm_positions.applied_executed_at);
