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


def unusable_problem(error: BaseException) -> type[Problem] | None:
    """What `/readyz` calls this state of the database, or None for any other error."""
    return next((problem for kind, problem in _KINDS.items() if isinstance(error, kind)), None)


def unusable_code(error: BaseException) -> str | None:
    """The code of this problem, or None."""
    problem = unusable_problem(error)
    return problem.code if problem else None
