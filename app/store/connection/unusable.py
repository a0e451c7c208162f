"""A database that answers but cannot do the work, whatever the request: waiting does not help, people do."""

import asyncpg

from app.errors import (
    DatabaseFull,
    DatabaseReadOnly,
    PoolerNotSet,
    Problem,
    SchemaOlder,
)

_KINDS: dict[type[Exception], type[Problem]] = {
    asyncpg.ReadOnlySQLTransactionError: DatabaseReadOnly,
    asyncpg.DiskFullError: DatabaseFull,
    asyncpg.InsufficientPrivilegeError: SchemaOlder,
    asyncpg.UndefinedTableError: SchemaOlder,
    asyncpg.UndefinedColumnError: SchemaOlder,
    asyncpg.UndefinedFunctionError: SchemaOlder,
    asyncpg.InvalidSchemaNameError: SchemaOlder,
    asyncpg.InvalidSQLStatementNameError: PoolerNotSet,
    asyncpg.DuplicatePreparedStatementError: PoolerNotSet,
}
UNUSABLE_ERRORS: tuple[type[Exception], ...] = tuple(_KINDS)


def unusable_code(error: BaseException) -> str | None:
    """The code by which `/readyz` calls this state of the database, or None for any other error."""
    return next((problem.code for kind, problem in _KINDS.items() if isinstance(error, kind)), None)
