"""What sqlc made of `sql/schema.sql` and `sql/queries/`; `make generate` writes it."""
