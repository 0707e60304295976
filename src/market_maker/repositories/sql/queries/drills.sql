-- name: InsertDrill :one
-- Notes that a kill switch is tried; gives its id.
INSERT INTO mm_drills (symbol, actor, reason, state_before, open_orders, shadow_mode, triggered_at)
VALUES (@symbol, @actor, @reason, @state_before, @open_orders, @shadow_mode, @triggered_at)
RETURNING id;

-- name: FinishDrill :execrows
-- Notes what was measured.
UPDATE mm_drills SET halted_us = @halted_us, proven_zero_us = sqlc.narg('proven_zero_us') WHERE id = @id;

-- name: ListDrills :many
-- A page of drills of a period, of one symbol or of all, newest first, below an id.
SELECT * FROM mm_drills
WHERE (symbol = sqlc.narg('symbol') OR sqlc.narg('symbol') IS NULL)
    AND id < @before_id
    AND (sqlc.narg('since')::timestamptz IS NULL OR triggered_at >= sqlc.narg('since')::timestamptz)
    AND (sqlc.narg('until')::timestamptz IS NULL OR triggered_at < sqlc.narg('until')::timestamptz)
ORDER BY id DESC
LIMIT @row_limit::bigint;
