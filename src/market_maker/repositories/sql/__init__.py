"""The declared schema (`schema.sql`), the queries that Python is generated from, and the migrations."""
