-- name: ListPrunableSymbols :many
-- Every symbol that may have rows.
SELECT symbol FROM mm_owners
UNION SELECT symbol FROM mm_configs
UNION SELECT symbol FROM mm_states
UNION SELECT symbol FROM mm_positions
ORDER BY symbol;

-- name: PruneOrders :many
-- Deletes orders of a symbol that were over before then, the oldest first, and gives them.
DELETE FROM mm_orders WHERE client_order_id IN (
    SELECT old.client_order_id FROM mm_orders AS old
    WHERE old.symbol = @symbol AND old.created_at < @before AND old.updated_at < @before
        AND old.status IN ('filled', 'cancelled', 'rejected')
    ORDER BY old.created_at
    LIMIT @row_limit::bigint
    FOR UPDATE SKIP LOCKED
)
RETURNING *;

-- name: CountPrunableOrders :one
-- How many it would delete.
SELECT count(*) FROM mm_orders
WHERE symbol = @symbol AND created_at < @before AND updated_at < @before
    AND status IN ('filled', 'cancelled', 'rejected');

-- name: PruneEvents :many
-- Deletes sent events of a symbol from before then, the oldest first, and gives them.
DELETE FROM outbox WHERE id IN (
    SELECT old.id FROM outbox AS old
    WHERE old.symbol = @symbol AND old.created_at < @before AND old.sent_at IS NOT NULL
    ORDER BY old.created_at
    LIMIT @row_limit::bigint
    FOR UPDATE SKIP LOCKED
)
RETURNING *;

-- name: CountPrunableEvents :one
-- How many it would delete.
SELECT count(*) FROM outbox WHERE symbol = @symbol AND created_at < @before AND sent_at IS NOT NULL;

-- name: PruneKillOrders :many
-- Deletes kills that were carried out before then, and gives them.
DELETE FROM mm_kill_orders WHERE id IN (
    SELECT old.id FROM mm_kill_orders AS old
    WHERE old.symbol = @symbol AND old.done_at < @before
    ORDER BY old.done_at
    LIMIT @row_limit::bigint
    FOR UPDATE SKIP LOCKED
)
RETURNING *;

-- name: CountPrunableKillOrders :one
-- How many it would delete.
SELECT count(*) FROM mm_kill_orders WHERE symbol = @symbol AND done_at < @before;

-- name: AllowPruningAudit :one
-- Until the end of the transaction.
SELECT set_config('market_maker.prunes_audit', 'on', true)::text AS allowed;

-- name: PruneAudit :many
-- Deletes entries from before then, the oldest first, and gives them.
DELETE FROM mm_audit WHERE id IN (
    SELECT old.id FROM mm_audit AS old WHERE old.at < @before ORDER BY old.id LIMIT @row_limit::bigint
)
RETURNING *;

-- name: CountPrunableAudit :one
-- How many it would delete.
SELECT count(*) FROM mm_audit WHERE at < @before;

-- name: ListPrunableFills :many
-- The next fills of a symbol above an id that its checkpoint covers.
SELECT mm_fills.* FROM mm_fills JOIN mm_checkpoints USING (symbol)
WHERE mm_fills.symbol = @symbol AND mm_fills.id > @after_id AND mm_fills.id <= mm_checkpoints.last_fill_id
ORDER BY mm_fills.id
LIMIT @row_limit::bigint;

-- name: DeleteFills :execrows
-- Deletes a symbol's fills between two ids, the second one included.
DELETE FROM mm_fills WHERE symbol = @symbol AND id > @after_id AND id <= @last_id;

-- name: DeleteMarkouts :many
-- Deletes the markouts of some fills of a symbol, and gives them.
DELETE FROM mm_markouts
WHERE symbol = @symbol AND (trade_id, side) IN (
    SELECT unnest(@trade_ids::text[]), unnest(@sides::text[])
)
RETURNING *;

