-- name: InsertKillOrders :execrows
-- Orders kills, one a symbol; one that is there already is left as it is.
INSERT INTO mm_kill_orders (id, symbol, actor, reason, asked_at)
SELECT unnest(@ids::uuid[]), unnest(@symbols::text[]), @actor::text, @reason::text, now()
ON CONFLICT (id) DO NOTHING;

-- name: ListOpenKillOrders :many
-- Kills of these symbols that nobody has carried out yet, oldest first.
SELECT id, symbol, actor, reason FROM mm_kill_orders
WHERE done_at IS NULL AND symbol = ANY(@symbols::text[])
ORDER BY asked_at, id;

-- name: MarkKillOrdersDone :execrows
-- The symbols' HALTED is durable.
UPDATE mm_kill_orders SET done_at = now() WHERE id = ANY(@ids::uuid[]) AND done_at IS NULL;

-- name: ListDoneKillOrders :many
-- Which of these kills have been carried out.
SELECT id FROM mm_kill_orders WHERE id = ANY(@ids::uuid[]) AND done_at IS NOT NULL;
