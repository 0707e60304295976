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
