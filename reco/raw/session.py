"""The DuckDB that shapes what is read: in memory, in UTC, and no other's."""

from functools import cache

import duckdb


def session() -> duckdb.DuckDBPyConnection:
    """A connection of one's own; cheap, since all are to the same empty database."""
    return _database().cursor()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection
