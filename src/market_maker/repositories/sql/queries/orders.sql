-- name: ListOpenOrders :many
-- Every order that is not final, of one symbol or of all, oldest first.
SELECT * FROM mm_orders
WHERE status NOT IN ('filled', 'cancelled', 'rejected')
    AND (symbol = sqlc.narg('symbol') OR sqlc.narg('symbol') IS NULL)
ORDER BY symbol, client_order_id;

-- name: ListOrders :many
-- A page of a symbol's orders of a period, newest first, below a client order id.
SELECT * FROM mm_orders
WHERE symbol = @symbol AND client_order_id < @before_client_order_id
    AND (sqlc.narg('since')::timestamptz IS NULL OR created_at >= sqlc.narg('since')::timestamptz)
    AND (sqlc.narg('until')::timestamptz IS NULL OR created_at < sqlc.narg('until')::timestamptz)
ORDER BY client_order_id DESC
LIMIT @row_limit::bigint;

-- name: UpsertOrders :execrows
-- The last state of each order of a batch. A final order never comes back to life, and what the
-- exchange called it is never forgotten.
INSERT INTO mm_orders (
    client_order_id, order_id, symbol, side, level, price, quantity, filled_quantity, status, reason,
    created_at, updated_at, rested_at, ended_at
)
SELECT
    unnest(@client_order_ids::text[]), unnest(@order_ids::text[]), unnest(@symbols::text[]),
    unnest(@sides::text[]), unnest(@levels::integer[]), unnest(@prices::numeric[]),
    unnest(@quantities::numeric[]), unnest(@filled_quantities::numeric[]), unnest(@statuses::text[]),
    unnest(@reasons::text[]), unnest(@created_ats::timestamptz[]), unnest(@updated_ats::timestamptz[]),
    unnest(@rested_ats::timestamptz[]), unnest(@ended_ats::timestamptz[])
ON CONFLICT (client_order_id) DO UPDATE SET
    order_id = coalesce(excluded.order_id, mm_orders.order_id),
    price = excluded.price,
    quantity = excluded.quantity,
    filled_quantity = excluded.filled_quantity,
    status = excluded.status,
    reason = excluded.reason,
    updated_at = excluded.updated_at,
    rested_at = coalesce(mm_orders.rested_at, excluded.rested_at),
    ended_at = coalesce(mm_orders.ended_at, excluded.ended_at)
WHERE mm_orders.status NOT IN ('filled', 'cancelled', 'rejected')
    OR excluded.status IN ('filled', 'cancelled', 'rejected');

-- name: ListRested :many
-- When orders rested in a period. Of those that have ended not what was made a day before it.
SELECT side, price, rested_at, ended_at FROM mm_orders
WHERE symbol = @symbol AND rested_at < @until::timestamptz
    AND (
        status NOT IN ('filled', 'cancelled', 'rejected')
        OR (created_at >= sqlc.arg('since')::timestamptz - interval '1 day' AND ended_at > @since::timestamptz)
    )
ORDER BY rested_at;
