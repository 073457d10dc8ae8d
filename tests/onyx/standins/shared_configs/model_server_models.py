"""Types shared with the model server."""

Embedding = list[float]
