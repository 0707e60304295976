"""What PostgreSQL keeps: one repository for each table, and the journal's store.

The schema is declared in `sql/schema.sql`, queries stand in `sql/queries` and become typed functions in
`generated`; a repository turns their rows into records in the core's types. Nothing here decides what is
written: the journal's batches come as they are, fenced by the owner's epoch.

Every failure is a DatabaseError: retried by whoever has time, never here. A row that another version wrote
and this one does not understand counts as HALTED.
"""
