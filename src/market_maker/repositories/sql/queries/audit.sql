-- name: InsertAudit :execrows
-- Adds entries in their order; one that is there already is left as it is.
INSERT INTO mm_audit (entry_id, at, actor, roles, route, symbol, before, after, why)
SELECT
    unnest(@entry_ids::uuid[]), unnest(@ats::timestamptz[]), unnest(@actors::text[]),
    unnest(@roles::jsonb[]), unnest(@routes::text[]), unnest(@symbols::text[]),
    unnest(@befores::jsonb[]), unnest(@afters::jsonb[]), unnest(@whys::text[])
ON CONFLICT (entry_id) DO NOTHING;

-- name: ListAudit :many
-- A page of the audit of a period, of one symbol, actor and route or of all, newest first, below an id.
SELECT * FROM mm_audit
WHERE (symbol = sqlc.narg('symbol') OR sqlc.narg('symbol') IS NULL)
    AND (actor = sqlc.narg('actor') OR sqlc.narg('actor') IS NULL)
    AND (route = sqlc.narg('route') OR sqlc.narg('route') IS NULL)
    AND (
        sqlc.narg('changed')::text IS NULL
        OR before -> sqlc.narg('changed')::text IS DISTINCT FROM after -> sqlc.narg('changed')::text
    )
    AND (
        sqlc.narg('text')::text IS NULL
        OR position(
            lower(sqlc.narg('text')::text)
            IN lower(concat_ws(' ', actor, route, symbol, why, before::text, after::text))
        ) > 0
    )
    AND id < @before_id
    AND (sqlc.narg('since')::timestamptz IS NULL OR at >= sqlc.narg('since')::timestamptz)
    AND (sqlc.narg('until')::timestamptz IS NULL OR at < sqlc.narg('until')::timestamptz)
ORDER BY id DESC
LIMIT @row_limit::bigint;
