"""Evaluation: collections with relevance judgements, run through HTTP, measured and compared."""
