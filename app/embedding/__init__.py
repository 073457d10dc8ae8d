"""Embeddings of text from an OpenAI-compatible endpoint. The only place that knows httpx."""
