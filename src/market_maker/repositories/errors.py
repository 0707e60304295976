"""What can go wrong with the database, as types that a caller can act on."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg


class DatabaseError(Exception):
    """A failure of the database; the message is for the operator and holds no secret."""


class DatabaseUrlError(DatabaseError):
    """The database URL cannot be used: correct POSTGRES_URL."""


class DatabaseUnavailableError(DatabaseError):
    """The database does not answer, or cannot do its work now; the same request may succeed later."""


class RecordRefusedError(DatabaseError):
    """The database refuses a value; writing it again cannot help."""


class DuplicateError(DatabaseError):
    """A row with this key exists."""


class VersionConflictError(DatabaseError):
    """What was to be replaced has been replaced by somebody else."""


_UNAVAILABLE = (
    OSError,  # refused, unreachable, broken; TimeoutError is one
    asyncpg.InterfaceError,  # the connection or the pool is closed
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutdown, start-up, statement timeout
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # a fail-over left us on the standby
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)


def is_unavailable(error: BaseException) -> bool:
    """Whether the same request may succeed when it is tried again later."""
    # A value that asyncpg itself cannot encode is an InterfaceError too, but also a ValueError.
    return isinstance(error, _UNAVAILABLE) and not isinstance(error, ValueError)


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn asyncpg's errors into DatabaseUnavailableError, DuplicateError and the others of this module."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise DuplicateError(error.detail or str(error)) from error
    except asyncpg.TriggeredActionError as error:
        raise VersionConflictError(str(error)) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        text = str(error) or type(error).__name__
        if is_unavailable(error):
            raise DatabaseUnavailableError(f"PostgreSQL does not answer: {text}") from error
        raise RecordRefusedError(f"PostgreSQL refuses: {text}") from error
