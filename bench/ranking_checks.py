"""What is promised of ranking beside nDCG of the collections' own questions, through HTTP, on collections given.

    python -m bench.ranking_checks --output FILE COLLECTION …

- keyword search against the library bm25s with the same tokens;
- the share of questions whose first ten hits are the same for a candidate limit of 200 and of 1,000;
- what smoothing adds to a hybrid search in milliseconds: medians of calls that take turns, and the tenth percentiles,
  which a busy machine disturbs less;
- identifiers of the texts as questions, typed whole and in part, where every text with the whole is relevant;
- questions with one typo each, beside the same ones as they stand.

Collections have the format of `vector-search eval`; identifiers are asked for where a collection has a hundred.
"""

import argparse
import asyncio
import json
import random
import re
import string
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import bm25s
import httpx
import numpy as np

from app.evaluation.collections import Collection, read_collection
from app.evaluation.measures import NDCG, measure
from app.evaluation.searches import VARIANTS, Variant, index_collection, search_collection
from app.services.terms import tokeniser_for
from app.text.bm25 import K1, B
from bench.service import serving, to_base64

_SETTLE_SECONDS = 40.0
"""For the service to measure the average length and to weigh the chunks by it."""

_SAME_QUESTIONS = 200
_TIMED = 40
_IDENTIFIERS = 250
_FEWEST_IDENTIFIERS = 100
_MOST_TEXTS = 5
_TYPOS = 300
_SHORTEST_MISSPELT = 5

KEYWORD, DEFAULT = Variant("keyword", {"mode": "keyword"}), next(one for one in VARIANTS if one.name == "default")
_IDENTIFIER = re.compile(r"[A-Za-z]\w*(?:[-_./:]\w+)*")
_COMPOUND = re.compile(r"\w[-_./:]\w|[a-z][A-Z]")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


async def ndcg(http: httpx.AsyncClient, index: str, collection: Collection, variant: Variant = KEYWORD) -> float:
    """Search every question and measure."""
    values = measure(await search_collection(http, index, collection, variant), collection.judgements)
    return round(float(values[NDCG].mean()), 4)


def reference(collection: Collection) -> float:
    """Measure the library with the tokens of the service."""
    tokeniser = tokeniser_for("english")

    def tokens(text: str) -> list[str]:
        return [str(term) for term in tokeniser.terms(text).elements()]

    library = bm25s.BM25(method="lucene", k1=K1, b=B)
    bags = [tokens(one.get("title") or "") + tokens(one["content"]) for one in collection.documents]
    library.index(bags, show_progress=False)
    known = set(library.vocab_dict)
    run: dict[str, list[str]] = {}
    for name, text in collection.queries.items():
        asked = [token for token in tokens(text) if token in known]
        scores = library.get_scores(asked) if asked else np.zeros(len(bags))
        best = np.argsort(-scores, kind="stable")[:100]
        run[name] = [collection.documents[place]["id"] for place in best if scores[place] > 0]
    return round(float(measure(run, collection.judgements)[NDCG].mean()), 4)


async def stability(http: httpx.AsyncClient, index: str, collection: Collection) -> Mapping[str, float]:
    """Return the share of questions with the same first ten for both candidate limits."""
    kept = dict(list(collection.queries.items())[:_SAME_QUESTIONS])
    some = replace(collection, queries=kept)
    runs = [
        await search_collection(http, index, some, Variant("limit", {**DEFAULT.options, "candidate_limit": limit}))
        for limit in (200, 1000)
    ]
    return {"same_first_ten": float(np.mean([runs[0][name][:10] == runs[1][name][:10] for name in kept]))}


