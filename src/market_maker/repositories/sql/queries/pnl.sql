-- name: InsertPnl :execrows
-- Adds results of full minutes; one that is there already is left as it is.
INSERT INTO mm_pnl (symbol, at, spread_capture, inventory_pnl, fees, position, mid)
SELECT
    unnest(@symbols::text[]), unnest(@ats::timestamptz[]), unnest(@spread_captures::numeric[]),
    unnest(@inventory_pnls::numeric[]), unnest(@fees::numeric[]), unnest(@positions::numeric[]),
    unnest(@mids::numeric[])
ON CONFLICT (symbol, at) DO NOTHING;

-- name: PnlByBucket :many
-- The last result within each minute, hour or day of a period; a full hour ends the hour before it.
SELECT DISTINCT ON (bucket)
    date_trunc(@bucket::text, at - interval '1 microsecond', 'UTC')::timestamptz AS bucket,
    at, spread_capture, inventory_pnl, fees, position, mid
FROM mm_pnl
WHERE symbol = @symbol AND at > @since::timestamptz AND at <= @until::timestamptz
ORDER BY bucket, at DESC;

-- name: LastPnlBefore :one
-- The last result at or before a time.
SELECT * FROM mm_pnl WHERE symbol = @symbol AND at <= @until::timestamptz ORDER BY at DESC LIMIT 1;

-- name: PnlMarks :many
-- The last result of each configured symbol at or before a time; a symbol without one is left out.
SELECT mm_configs.symbol, latest.at, latest.spread_capture, latest.inventory_pnl, latest.fees
FROM mm_configs
CROSS JOIN LATERAL (
    SELECT mm_pnl.at, mm_pnl.spread_capture, mm_pnl.inventory_pnl, mm_pnl.fees FROM mm_pnl
    WHERE mm_pnl.symbol = mm_configs.symbol AND mm_pnl.at <= @until::timestamptz
    ORDER BY mm_pnl.at DESC LIMIT 1
) AS latest
ORDER BY mm_configs.symbol;
