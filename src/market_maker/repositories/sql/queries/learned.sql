-- name: GetLearned :one
-- What a symbol's quoting model had learned when it was last written down.
SELECT model, tick_size, lot_size, learned, made_at FROM mm_learned WHERE symbol = @symbol;

-- name: UpsertLearned :execrows
-- Writes what a symbol's model has learned; nothing when the epoch is not the writer's any more.
INSERT INTO mm_learned (symbol, epoch, model, tick_size, lot_size, learned, made_at)
SELECT mm_owners.symbol, mm_owners.epoch, @model::varchar, @tick_size::numeric, @lot_size::numeric, @learned::text, now()
FROM mm_owners
WHERE mm_owners.symbol = @symbol AND mm_owners.epoch = @epoch
FOR SHARE OF mm_owners
ON CONFLICT (symbol) DO UPDATE SET
    epoch = excluded.epoch,
    model = excluded.model,
    tick_size = excluded.tick_size,
    lot_size = excluded.lot_size,
    learned = excluded.learned,
    made_at = excluded.made_at;
