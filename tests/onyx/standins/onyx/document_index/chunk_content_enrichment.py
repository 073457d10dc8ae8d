"""What is glued to a chunk's text before it is indexed, and taken off when it is found."""

from onyx.configs.constants import RETURN_SEPARATOR
from onyx.context.search.models import InferenceChunk, InferenceChunkUncleaned
from onyx.indexing.models import DocMetadataAwareIndexChunk


def generate_enriched_content_for_chunk_text(chunk: DocMetadataAwareIndexChunk) -> str:
    start = f"{chunk.title_prefix}{chunk.doc_summary}{chunk.content}"
    return f"{start}{chunk.chunk_context}{chunk.metadata_suffix_keyword}"


def cleanup_content_for_chunks(chunks: list[InferenceChunkUncleaned]) -> list[InferenceChunk]:
    for chunk in chunks:
        if chunk.title and chunk.content.startswith(chunk.title):
            chunk.content = chunk.content.removeprefix(chunk.title).lstrip()
        if chunk.metadata_suffix:
            chunk.content = chunk.content.removesuffix(chunk.metadata_suffix).rstrip(RETURN_SEPARATOR)
        if chunk.doc_summary:
            chunk.content = chunk.content.removeprefix(chunk.doc_summary).lstrip()
        if chunk.chunk_context:
            chunk.content = chunk.content.removesuffix(chunk.chunk_context).rstrip()
    return [chunk.to_inference_chunk() for chunk in chunks]
