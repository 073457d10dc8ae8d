"""Onyx's own tests of pairs and of model changes, with our classes where theirs would be; and a real model change."""

import pytest
from onyx.connectors.models import Document
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.opensearch.port_copy import copy_present_chunks_to_future
from onyx.indexing.chunker import get_metadata_suffix_for_document_index
from onyx.indexing.models import ChunkEmbedding, DocAwareChunk, IndexChunk
from onyx.indexing.port_reembed import AugmentationReembedContext, ReembedStrategy
from onyx_objects import EVERYTHING, access, chunk, document, make_index, put, seen, update, vector
from onyx_vector_search import Client, DocumentMissingError
from onyx_vector_search.adapter import PgVectorDocumentIndex, PgVectorIndexPair
from tests.unit.onyx.document_index.opensearch import test_index_pair_secondary_missing as of_pairs
from tests.unit.onyx.document_index.opensearch import test_port_copy as of_ports

test_copier_drops_docs_deleted_mid_batch = of_ports.test_copier_drops_docs_deleted_mid_batch
test_copier_skips_write_when_whole_batch_deleted = of_ports.test_copier_skips_write_when_whole_batch_deleted
test_copier_rechecks_survival_before_each_sub_page = of_ports.test_copier_rechecks_survival_before_each_sub_page
test_copier_aborts_write_when_cancelled_mid_batch = of_ports.test_copier_aborts_write_when_cancelled_mid_batch
test_rag_on_augmentation_reembeds_one_page_per_document = (
    of_ports.test_rag_on_augmentation_reembeds_one_page_per_document
)
test_rag_off_augmentation_streams_per_pit_page = of_ports.test_rag_off_augmentation_streams_per_pit_page
test_copier_writes_all_without_filter = of_ports.test_copier_writes_all_without_filter

test_pair_converts_secondary_missing_to_typed_signal = of_pairs.test_pair_converts_secondary_missing_to_typed_signal
test_pair_propagates_other_secondary_errors = of_pairs.test_pair_propagates_other_secondary_errors
test_pair_no_secondary_just_primary = of_pairs.test_pair_no_secondary_just_primary
test_pair_surfaces_primary_missing_during_instant_backfill = (
    of_pairs.test_pair_surfaces_primary_missing_during_instant_backfill
)
test_pair_backfill_flag_off_does_not_surface_primary_missing = (
    of_pairs.test_pair_backfill_flag_off_does_not_surface_primary_missing
)


@pytest.fixture(autouse=True)
def our_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Onyx's tests make our pair, and its indexes fail with our error."""

    def missing(_chunk_ids: list[str], document_ids: list[str]) -> DocumentMissingError:
        return DocumentMissingError(document_ids)

    monkeypatch.setattr(of_pairs, "OpenSearchIndexPair", PgVectorIndexPair)
    monkeypatch.setattr(of_pairs, "OpenSearchDocumentMissingError", missing)


class Embedder:
    """Remembers what it is to embed."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed_chunks(self, chunks: list[DocAwareChunk]) -> list[IndexChunk]:
        made = []
        for given in chunks:
            self.texts.append(
                f"{given.title_prefix}{given.doc_summary}{given.content}{given.chunk_context}"
                f"{given.metadata_suffix_semantic}"
            )
            embeddings = ChunkEmbedding(full_embedding=vector(0, 1), mini_chunk_embeddings=[])
            title = vector(0, 0, 1) if given.source_document.get_title_for_document_index() else None
            made.append(IndexChunk(**dict(given), embeddings=embeddings, title_embedding=title))
        return made


class Tokeniser:
    """Takes words for tokens."""

    def encode(self, text: str) -> list[int]:
        return list(range(len(text.split())))


@pytest.fixture
def future(onyx_client: Client, index_name: str) -> PgVectorDocumentIndex:
    made = make_index(onyx_client, f"{index_name}_future")
    made.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
    return made


def a_document(name: str) -> tuple[Document, str, str]:
    """Make a document with metadata in no particular order, and both of its suffixes."""
    source = document(name, metadata={"zebra": "striped", "ape": ["grey", "brown"], "Beta": "2"})
    semantic, keyword = get_metadata_suffix_for_document_index(source.metadata, include_separator=True)
    return source, semantic, keyword


def port(
    present: PgVectorDocumentIndex, future: PgVectorDocumentIndex, strategy: ReembedStrategy, *names: str
) -> list[str]:
    embedder = Embedder()
    context = AugmentationReembedContext(
        future_enable_contextual_rag=False,
        future_embedding_tokenizer=Tokeniser(),  # type: ignore[arg-type]  of it encode() is used
    )
    written, aborted = copy_present_chunks_to_future(
        present_client=present.reader(),  # type: ignore[arg-type]  of it one method is used
        future_index=future.writer,  # type: ignore[arg-type]  as above
        doc_ids=list(names),
        strategy=strategy,
        embedder=embedder,  # type: ignore[arg-type]  as above
        present_tokenizer=Tokeniser(),  # type: ignore[arg-type]  as above
        augmentation_ctx=context if strategy is ReembedStrategy.AUGMENTATION else None,
        surviving_doc_ids=lambda: set(names) - {"deleted meanwhile"},
    )
    assert (written, aborted) == (len(embedder.texts) - names.count("deleted meanwhile"), False)
    return embedder.texts


def test_a_new_model_embeds_the_very_text_the_old_one_did(
    index: PgVectorDocumentIndex, future: PgVectorDocumentIndex
) -> None:
    source, semantic, keyword = a_document("d")
    parts = {
        "title_prefix": "A title\n\r\n",
        "metadata_suffix_semantic": semantic,
        "metadata_suffix_keyword": keyword,
        "source_document": source,
        "access": access(groups=["eng"]),
    }
    put(index, *(chunk("d", number, f"Text {number}.", **parts) for number in range(3)), chunk("deleted meanwhile"))
    put(future, chunk("forward", content="written by indexing"))
    put(index, chunk("forward", content="stale"))
    texts = port(index, future, ReembedStrategy.MODEL_ONLY, "d", "forward", "deleted meanwhile")
    assert texts[:3] != []
    assert [text for text in texts if "Text" in text] == [
        f"A title\n\r\nText {number}.{semantic}" for number in range(3)
    ]
    assert seen(future, "group:eng") == {"d", "forward"}
    (found, *_) = future.semantic_retrieval(vector(0, 1), EVERYTHING, 3)
    assert found.score == pytest.approx(1.0)
    assert {hit.content for hit in future.semantic_retrieval(vector(1), EVERYTHING, 9)} == {
        "Text 0.", "Text 1.", "Text 2.", "written by indexing",
    }  # fmt: skip
    assert future.writer.delete_port_written_chunks(["d", "forward"]) == 3
    assert seen(future) == {"forward"}


def test_a_change_of_enrichment_embeds_the_text_without_the_old_one(
    index: PgVectorDocumentIndex, future: PgVectorDocumentIndex
) -> None:
    put(index, chunk("d", 0, "Bare.", doc_summary="Summary. ", chunk_context=" Context."))
    update(index, hidden=True)
    texts = port(index, future, ReembedStrategy.AUGMENTATION, "d")
    assert texts == ["A title\n\r\nBare."]
    assert seen(future) == set()
    update(future, hidden=False)
    assert seen(future) == {"d"}
