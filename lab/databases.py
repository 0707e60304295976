"""Fresh databases for tests, quickly: a used one is emptied and given out again under a new name.

Copying a database costs ten times what emptying one does. One whose schema a test has changed is
dropped. The new name keeps a process that an earlier test forgot away from the next test's data.
One connection, kept, gives them their names: each that is made is a process of PostgreSQL.
"""

import asyncio
import itertools

import psycopg

from lab.postgres_server import PostgresServer
from market_maker.repositories.migrations import MIGRATIONS_TABLE, migrate

_TEMPLATE = "template_migrated"

_OTHERS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"
_SCHEMA = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped),
    (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_proc)
"""


class Databases:
    """The databases of one server."""

    def __init__(self, server: PostgresServer) -> None:
        """Make the database that all with the current schema are copies of."""
        self._server = server
        self._numbers = itertools.count(1)
        self._spare: list[str] = []
        self._admin = psycopg.connect(server.url(), autocommit=True)
        self._do(f"CREATE DATABASE {_TEMPLATE}")
        asyncio.run(migrate(server.url(_TEMPLATE)))
        with psycopg.connect(server.url(_TEMPLATE)) as template:
            self._schema = template.execute(_SCHEMA).fetchone()

    def close(self) -> None:
        """Give the connection back; the databases end with their server."""
        self._admin.close()

    def take(self, *, empty: bool = False) -> str:
        """The name of a database with the current schema and no rows, or with nothing at all."""
        name = f"test_{next(self._numbers)}"
        if empty:
            self._do(f"CREATE DATABASE {name}")
        elif self._spare:
            self._do(f"ALTER DATABASE {self._spare.pop()} RENAME TO {name}")
        else:
            # Copying files is eight times faster than the default when nothing is forced to disk.
            self._do(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
        return name

    def give_back(self, name: str, *, reusable: bool = True) -> None:
        """End every connection to it, and keep it for another test if that is sound."""
        self._admin.execute(_OTHERS, (name,))
        if reusable and self._emptied(name):
            spare = f"spare_{name}"
            self._do(f"ALTER DATABASE {name} RENAME TO {spare}")
            self._spare.append(spare)
        else:
            self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _emptied(self, name: str) -> bool:
        """Remove every row; false when the schema is not the one we made."""
        with psycopg.connect(self._server.url(name)) as connection:
            if connection.execute(_SCHEMA).fetchone() != self._schema:
                return False
            # Without triggers: the audit table refuses to lose a row.
            resets = ["SET session_replication_role = replica"]
            for (table,) in connection.execute(_TABLES):
                if table != MIGRATIONS_TABLE:
                    resets.append(f"DELETE FROM {table}")  # noqa: S608 - a name from the catalog
            for (sequence,) in connection.execute(_SEQUENCES):
                resets.append(f"ALTER SEQUENCE {sequence} RESTART")
            connection.execute(";".join(resets).encode())
            return True

    def _do(self, sql: str) -> None:
        self._admin.execute(sql.encode())
