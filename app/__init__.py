"""Onyx Vector Search: the document index of Onyx on PostgreSQL and pgvector."""
