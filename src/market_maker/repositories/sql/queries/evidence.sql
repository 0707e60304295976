-- name: CountKills :many
-- Kill switches that fired in a period, by reason.
SELECT (payload ->> 'reason')::text AS reason, count(*) AS kills, count(DISTINCT symbol) AS symbols
FROM outbox
WHERE topic = 'mm.risk.triggered.v1' AND created_at >= @since AND created_at < @until
GROUP BY payload ->> 'reason'
ORDER BY 1;

-- name: CountCalls :many
-- Mutating calls of a period, by route.
SELECT route, count(*) AS calls, count(DISTINCT actor) AS people
FROM mm_audit
WHERE at >= @since AND at < @until
GROUP BY route
ORDER BY 1;

-- name: CountDecisions :many
-- What became of the proposals made in a period; NULL: nobody decided.
SELECT decision, count(*) AS proposals FROM mm_proposals
WHERE created_at >= @since AND created_at < @until
GROUP BY decision
ORDER BY 1;
