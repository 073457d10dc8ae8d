"""Data that look like an organisation's documents: deterministic by seed, made once and kept.

Documents of ten chunks belong to topics of Zipfian size. Topic, document and chunk are nested Gaussian steps in a
space of 96 dimensions with a decaying spectrum, turned into the full dimension and overlaid with noise: like real
embeddings, the points fill few dimensions (maximum likelihood estimate about 6). Half of the queries are near
paraphrases of a chunk, half are near a topic.
"""

import hashlib
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

CHUNKS_PER_DOCUMENT = 10
QUERIES = 400
VERSION = 1
"""Counts up whenever the same seed makes other data."""

_LATENT = 96
_DECAY = 0.8
_DOCUMENT_SPREAD = 0.7
_CHUNK_SPREAD = 0.33
_NOISE = 0.12
_BLOCK = 20_000

_WORDS_PER_CHUNK = 60
_VOCABULARY = 30_000
_TOPIC_WORDS = 200
_SYLLABLES = tuple(a + b for a in "bdfgklmnprstvz" for b in "aeiou")


@dataclass(frozen=True)
class Recipe:
    """What a data set is made from.

    Parameters
    ----------
    size
        Chunks; a multiple of ten.
    dimension
        Numbers in an embedding; from 96 on.
    seed
        Of everything random.
    """

    size: int
    dimension: int = 768
    seed: int = 7

    def __post_init__(self) -> None:
        if self.dimension < _LATENT or self.size < 1_000 or self.size % CHUNKS_PER_DOCUMENT:
            raise ValueError(f"a data set has tens of chunks from 1,000 on, and from {_LATENT} dimensions on")

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return self.size // CHUNKS_PER_DOCUMENT

    @property
    def topics(self) -> int:
        """How many topics there are; at least 40 documents a topic on average, up to 500 topics."""
        return max(20, min(500, self.documents // 40))

    @property
    def key(self) -> str:
        """A name for what is made from it."""
        text = repr((VERSION, sorted(asdict(self).items())))
        return f"{self.size}x{self.dimension}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


class Dataset:
    """The data of a recipe, from a folder or made there.

    Parameters
    ----------
    recipe
        What to make.
    folder
        Where it is kept; made when it is not there.
    """

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe = recipe
        self.folder = folder
        if not (folder / "vectors.npy").exists():
            _make(recipe, folder)
        self.vectors: Floats = np.load(folder / "vectors.npy", mmap_mode="r")
        self.queries: Floats = np.load(folder / "queries.npy")
        self.topics: Ints = np.load(folder / "topics.npy")
        self.query_topics: Ints = np.load(folder / "query_topics.npy")

    @property
    def documents(self) -> int:
        """How many documents there are; document n owns chunks 10 n to 10 n + 9."""
        return self.recipe.documents

    def rng(self, *stream: int) -> np.random.Generator:
        """Return a generator of its own for a purpose."""
        return np.random.default_rng([self.recipe.seed, *stream])

    def texts(self, document: int) -> list[str]:
        """Return the texts of a document's chunks: words of the language, and a fifth of the topic."""
        rng = self.rng(1, document)
        shape = (CHUNKS_PER_DOCUMENT, _WORDS_PER_CHUNK)
        words = _zipf(rng, _VOCABULARY, shape)
        of_topic = rng.random(shape) < 0.2
        words[of_topic] = self._topic_words(int(self.topics[document]), rng, int(of_topic.sum()))
        return [" ".join(_word(int(word)) for word in row) for row in words]

    def question(self, query: int) -> str:
        """Return the words of a query: three of its topic and one of the language."""
        rng = self.rng(2, query)
        words = [*self._topic_words(int(self.query_topics[query]), rng, 3), *_zipf(rng, _VOCABULARY, (1,))]
        return " ".join(_word(int(word)) for word in words)

    @staticmethod
    def _topic_words(topic: int, rng: np.random.Generator, count: int) -> Ints:
        return _VOCABULARY + topic * _TOPIC_WORDS + _zipf(rng, _TOPIC_WORDS, (count,))

    @cached_property
    def access(self) -> "AccessLists":
        """Who may read what."""
        return AccessLists(self)


class AccessLists:
    """One access list per five documents, of 1 to 25 entries; one document in twenty is public."""

    def __init__(self, dataset: Dataset) -> None:
        rng = dataset.rng(3)
        self.principals = max(100, dataset.recipe.size // 2)
        count = max(20, dataset.documents // 5)
        self._entries = [rng.choice(self.principals, int(rng.integers(1, 26)), replace=False) for _ in range(count)]
        self.list_of = rng.integers(0, count, dataset.documents)
        self.public = rng.random(dataset.documents) < 0.05

    def entries(self, document: int) -> list[str]:
        """Return the entries of a document's list."""
        return [f"user_email:{entry}@example.com" for entry in self._entries[self.list_of[document]]]

    def reader(self, rng: np.random.Generator, count: int) -> list[str]:
        """Draw a reader with some number of entries; beyond the principals there are, they open nothing."""
        held = rng.choice(self.principals, min(count, self.principals), replace=False)
        strangers = [f"group:stranger-{number}" for number in range(count - len(held))]
        return [f"user_email:{entry}@example.com" for entry in held] + strangers

    def readable(self, reader: list[str]) -> NDArray[np.bool_]:
        """Return which documents a reader may read, one truth value per document."""
        held = {int(entry.removeprefix("user_email:").partition("@")[0]) for entry in reader if entry[0] == "u"}
        opened = np.array([not held.isdisjoint(entries.tolist()) for entries in self._entries])
        readable: NDArray[np.bool_] = opened[self.list_of] | self.public
        return readable


def cache_folder() -> Path:
    """Return where data are kept: outside the repository, and where a database's own user may enter."""
    return Path(os.environ.get("BENCH_CACHE", "/var/tmp/onyx-vector-search-bench"))  # noqa: S108  survives a reboot


def _make(recipe: Recipe, folder: Path) -> None:
    """Write the arrays of a recipe; vectors.npy comes last and says that all are there."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(recipe.seed)
    spectrum = np.arange(1, _LATENT + 1, dtype=np.float32) ** -_DECAY
    weights = 1.0 / np.arange(1, recipe.topics + 1)
    centres = rng.standard_normal((recipe.topics, _LATENT), dtype=np.float32) * spectrum
    topics = rng.choice(recipe.topics, recipe.documents, p=weights / weights.sum())
    turn = np.linalg.qr(rng.standard_normal((recipe.dimension, _LATENT)))[0].T.astype(np.float32)

    def near(latent: Floats, spread: float) -> Floats:
        step = rng.standard_normal(latent.shape, dtype=np.float32) * spectrum
        moved: Floats = (latent + np.float32(spread) * step).astype(np.float32, copy=False)
        return moved

    def observed(latent: Floats) -> Floats:
        noise = rng.standard_normal((len(latent), recipe.dimension), dtype=np.float32)
        points: Floats = _unit(latent) @ turn + np.float32(_NOISE / np.sqrt(recipe.dimension)) * noise
        return _unit(points)

    documents = near(centres[topics], _DOCUMENT_SPREAD)
    chunks = near(np.repeat(documents, CHUNKS_PER_DOCUMENT, axis=0), _CHUNK_SPREAD)
    asked = rng.choice(recipe.documents, QUERIES)
    half = QUERIES // 2
    paraphrased = near(chunks[asked[:half] * CHUNKS_PER_DOCUMENT], _CHUNK_SPREAD / 2)
    topical = near(centres[topics[asked[half:]]], _DOCUMENT_SPREAD / 2)
    np.save(folder / "topics.npy", topics)
    np.save(folder / "query_topics.npy", topics[asked])
    np.save(folder / "queries.npy", observed(np.concatenate([paraphrased, topical])))
    vectors = np.concatenate([observed(chunks[at : at + _BLOCK]) for at in range(0, len(chunks), _BLOCK)])
    np.save(folder / "making.npy", vectors)
    (folder / "making.npy").rename(folder / "vectors.npy")


def _unit(points: Floats) -> Floats:
    unit: Floats = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32, copy=False)
    return unit


def _zipf(rng: np.random.Generator, count: int, shape: tuple[int, ...]) -> Ints:
    """Draw ranks from 0 with probability falling as 1 / (rank + 1), by inversion."""
    ranks: Ints = np.minimum(np.exp(rng.random(shape) * np.log(count + 1)).astype(np.int64) - 1, count - 1)
    return ranks


def _word(number: int) -> str:
    """Spell a number in syllables, as the tokeniser of no language would cut it."""
    base = len(_SYLLABLES)
    spelt = _SYLLABLES[number % base] + _SYLLABLES[number // base % base]
    return spelt + _SYLLABLES[number // base // base % base] + "x"
