-- name: InsertDayMarks :execrows
-- Notes results at the beginning of a day, one a symbol; one that is there already is left as it is.
INSERT INTO mm_day_marks (began_at, symbol, pnl)
SELECT @began_at, unnest(@symbols::text[]), unnest(@pnls::numeric[])
ON CONFLICT (began_at, symbol) DO NOTHING;

-- name: ListDayMarks :many
-- The results of all symbols at the beginning of a day.
SELECT symbol, pnl FROM mm_day_marks WHERE began_at = @began_at;
