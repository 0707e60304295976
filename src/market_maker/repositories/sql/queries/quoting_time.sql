-- name: InsertQuotingTime :execrows
-- Adds minutes; one that is there already is left as it is.
INSERT INTO mm_quoting_time (symbol, at, reason, spent_us)
SELECT unnest(@symbols::text[]), unnest(@ats::timestamptz[]), unnest(@reasons::text[]), unnest(@spent_us::bigint[])
ON CONFLICT (symbol, at, reason) DO NOTHING;

-- name: SumQuotingTime :many
-- The minutes of a symbol that ended in a period, by reason.
SELECT reason, sum(spent_us)::bigint AS spent_us
FROM mm_quoting_time
WHERE symbol = @symbol AND at > @since::timestamptz AND at <= @until::timestamptz
GROUP BY reason
ORDER BY reason;
