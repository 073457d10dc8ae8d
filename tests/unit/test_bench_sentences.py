"""What keyword search is measured with at scale: made chunks, questions, and how lists are compared."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from bench.sentences import CHARACTERS, Material, embed, make_chunks, questions, read_material
from bench.statistics import agreement, ratios

SENTENCES = [f"The wing number {number} carries a boundary layer of air at speed {number}." for number in range(6)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = [{"id": f"d{number}", "content": " ".join(SENTENCES[number : number + 4])} for number in range(3)]
    (tmp_path / "docs.jsonl").write_text("\n".join(map(json.dumps, documents)), encoding="utf-8")
    (tmp_path / "queries.tsv").write_text("q1\twing air", encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text("q1\td0\t1", encoding="utf-8")
    np.savez(tmp_path / "embeddings.npz", content=np.eye(3, 4, dtype=np.float32), queries=np.ones((1, 4), np.float32))
    return tmp_path


@pytest.fixture
def material(folder: Path) -> Material:
    return read_material([folder])


def test_chunks_are_real_sentences_as_long_as_onyx_cuts_and_always_the_same(material: Material) -> None:
    made = list(make_chunks(material, 5))
    assert made == list(make_chunks(material, 5))
    assert all(CHARACTERS - 100 < len(one.text) < CHARACTERS + 200 for one in made)
    assert all("boundary layer of air" in one.text for one in made)


def test_an_embedding_is_what_the_texts_have_in_common(material: Material) -> None:
    made = list(islice(make_chunks(material, 20), 20))
    vectors = embed(material, made, np.random.default_rng(0))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    shares = np.array([np.bincount(one.sources, minlength=4) for one in made], np.float32)
    shares /= np.linalg.norm(shares, axis=1, keepdims=True)
    assert np.mean(np.sum(vectors * shares, axis=1)) > 0.9


def test_a_question_has_as_many_words_as_asked_for(material: Material) -> None:
    assert all(len(set(text.split())) == 4 for text in questions(material, 4, 10))


def test_ties_count_as_found() -> None:
    assert agreement([3.0, 2.0, 2.0], [3.0, 2.0, 2.0, 2.0], 3) == 1
    assert agreement([3.0, 1.0], [3.0, 2.0], 2) == 0.5
    assert agreement([], [], 10) == 1


def test_ratios_are_those_of_the_95th_percentiles() -> None:
    table = ratios({"vector": [1.0] * 20, "keyword": [3.0] * 20}, "vector")
    assert table["keyword"] == {"p50_ms": 3, "p95_ms": 3, "p95_ratio": 3, "calls": 20}
