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
