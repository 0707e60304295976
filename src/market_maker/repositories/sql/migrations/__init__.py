"""Versioned SQL that brings a database to `schema.sql`; applied in order, each once, by dbmate."""
