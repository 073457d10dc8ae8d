"""PostgreSQL: pools, statements, repositories. The only place that knows asyncpg."""
