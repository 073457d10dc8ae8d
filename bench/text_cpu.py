"""Processor time of tokenising and highlighting, for chunks of 850 characters of collections' texts.

    python -m bench.text_cpu COLLECTION …

"New" is the first time that a process meets the texts, "known" the second: median and range of rounds that each begin
with empty caches. Of new texts each thousand is told apart, since the caches fill as it goes.
Tokenising is what the service does when it indexes, without the database. Chinese is made up: words of one to three
characters by Zipf's law, since the collections have none. Phrases are three neighbouring words of the text itself.
"""

import argparse
import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from statistics import median
from time import process_time

from app.evaluation.collections import read_collection
from app.services.vocabulary import Stretches
from app.text.highlights import highlight
from app.text.phrases import ParsedQuery, parse_query
from app.text.tokeniser import Tokeniser

CHARACTERS = 850
_MOST = 4_000
_ROUNDS = 7
_TOLD_APART = 1_000
_CHARACTERS_IN_USE, _WORDS_IN_USE, _WORDS_OF_A_SENTENCE = 3_000, 30_000, 11


def cut(texts: Sequence[str]) -> list[str]:
    """Cut texts, one after another, into chunks."""
    whole = "\n".join(texts)
    return [whole[at : at + CHARACTERS] for at in range(0, len(whole) - CHARACTERS + 1, CHARACTERS)][:_MOST]


def chinese(count: int) -> list[str]:
    """Make chunks of Chinese characters."""
    chance = random.Random(3)
    characters = [chr(0x4E00 + place) for place in chance.sample(range(0x5000), _CHARACTERS_IN_USE)]
    zipf = list(accumulate(1 / (place + 3) for place in range(_WORDS_IN_USE)))
    words = [
        "".join(chance.choices(characters, cum_weights=zipf[:_CHARACTERS_IN_USE], k=chance.choice((1, 2, 2, 2, 3))))
        for _ in range(_WORDS_IN_USE)
    ]
    sentences = [
        "".join(chance.choices(words, cum_weights=zipf, k=_WORDS_OF_A_SENTENCE)) + "。" for _ in range(count * 50)
    ]
    return cut(["".join(sentences)])[:count]


def phrases(chunks: Sequence[str], tokeniser: Tokeniser) -> list[tuple[str, ParsedQuery]]:
    """Draw a phrase of each chunk."""
    chance = random.Random(1)
    drawn = []
    for chunk in chunks:
        words = chunk.replace('"', " ").split()
        at = chance.randrange(max(1, len(words) - 3))
        query = parse_query(f'"{" ".join(words[at : at + 3])}"', tokeniser)
        if query.phrases:
            drawn.append((chunk, query))
    return drawn


def show(what: str, chunks: int, begin: Callable[[], Callable[[], object]]) -> None:
    """Run work on some chunks, begun anew for each round, twice a round."""
    new, known = [], []
    for _ in range(_ROUNDS):
        work = begin()
        new.append(taken(work, chunks))
        known.append(taken(work, chunks))
    print(f"{what:40} new {told(new)}   known {told(known)} µs a chunk", flush=True)


def taken(work: Callable[[], object], chunks: int) -> float:
    """Return the processor time of work on some chunks, in µs a chunk."""
    began = process_time()
    work()
    return (process_time() - began) / chunks * 1e6


def told(figures: Sequence[float]) -> str:
    """Write a median and a range."""
    return f"{median(figures):4.0f} ({min(figures):.0f}-{max(figures):.0f})"


def tokenise(what: str, language: str, chunks: Sequence[str]) -> None:
    """Time what indexing does."""

    def begin() -> Callable[[], object]:
        return partial(index, Stretches(Tokeniser(language)), chunks)

    show(f"tokenising, {what}", len(chunks), begin)
    thousands = [chunks[at : at + _TOLD_APART] for at in range(0, len(chunks), _TOLD_APART)]
    rounds = []
    for _ in range(_ROUNDS):
        stretches = Stretches(Tokeniser(language))
        rounds.append([taken(partial(index, stretches, some), len(some)) for some in thousands])
    print("  each thousand when new: " + ", ".join(map(told, zip(*rounds, strict=True))), flush=True)


def index(stretches: Stretches, chunks: Sequence[str]) -> None:
    """Tokenise chunks."""
    for chunk in chunks:
        stretches.bag(chunk)


def mark(what: str, chunks: Sequence[str]) -> None:
    """Time highlights."""
    drawn = [
        (text, dict.fromkeys(query.frequencies, 1.0), query.phrases) for text, query in phrases(chunks, Tokeniser())
    ]

    def of_words() -> Callable[[], object]:
        tokeniser = Tokeniser()
        return lambda: [highlight(text, tokeniser, held) for text, held, _ in drawn]

    def of_phrases() -> Callable[[], object]:
        tokeniser = Tokeniser()
        return lambda: [highlight(text, tokeniser, held, sought) for text, held, sought in drawn]

    show(f"highlights of words, {what}", len(drawn), of_words)
    show(f"highlights of a phrase, {what}", len(drawn), of_phrases)


def main() -> None:
    """Time everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    for folder in parser.parse_args().folders:
        chunks = cut([document["content"] for document in read_collection(folder).documents])
        tokenise(folder.name, "english", chunks)
        mark(folder.name, chunks[:1_000])
    tokenise("Chinese", "chinese", chinese(1_000))


if __name__ == "__main__":
    main()
