-- name: InsertMarkouts :execrows
-- Adds markouts; one that is there already is left as it is.
INSERT INTO mm_markouts (symbol, trade_id, side, horizon_ms, mid, missing)
SELECT
    unnest(@symbols::text[]), unnest(@trade_ids::text[]), unnest(@sides::text[]),
    unnest(@horizons_ms::integer[]), unnest(@mids::numeric[]), unnest(@missings::text[])
ON CONFLICT (symbol, trade_id, side, horizon_ms) DO NOTHING;

-- name: MarkoutsOfFills :many
-- The markouts of some fills of a symbol.
SELECT * FROM mm_markouts
WHERE symbol = @symbol AND (trade_id, side) IN (
    SELECT unnest(@trade_ids::text[]), unnest(@sides::text[])
)
ORDER BY trade_id, side, horizon_ms;

-- name: UnfinishedFills :many
-- Fills of which not all markouts are there, among those that were executed shortly before the latest one:
-- earlier ones were finished before it. With each, how long the horizons are that are there.
SELECT
    fills.*,
    coalesce(
        array_agg(markouts.horizon_ms) FILTER (WHERE markouts.horizon_ms IS NOT NULL), '{}'
    )::integer[] AS horizons_ms
FROM mm_fills AS fills
LEFT JOIN mm_markouts AS markouts
    ON markouts.symbol = fills.symbol AND markouts.trade_id = fills.trade_id AND markouts.side = fills.side
WHERE fills.symbol = @symbol AND fills.executed_at > (
    SELECT latest.executed_at FROM mm_fills AS latest
    WHERE latest.symbol = @symbol ORDER BY latest.executed_at DESC LIMIT 1
) - interval '2 minutes'
GROUP BY fills.symbol, fills.trade_id, fills.side
HAVING count(markouts.horizon_ms) < @horizon_count::bigint
ORDER BY fills.id;

-- name: SumMarkouts :many
-- Markouts of the fills that were executed in a period, by hour or day, side, level and horizon.
SELECT
    date_trunc(@bucket::text, fills.executed_at, 'UTC')::timestamptz AS bucket,
    fills.side,
    fills.level,
    markouts.horizon_ms,
    count(markouts.mid) AS measured,
    count(markouts.missing) AS missing,
    coalesce(sum(
        (CASE fills.side WHEN 'BUY' THEN 1 ELSE -1 END) * fills.quantity * (markouts.mid - fills.price)
    ), 0)::numeric AS amount,
    coalesce(sum(fills.quantity * fills.price) FILTER (WHERE markouts.mid IS NOT NULL), 0)::numeric AS notional
FROM mm_fills AS fills
JOIN mm_markouts AS markouts
    ON markouts.symbol = fills.symbol AND markouts.trade_id = fills.trade_id AND markouts.side = fills.side
WHERE fills.symbol = @symbol AND fills.executed_at >= @since::timestamptz
    AND fills.executed_at < @until::timestamptz
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4;
