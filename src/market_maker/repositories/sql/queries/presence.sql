-- name: UpsertPresence :execrows
-- Stretches of presence; one that goes on replaces what it was.
INSERT INTO mm_presence (symbol, programme, tier, from_at, until_at, present_us, minutes, samples)
SELECT
    unnest(@symbols::text[]), unnest(@programmes::text[]), unnest(@tiers::text[]),
    unnest(@from_ats::timestamptz[]), unnest(@until_ats::timestamptz[]), unnest(@present_us::bigint[]),
    unnest(@minutes::integer[]), unnest(@samples::integer[])
ON CONFLICT (symbol, programme, tier, from_at) DO UPDATE SET
    until_at = excluded.until_at,
    present_us = excluded.present_us,
    minutes = excluded.minutes,
    samples = excluded.samples
WHERE excluded.until_at >= mm_presence.until_at;

-- name: SumPresence :many
-- How far each tier of every symbol was kept in a period that begins and ends with an hour.
SELECT
    symbol, programme, tier, sum(present_us)::bigint AS present_us, sum(minutes)::bigint AS minutes,
    sum(samples)::bigint AS samples, max(until_at)::timestamptz AS until_at
FROM mm_presence
WHERE from_at >= @since::timestamptz AND from_at < @until::timestamptz
GROUP BY symbol, programme, tier
ORDER BY symbol, programme, tier;

-- name: OrderLives :many
-- Orders that rested in a period, with what was filled of each and when.
SELECT
    orders.client_order_id, orders.side, orders.price, orders.quantity, orders.rested_at, orders.ended_at,
    coalesce(array_agg(fills.counted_at ORDER BY fills.id) FILTER (WHERE fills.id IS NOT NULL), '{}')
        ::timestamptz[] AS counted_ats,
    coalesce(array_agg(fills.quantity ORDER BY fills.id) FILTER (WHERE fills.id IS NOT NULL), '{}')
        ::numeric[] AS filled
FROM mm_orders AS orders
LEFT JOIN mm_fills AS fills
    ON fills.symbol = orders.symbol AND fills.order_id = orders.order_id AND fills.counted_at IS NOT NULL
WHERE orders.symbol = @symbol AND orders.rested_at < @until::timestamptz
    AND (orders.ended_at IS NULL OR orders.ended_at > @since::timestamptz)
GROUP BY orders.client_order_id
ORDER BY orders.rested_at, orders.client_order_id;
