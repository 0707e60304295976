-- name: ListStates :many
-- The stored state of every symbol that ever had one.
SELECT * FROM mm_states ORDER BY symbol;

-- name: GetState :one
-- The stored state of one symbol.
SELECT * FROM mm_states WHERE symbol = @symbol;

-- name: UpsertStates :execrows
-- The last state of each symbol of a batch; `versions` is how many transitions the batch holds. A batch
-- that is written again changes nothing.
INSERT INTO mm_states (
    symbol, state, reason, actor, kill_reason, pnl_baseline, since, version, last_event_id,
    rebase_pending, spread_baseline, fees_baseline
)
SELECT
    unnest(@symbols::text[]), unnest(@states::text[]), unnest(@reasons::text[]), unnest(@actors::text[]),
    unnest(@kill_reasons::text[]), unnest(@pnl_baselines::numeric[]), unnest(@sinces::timestamptz[]),
    unnest(@versions::bigint[]), unnest(@event_ids::uuid[]),
    unnest(@rebases_pending::boolean[]), unnest(@spread_baselines::numeric[]),
    unnest(@fees_baselines::numeric[])
ON CONFLICT (symbol) DO UPDATE SET
    state = excluded.state,
    reason = excluded.reason,
    actor = excluded.actor,
    kill_reason = excluded.kill_reason,
    pnl_baseline = excluded.pnl_baseline,
    since = excluded.since,
    version = mm_states.version + excluded.version,
    last_event_id = excluded.last_event_id,
    rebase_pending = excluded.rebase_pending,
    spread_baseline = excluded.spread_baseline,
    fees_baseline = excluded.fees_baseline
WHERE mm_states.last_event_id <> excluded.last_event_id;
