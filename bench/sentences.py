"""Chunks as many as wanted, made from the real sentences of collections, and questions to them.

Groups of consecutive sentences of several texts are put together until a chunk is about as long as Onyx's; by Zipf's
law about every twentieth word is a new one. A chunk's embedding is what its texts' embeddings have in common: their
mean by sentences, with some noise. Repetition of sentences makes it easier than in natural text to find terms together.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.evaluation.collections import read_collection
from app.services.terms import tokeniser_for

Floats = NDArray[np.float32]

CHARACTERS = 850
_OVERHANG = 60
_NEW_WORD_EVERY = 20
_NOISE = 0.3
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_SHORTEST, _LONGEST = 20, 400
_ASKED_SENTENCES = 8


class Made(NamedTuple):
    """A chunk: its text, and for each of its sentences the text that it is from."""

    text: str
    sources: list[int]


@dataclass(frozen=True, slots=True)
class Material:
    """Sentences and embedding of each text of all collections, and the embeddings of their queries."""

    texts: list[list[str]]
    embeddings: Floats
    queries: Floats

    @property
    def dimension(self) -> int:
        """Of the embeddings."""
        return int(self.embeddings.shape[1])


def read_material(folders: Sequence[Path]) -> Material:
    """Read collections; their embeddings must be of one model."""
    collections = [read_collection(folder) for folder in folders]
    texts: list[list[str]] = []
    kept: list[Floats] = []
    for collection in collections:
        for document, embedding in zip(collection.documents, collection.content_embeddings, strict=True):
            parts = [part for part in _SENTENCE.split(document["content"]) if _SHORTEST < len(part) < _LONGEST]
            if parts:
                texts.append(parts)
                kept.append(embedding)
    return Material(texts, np.stack(kept), np.concatenate([one.query_embeddings for one in collections]))


def make_chunks(material: Material, count: int, seed: int = 7) -> Iterator[Made]:
    """Recombine sentences; the same seed makes the same chunks."""
    chance = random.Random(seed)
    texts = material.texts
    for _ in range(count):
        parts: list[str] = []
        sources: list[int] = []
        characters = 0
        while characters < CHARACTERS:
            source = chance.randrange(len(texts))
            start = chance.randrange(len(texts[source]))
            taken = texts[source][start : start + chance.randint(1, 3)]
            parts += taken
            sources += [source] * len(taken)
            characters += sum(map(len, taken))
        words = " ".join(parts)[: CHARACTERS + _OVERHANG].split(" ")
        for place in range(0, len(words), _NEW_WORD_EVERY):
            words[place] = f"zq{int(chance.paretovariate(0.8)) % 10_000_000}x"
        yield Made(" ".join(words), sources)


def embed(material: Material, made: Sequence[Made], chance: np.random.Generator) -> Floats:
    """Make the embeddings of chunks, of length 1, shape (n, dimension)."""
    lengths = [len(one.sources) for one in made]
    flat = material.embeddings[[source for one in made for source in one.sources]]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    means = np.add.reduceat(flat, starts, axis=0) / np.array(lengths, np.float32)[:, np.newaxis]
    means += chance.normal(0, _NOISE / material.dimension**0.5, means.shape).astype(np.float32)
    unit: Floats = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
    return unit


def questions(material: Material, terms: int, count: int) -> list[str]:
    """Take that many different terms of a text each, in any order."""
    chance = random.Random(99 + terms)
    tokeniser = tokeniser_for("english")
    found: list[str] = []
    while len(found) < count:
        text = " ".join(chance.choice(material.texts)[:_ASKED_SENTENCES])
        words = list(dict.fromkeys(token.surface for token in tokeniser.tokens(text) if not token.stop and token.step))
        if len(words) >= terms:
            found.append(" ".join(chance.sample(words, terms)))
    return found


def real_questions(folders: Sequence[Path], count: int, seed: int = 5) -> list[tuple[str, Floats]]:
    """Draw queries of the collections with their embeddings."""
    asked = [
        (text, embedding)
        for collection in map(read_collection, folders)
        for text, embedding in zip(collection.queries.values(), collection.query_embeddings, strict=True)
    ]
    return random.Random(seed).sample(asked, min(count, len(asked)))
