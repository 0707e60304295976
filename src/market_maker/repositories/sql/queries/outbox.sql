-- name: InsertEvents :execrows
-- Adds the events of a batch in its order; one that is there already is left as it is.
INSERT INTO outbox (event_id, topic, symbol, payload, trace_id, created_at)
SELECT
    unnest(@event_ids::uuid[]), unnest(@topics::text[]), unnest(@symbols::text[]),
    unnest(@payloads::jsonb[]), unnest(@trace_ids::text[]), unnest(@created_ats::timestamptz[])
ON CONFLICT (event_id) DO NOTHING;

-- name: ListUnsentSymbols :many
-- The symbols that have unsent events.
SELECT DISTINCT symbol FROM outbox WHERE sent_at IS NULL ORDER BY symbol;

-- name: ListUnsentEvents :many
-- Unsent events of these symbols, in order within a symbol; the symbols take turns, so that a long queue of
-- one does not hold up the others.
SELECT id, event_id, topic, symbol, payload, trace_id, created_at, sent_at
FROM (
    SELECT *, row_number() OVER (PARTITION BY symbol ORDER BY id) AS turn
    FROM outbox
    WHERE sent_at IS NULL AND symbol = ANY(@symbols::text[])
) AS unsent
ORDER BY turn, id
LIMIT @row_limit::bigint;

-- name: MarkEventsSent :execrows
-- The broker has acknowledged these events.
UPDATE outbox SET sent_at = @sent_at::timestamptz WHERE id = ANY(@ids::bigint[]) AND sent_at IS NULL;

-- name: CountUnsentEvents :one
-- How many events wait for the broker.
SELECT count(*) FROM outbox WHERE sent_at IS NULL;

-- name: CountUnsentEventsOf :one
-- How many events of these symbols wait for the broker.
SELECT count(*) FROM outbox WHERE sent_at IS NULL AND symbol = ANY(@symbols::text[]);

-- name: ListEvents :many
-- A page of a symbol's events of a period, sent or not, newest first, below an id.
SELECT * FROM outbox
WHERE symbol = @symbol AND id < @before_id
    AND (sqlc.narg('since')::timestamptz IS NULL OR created_at >= sqlc.narg('since')::timestamptz)
    AND (sqlc.narg('until')::timestamptz IS NULL OR created_at < sqlc.narg('until')::timestamptz)
ORDER BY id DESC
LIMIT @row_limit::bigint;

-- name: ListEventsOfTopic :many
-- A page of a topic's events of a period, of one symbol or of all, sent or not, newest first, below an id.
SELECT * FROM outbox
WHERE topic = @topic AND id < @before_id
    AND (symbol = sqlc.narg('symbol') OR sqlc.narg('symbol') IS NULL)
    AND (sqlc.narg('since')::timestamptz IS NULL OR created_at >= sqlc.narg('since')::timestamptz)
    AND (sqlc.narg('until')::timestamptz IS NULL OR created_at < sqlc.narg('until')::timestamptz)
ORDER BY id DESC
LIMIT @row_limit::bigint;
