-- name: GetCheckpoint :one
-- Where a symbol's start begins.
SELECT last_fill_id, fold FROM mm_checkpoints WHERE symbol = @symbol;

-- name: UpsertCheckpoint :execrows
-- Writes a symbol's checkpoint; nothing when the epoch is not the writer's any more.
INSERT INTO mm_checkpoints (symbol, epoch, last_fill_id, fold, made_at)
SELECT mm_owners.symbol, mm_owners.epoch, @last_fill_id::bigint, @fold::jsonb, now()
FROM mm_owners
WHERE mm_owners.symbol = @symbol AND mm_owners.epoch = @epoch
FOR SHARE OF mm_owners
ON CONFLICT (symbol) DO UPDATE SET
    epoch = excluded.epoch,
    last_fill_id = excluded.last_fill_id,
    fold = excluded.fold,
    made_at = excluded.made_at;

-- name: DeleteCheckpoint :execrows
-- The next start folds every fill; nothing when the epoch is not the writer's any more.
DELETE FROM mm_checkpoints USING mm_owners
WHERE mm_checkpoints.symbol = @symbol
    AND mm_owners.symbol = mm_checkpoints.symbol
    AND mm_owners.epoch = @epoch;

-- name: GetPruned :one
-- What a symbol's deleted fills came to.
SELECT last_fill_id, fold FROM mm_pruned WHERE symbol = @symbol;

-- name: UpsertPruned :execrows
-- More of a symbol's fills are deleted, in this transaction.
INSERT INTO mm_pruned (symbol, last_fill_id, executed_until, fold, pruned_at)
VALUES (@symbol, @last_fill_id, @executed_until, @fold::jsonb, now())
ON CONFLICT (symbol) DO UPDATE SET
    last_fill_id = excluded.last_fill_id,
    executed_until = greatest(mm_pruned.executed_until, excluded.executed_until),
    fold = excluded.fold,
    pruned_at = excluded.pruned_at;