async def smoothing(http: httpx.AsyncClient, index: str, collection: Collection) -> Mapping[str, float]:
    """Return what smoothing adds, in milliseconds."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(3):
        for place, text in list(enumerate(collection.queries.values()))[:_TIMED]:
            sent = to_base64(collection.query_embeddings[place])
            for smooth in (turn % 2 == 0, turn % 2 == 1):
                body = {"index": index, "query": text, "embedding": sent, "limit": 10, "smoothing": smooth}
                began = perf_counter()
                (await http.post("/search", json=body)).raise_for_status()
                times[smooth].append((perf_counter() - began) * 1e3)
    return {
        name: round(float(np.percentile(times[True], at) - np.percentile(times[False], at)), 2)
        for name, at in (("smoothing_ms", 50), ("smoothing_ms_undisturbed", 10))
    }


def identifiers(collection: Collection) -> dict[str, set[str]]:
    """Draw names of several parts that few texts have, with those texts."""
    where: dict[str, set[str]] = defaultdict(set)
    for one in collection.documents:
        for name in set(_IDENTIFIER.findall(f"{one.get('title') or ''}. {one['content']}")):
            if _COMPOUND.search(name) and len(_PART.findall(name)) > 1:
                where[name].add(one["id"])
    pool = sorted(name for name, texts in where.items() if len(texts) <= _MOST_TEXTS)
    chosen = random.Random(11).sample(pool, min(_IDENTIFIERS, len(pool)))
    return {name: where[name] for name in chosen}


async def by_identifier(http: httpx.AsyncClient, index: str, collection: Collection) -> Mapping[str, float]:
    """Ask for identifiers, whole and in part."""
    where = identifiers(collection)
    if len(where) < _FEWEST_IDENTIFIERS:
        return {}
    judged = {name: dict.fromkeys(texts, 1) for name, texts in where.items()}
    typed = {
        "identifier_whole": {name: name for name in where},
        "identifier_last_two_words": {name: " ".join(_PART.findall(name)[-2:]) for name in where},
        "identifier_without_first_word": {name: " ".join(_PART.findall(name)[1:]) for name in where},
    }
    return {
        kind: await ndcg(http, index, replace(collection, queries=questions, judgements=judged))
        for kind, questions in typed.items()
    }


def misspelt(text: str, chance: random.Random) -> str:
    """Leave out, swap, replace or add a letter inside one longer word."""
    stop_words = tokeniser_for("english").language.stop_words
    words = text.split()
    places = [
        place
        for place, word in enumerate(words)
        if len(word) >= _SHORTEST_MISSPELT and word.isalpha() and word.lower() not in stop_words
    ]
    if not places:
        return text
    place = chance.choice(places)
    word = words[place]
    at = chance.randrange(1, len(word) - 1)
    letter = chance.choice(string.ascii_lowercase)
    edits = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + letter + word[at + 1 :],
        word[:at] + letter + word[at:],
    )
    words[place] = chance.choice(edits)
    return " ".join(words)


async def by_typo(http: httpx.AsyncClient, index: str, collection: Collection) -> Mapping[str, float]:
    """Ask questions as they stand, and with a typo each."""
    chance = random.Random(5)
    kept = dict(list(collection.queries.items())[:_TYPOS])
    judged = {name: collection.judgements[name] for name in kept if name in collection.judgements}
    clean = replace(collection, queries=kept, judgements=judged)
    bad = replace(clean, queries={name: misspelt(text, chance) for name, text in kept.items()})
    return {"questions": await ndcg(http, index, clean), "questions_with_typo": await ndcg(http, index, bad)}


async def by_keyword(http: httpx.AsyncClient, index: str, collection: Collection) -> Mapping[str, float]:
    """Search by keyword, with the service and with the library."""
    return {"keyword": await ndcg(http, index, collection), "keyword_by_bm25s": reference(collection)}


Check = Callable[[httpx.AsyncClient, str, Collection], Awaitable[Mapping[str, float]]]

CHECKS: Mapping[str, Check] = {
    "keyword": by_keyword,
    "stability": stability,
    "smoothing": smoothing,
    "typos": by_typo,
    "identifiers": by_identifier,
}


async def check(url: str, collection: Collection, names: Sequence[str]) -> dict[str, float]:
    """Index a collection, and check what is named."""
    index = f"checks-{collection.name}".lower()
    found: dict[str, float] = {}
    async with httpx.AsyncClient(base_url=url, timeout=120) as http:
        await index_collection(http, index, collection)
        await asyncio.sleep(_SETTLE_SECONDS)
        for name in names:
            found |= await CHECKS[name](http, index, collection)
    return found


def main() -> None:
    """Check every collection."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=[])
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="ranking-checks-") as name, serving(Path(name)) as service:
        for folder in given.folders:
            collection = read_collection(folder)
            report[collection.name] = asyncio.run(check(service.url, collection, given.only or list(CHECKS)))
            print(collection.name, json.dumps(report[collection.name], indent=1), flush=True)
    if given.output is not None:
        given.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
