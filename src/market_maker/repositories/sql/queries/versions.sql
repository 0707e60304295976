-- name: ListVersions :many
-- A page of a symbol's configurations, newest first, below a version.
SELECT * FROM mm_config_versions
WHERE symbol = @symbol AND version < @before_version
ORDER BY version DESC
LIMIT @row_limit::bigint;

-- name: ListVersionsOfPeriod :many
-- What held at the beginning of a period and what was written in it, of every symbol, oldest first.
SELECT * FROM mm_config_versions AS one
WHERE one.at < @until
    AND NOT EXISTS (
        SELECT FROM mm_config_versions AS later
        WHERE later.symbol = one.symbol AND later.version = one.version + 1 AND later.at <= @since
    )
ORDER BY symbol, version;
