-- name: ListUnreleased :many
-- Every symbol that somebody owns, or that was taken away from an instance that was lost and is nobody's.
SELECT symbol, epoch, instance_id FROM mm_owners
WHERE instance_id IS NOT NULL OR released_at IS NULL
ORDER BY symbol;

-- name: GetUnreleased :one
-- One of these symbols; no row when it was given up in an orderly way, or never owned.
SELECT symbol, epoch, instance_id FROM mm_owners
WHERE symbol = @symbol AND (instance_id IS NOT NULL OR released_at IS NULL);

-- name: TakeAway :execrows
-- Takes a symbol away from an instance, unless it has a new owner or a new epoch by now.
UPDATE mm_owners SET epoch = epoch + 1, instance_id = NULL, released_at = NULL, resume = false
WHERE symbol = @symbol AND instance_id = @instance_id::text AND epoch = @epoch;

-- name: CountOpenOrders :one
-- How many orders of a symbol are not known to be final.
SELECT count(*) FROM mm_orders
WHERE symbol = @symbol AND status NOT IN ('filled', 'cancelled', 'rejected');
