-- name: InsertFills :execrows
-- Adds the fills of a batch in its order; one that is there already is left as it is.
INSERT INTO mm_fills (
    symbol, trade_id, side, price, quantity, fee, order_id, client_order_id, is_maker, sequence,
    executed_at, recorded_at, mid, level
)
SELECT
    unnest(@symbols::text[]), unnest(@trade_ids::text[]), unnest(@sides::text[]),
    unnest(@prices::numeric[]), unnest(@quantities::numeric[]), unnest(@fees::numeric[]),
    unnest(@order_ids::text[]), unnest(@client_order_ids::text[]), unnest(@is_makers::boolean[]),
    unnest(@sequences::bigint[]), unnest(@executed_ats::timestamptz[]),
    unnest(@recorded_ats::timestamptz[]), unnest(@mids::numeric[]), unnest(@levels::integer[])
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
-- A page of a symbol's fills in the order of the fold, above an id.
SELECT * FROM mm_fills
WHERE symbol = @symbol AND id > @after_id
ORDER BY id
LIMIT @row_limit::bigint;

-- name: RecentFillKeys :many
-- The identities of a symbol's last fills, newest first.
SELECT trade_id, side FROM mm_fills WHERE symbol = @symbol ORDER BY id DESC LIMIT @row_limit::bigint;

-- name: SumFills :many
-- Signed quantity and number of the fills of each symbol.
SELECT
    symbol,
    sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END)::numeric AS position,
    count(*) AS fill_count
FROM mm_fills
GROUP BY symbol
ORDER BY symbol;
