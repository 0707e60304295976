-- name: InsertProposal :one
-- Adds a change that waits to be approved; gives its id.
INSERT INTO mm_proposals (symbol, replaces, changes, loosens, author, reason, created_at, expires_at)
VALUES (@symbol, @replaces, @changes, @loosens, @author, @reason, @created_at, @expires_at)
RETURNING id;

-- name: ListProposals :many
-- A page of proposals, of one symbol or of all, newest first, below an id; those that are open, or all.
-- A proposal is superseded when its symbol has a later version than the one that it changes.
SELECT
    proposals.*,
    EXISTS (
        SELECT FROM mm_config_versions AS later
        WHERE later.symbol = proposals.symbol AND later.version > proposals.replaces
    ) AS superseded
FROM mm_proposals AS proposals
WHERE (proposals.symbol = sqlc.narg('symbol') OR sqlc.narg('symbol') IS NULL)
    AND (sqlc.narg('open_at')::timestamptz IS NULL OR (
        proposals.decided_at IS NULL
        AND proposals.expires_at > sqlc.narg('open_at')::timestamptz
        AND NOT EXISTS (
            SELECT FROM mm_config_versions AS later
            WHERE later.symbol = proposals.symbol AND later.version > proposals.replaces
        )
    ))
    AND proposals.id < @before_id
ORDER BY proposals.id DESC
LIMIT @row_limit::bigint;

-- name: DecideProposal :execrows
-- Notes how it was decided, once.
UPDATE mm_proposals
SET decided_at = @decided_at, decided_by = @decided_by, decision = @decision, decision_reason = @decision_reason
WHERE id = @id AND decided_at IS NULL;
