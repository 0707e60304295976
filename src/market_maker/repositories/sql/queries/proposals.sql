-- name: InsertProposal :one
-- Adds a change that waits to be approved; gives its id.
INSERT INTO mm_proposals (symbol, replaces, changes, loosens, author, reason, created_at, expires_at)
VALUES (@symbol, @replaces, @changes, @loosens, @author, @reason, @created_at, @expires_at)
RETURNING id;

-- name: GetProposal :one
-- One proposal.
SELECT * FROM mm_proposals WHERE id = @id;

-- name: ListProposals :many
-- A page of proposals, of one symbol or of all, newest first, below an id; those that are open, or all.
SELECT * FROM mm_proposals
WHERE (symbol = sqlc.narg('symbol') OR sqlc.narg('symbol') IS NULL)
    AND (sqlc.narg('open_at')::timestamptz IS NULL
        OR (decided_at IS NULL AND expires_at > sqlc.narg('open_at')::timestamptz))
    AND id < @before_id
ORDER BY id DESC
LIMIT @row_limit::bigint;

-- name: DecideProposal :execrows
-- Notes how it was decided, once.
UPDATE mm_proposals
SET decided_at = @decided_at, decided_by = @decided_by, decision = @decision, decision_reason = @decision_reason
WHERE id = @id AND decided_at IS NULL;
