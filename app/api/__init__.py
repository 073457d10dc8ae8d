"""HTTP: routes, schemas, problems. The only place that knows FastAPI."""
