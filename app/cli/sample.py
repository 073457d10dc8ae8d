"""The sample corpus: this project's own documentation, with embeddings made beforehand (docs/sample)."""

from pathlib import Path

import typer

from app.api.schemas.documents import DocumentBody
from app.main import create_app
from app.services.startup import PUBLIC_TENANT
from app.settings import Settings

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "sample"
QUERY_FILE = "docs/sample/query.json"
QUESTION = "How does a permission change become visible to the next search?"
DIMENSION = 384


async def load(settings: Settings) -> None:
    """Index the sample in the default index, if nothing is in it and its embeddings fit."""
    if settings.default_dimension != DIMENSION:
        typer.echo(f"The sample has {DIMENSION} dimensions and the index {settings.default_dimension}: not loaded.")
        return
    app = create_app(settings.model_copy(update={"log_level": "warning"}))
    async with app.router.lifespan_context(app):
        services = app.state.services
        if (await services.catalog.state(PUBLIC_TENANT, settings.default_index)).size.documents:
            return
        lines = (FOLDER / "documents.jsonl").read_text(encoding="utf-8").splitlines()
        documents = [DocumentBody.model_validate_json(line).to_domain() for line in lines]
        await services.indexing.write(PUBLIC_TENANT, None, documents)
        chunks = sum(len(document.chunks) for document in documents)
        typer.echo(f"The sample is loaded: {len(documents)} documents, {chunks} chunks.")
