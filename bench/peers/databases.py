"""Databases of their own for the peers that live in PostgreSQL."""

from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql


def own_database(dsn: str, name: str) -> str:
    """Return the address of a database on a server; it is made with pgvector when it is not there."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    connection.close()
    own = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    connection = psycopg2.connect(own)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
    connection.close()
    return own
