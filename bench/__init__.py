"""Benchmarks: the service beside raw SQL and beside what people would use instead (docs/benchmarks.md)."""
