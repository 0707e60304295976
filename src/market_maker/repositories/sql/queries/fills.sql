-- name: InsertFills :execrows
-- Adds the fills of a batch in its order, but none that is there already, or was there until it was pruned.
INSERT INTO mm_fills (
    symbol, trade_id, side, price, quantity, fee, order_id, client_order_id, is_maker, sequence,
    executed_at, recorded_at, mid, level, counted_at
)
SELECT
    symbol, trade_id, side, price, quantity, fee, order_id, client_order_id, is_maker, sequence,
    executed_at, recorded_at, mid, level, counted_at
FROM (
    SELECT
        unnest(@symbols::text[]) AS symbol, unnest(@trade_ids::text[]) AS trade_id,
        unnest(@sides::text[]) AS side, unnest(@prices::numeric[]) AS price,
        unnest(@quantities::numeric[]) AS quantity, unnest(@fees::numeric[]) AS fee,
        unnest(@order_ids::text[]) AS order_id, unnest(@client_order_ids::text[]) AS client_order_id,
        unnest(@is_makers::boolean[]) AS is_maker, unnest(@sequences::bigint[]) AS sequence,
        unnest(@executed_ats::timestamptz[]) AS executed_at,
        unnest(@recorded_ats::timestamptz[]) AS recorded_at, unnest(@mids::numeric[]) AS mid,
        unnest(@levels::integer[]) AS level,
        unnest(@counted_ats::timestamptz[]) AS counted_at
) AS given
-- For each row, and no join: that might change the order.
WHERE executed_at > coalesce(
    (SELECT executed_until FROM mm_pruned WHERE mm_pruned.symbol = given.symbol), '-infinity'
)
ON CONFLICT (symbol, trade_id, side) DO NOTHING;

-- name: ListFills :many
-- A page of a symbol's fills of a period, newest first, below an id.
SELECT * FROM mm_fills
WHERE symbol = @symbol AND id < @before_id
    AND (sqlc.narg('since')::timestamptz IS NULL OR executed_at >= sqlc.narg('since')::timestamptz)
    AND (sqlc.narg('until')::timestamptz IS NULL OR executed_at < sqlc.narg('until')::timestamptz)
ORDER BY id DESC
LIMIT @row_limit::bigint;

-- name: ListFillsAfter :many
-- A page of what the fold needs of a symbol's fills, in its order, above an id.
SELECT id, side, price, quantity, fee, order_id, mid FROM mm_fills
WHERE symbol = @symbol AND id > @after_id
ORDER BY id
LIMIT @row_limit::bigint;

-- name: RecentFillKeys :one
-- The identities of a symbol's last fills, oldest first, in two lists: ten thousand rows take many times as long.
SELECT
    coalesce(array_agg(latest.trade_id ORDER BY latest.id), '{}')::text[] AS trade_ids,
    coalesce(array_agg(latest.side ORDER BY latest.id), '{}')::text[] AS sides
FROM (
    SELECT id, trade_id, side FROM mm_fills WHERE symbol = @symbol ORDER BY id DESC LIMIT @row_limit::bigint
) AS latest;