-- name: CountPrunableFills :one
-- How many fills of a symbol its checkpoint covers that were executed before then.
SELECT count(*) FROM mm_fills JOIN mm_checkpoints USING (symbol)
WHERE mm_fills.symbol = @symbol AND mm_fills.executed_at < @before
    AND mm_fills.id <= mm_checkpoints.last_fill_id;

-- name: PrunePnl :many
-- Deletes results of a symbol from before then, the oldest first, and gives them. The last of them stays: what
-- came about since is counted from it.
DELETE FROM mm_pnl WHERE mm_pnl.symbol = @symbol AND mm_pnl.at IN (
    SELECT old.at FROM mm_pnl AS old
    WHERE old.symbol = @symbol AND old.at < (
        SELECT max(last.at) FROM mm_pnl AS last WHERE last.symbol = @symbol AND last.at < @before
    )
    ORDER BY old.at
    LIMIT @row_limit::bigint
    FOR UPDATE SKIP LOCKED
)
RETURNING *;

-- name: CountPrunablePnl :one
-- How many it would delete.
SELECT count(*) FROM mm_pnl AS old
WHERE old.symbol = @symbol AND old.at < (
    SELECT max(last.at) FROM mm_pnl AS last WHERE last.symbol = @symbol AND last.at < @before
);

-- name: PruneQuotingTime :many
-- Deletes minutes of a symbol from before then, the oldest first, and gives them.
DELETE FROM mm_quoting_time
WHERE (mm_quoting_time.symbol, mm_quoting_time.at, mm_quoting_time.reason) IN (
    SELECT old.symbol, old.at, old.reason FROM mm_quoting_time AS old
    WHERE old.symbol = @symbol AND old.at < @before
    ORDER BY old.at
    LIMIT @row_limit::bigint
    FOR UPDATE SKIP LOCKED
)
RETURNING *;

-- name: CountPrunableQuotingTime :one
-- How many it would delete.
SELECT count(*) FROM mm_quoting_time WHERE symbol = @symbol AND at < @before;

-- name: PruneMarkouts :many
-- Deletes markouts of a symbol that were recorded before then, the oldest first, and gives them. Those of the hour
-- before the latest one stay: a start looks at them to know which are still due.
DELETE FROM mm_markouts
WHERE (mm_markouts.symbol, mm_markouts.trade_id, mm_markouts.side, mm_markouts.horizon_ms) IN (
    SELECT old.symbol, old.trade_id, old.side, old.horizon_ms FROM mm_markouts AS old
    WHERE old.symbol = @symbol AND old.recorded_at < @before AND old.recorded_at < (
        SELECT max(last.recorded_at) FROM mm_markouts AS last WHERE last.symbol = @symbol
    ) - interval '1 hour'
    ORDER BY old.recorded_at
    LIMIT @row_limit::bigint
    FOR UPDATE SKIP LOCKED
)
RETURNING *;

-- name: CountPrunableMarkouts :one
-- How many it would delete.
SELECT count(*) FROM mm_markouts AS old
WHERE old.symbol = @symbol AND old.recorded_at < @before AND old.recorded_at < (
    SELECT max(last.recorded_at) FROM mm_markouts AS last WHERE last.symbol = @symbol
) - interval '1 hour';

-- name: PrunePresence :many
-- Deletes stretches of a symbol that ended before then, the oldest first, and gives them.
DELETE FROM mm_presence
WHERE (mm_presence.symbol, mm_presence.programme, mm_presence.tier, mm_presence.from_at) IN (
    SELECT old.symbol, old.programme, old.tier, old.from_at FROM mm_presence AS old
    WHERE old.symbol = @symbol AND old.until_at < @before
    ORDER BY old.from_at
    LIMIT @row_limit::bigint
    FOR UPDATE SKIP LOCKED
)
RETURNING *;

-- name: CountPrunablePresence :one
-- How many it would delete.
SELECT count(*) FROM mm_presence WHERE symbol = @symbol AND until_at < @before;
