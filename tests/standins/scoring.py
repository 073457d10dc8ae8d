"""How the engines score, worked out anew from their documentation: small, slow, and nothing of the service's own."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import acos, log

import numpy as np

K1, B = 1.2, 0.75
Scores = dict[str, float]


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


class Field:
    """BM25 over one field of all rows, as Lucene has it."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.words = {key: words_of(text) for key, text in texts.items()}
        self._found_in = Counter(word for words in self.words.values() for word in set(words))
        self._average = sum(map(len, self.words.values())) / max(1, len(self.words))

    def match(self, query: Sequence[str]) -> Scores:
        """Score the rows that have a word of it."""
        scores: Scores = {}
        for key, words in self.words.items():
            counts = Counter(words)
            if score := sum(self._idf(word) * self._saturated(counts[word], len(words)) for word in query):
                scores[key] = score
        return scores

    def match_phrase(self, query: Sequence[str], slop: int = 1) -> Scores:
        """Score the rows that have the words in this order, with so many others between them."""
        idf = sum(map(self._idf, query))
        found = {key: _phrases(words, query, slop) for key, words in self.words.items()}
        return {
            key: idf * self._saturated(count, len(self.words[key])) for key, count in found.items() if count and query
        }

    def _idf(self, word: str) -> float:
        found_in = self._found_in[word]
        return log(1 + (len(self.words) - found_in + 0.5) / (found_in + 0.5))

    def _saturated(self, count: int, length: int) -> float:
        return count * (K1 + 1) / (count + K1 * (1 - B + B * length / self._average))


def cosines(vectors: Mapping[str, Sequence[float]], query: Sequence[float]) -> Scores:
    asked = np.array(query, dtype=np.float64)
    scores: Scores = {}
    for key, values in vectors.items():
        vector = np.array(values, dtype=np.float64)
        if vector.shape == asked.shape:
            scores[key] = float(vector @ asked / (np.linalg.norm(vector) * np.linalg.norm(asked) or 1.0))
    return scores


def closeness(cosine: float) -> float:
    """Vespa's, of the angular distance."""
    return 1 / (1 + acos(max(-1.0, min(1.0, cosine))))


def total(*weighted: tuple[float, Scores]) -> Scores:
    scores: Scores = {}
    for weight, part in weighted:
        for key, score in part.items():
            scores[key] = scores.get(key, 0.0) + weight * score
    return scores


def min_max(scores: Scores, floor: float = 0.0) -> Scores:
    """Scale to 0 to 1; the lowest gets the floor, and all get 1 if they are equal."""
    low, high = min(scores.values(), default=0.0), max(scores.values(), default=0.0)
    if low == high:
        return dict.fromkeys(scores, 1.0)
    return {key: max((score - low) / (high - low), floor) for key, score in scores.items()}


def best(scores: Scores, number: int) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:number]


def _phrases(words: Sequence[str], query: Sequence[str], slop: int) -> int:
    return sum(_follows(words, start, query, slop) for start, word in enumerate(words) if query and word == query[0])


def _follows(words: Sequence[str], start: int, query: Sequence[str], slop: int) -> bool:
    place, left = start, slop
    for word in query[1:]:
        between = words[place + 1 : place + 2 + left]
        if word not in between:
            return False
        left -= between.index(word)
        place += 1 + between.index(word)
    return True
