-- name: LockOwners :many
-- How the last owner left each of these symbols; the rows stay locked until the transaction ends. What their
-- owner was still writing is visible to the transaction's next statement.
SELECT
    symbol,
    instance_id,
    released_at,
    clock_timestamp()::timestamptz AS now,
    resume
FROM mm_owners
WHERE symbol = ANY(@symbols::text[])
ORDER BY symbol
FOR UPDATE;

-- name: ClaimSymbols :many
-- Takes symbols for an instance, each with a new epoch.
INSERT INTO mm_owners (symbol, epoch, instance_id, claimed_at)
SELECT unnest(@symbols::text[]), 1, @instance_id::text, now()
ON CONFLICT (symbol) DO UPDATE SET
    epoch = mm_owners.epoch + 1,
    instance_id = excluded.instance_id,
    claimed_at = excluded.claimed_at,
    released_at = NULL,
    resume = false
RETURNING symbol, epoch;

-- name: ReleaseSymbols :execrows
-- Gives symbols up that nothing is left of in the market and whose records are durable; only the current
-- epoch can. What is HALTED by now does not go on by itself.
WITH given AS (
    SELECT
        unnest(@symbols::text[]) AS symbol,
        unnest(@epochs::bigint[]) AS epoch,
        unnest(@resumes::boolean[]) AS resume
)
UPDATE mm_owners SET
    instance_id = NULL,
    released_at = now(),
    resume = given.resume AND NOT EXISTS (
        SELECT FROM mm_states WHERE mm_states.symbol = mm_owners.symbol AND mm_states.state = 'HALTED'
    )
FROM given
WHERE mm_owners.symbol = given.symbol AND mm_owners.epoch = given.epoch;

-- name: LockCurrent :many
-- Which of these symbols still have the epoch that the writer knows; they keep it until the transaction
-- ends.
WITH held AS (
    SELECT unnest(@symbols::text[]) AS symbol, unnest(@epochs::bigint[]) AS epoch
)
SELECT mm_owners.symbol
FROM mm_owners JOIN held ON mm_owners.symbol = held.symbol AND mm_owners.epoch = held.epoch
ORDER BY mm_owners.symbol
FOR SHARE OF mm_owners;

-- name: ListOwnedOrChanged :many
-- What an instance owns, and what has changed in transactions that had not ended when `since` was read:
-- such a one may commit after a later one. `ended` is the next `since`.
SELECT
    symbol,
    epoch,
    instance_id,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS ended
FROM mm_owners
WHERE instance_id = @instance_id::text OR changed_in >= @since::bigint;

-- name: ForgetResume :execrows
-- An operator has decided otherwise while nobody owned the symbol: it does not go on by itself.
UPDATE mm_owners SET resume = false WHERE symbol = ANY(@symbols::text[]) AND resume;

-- name: CountBeat :execrows
-- A sign of life of an instance.
INSERT INTO mm_instances (instance_id, beat, started_at, seen_at) VALUES (@instance_id, 1, now(), now())
ON CONFLICT (instance_id) DO UPDATE SET beat = mm_instances.beat + 1, seen_at = now();

-- name: ListBeats :many
-- The last sign of life of every instance.
SELECT instance_id, beat FROM mm_instances ORDER BY instance_id;

-- name: DeleteInstance :execrows
-- An instance has ended in order, or nothing is left of one that was lost.
DELETE FROM mm_instances WHERE instance_id = @instance_id;
