"""How long a full garbage collection holds requests up, before and after what lives as long as the process is frozen.

``python -m bench.collection_pauses``: milliseconds by the median of eleven, in a process that has the whole service.
"""

import gc
import json
from statistics import median
from time import perf_counter

from app.main import create_app
from app.settings import Settings

TIMES = 11


def pause() -> float:
    """Collect some times; return the median, in milliseconds."""
    taken: list[float] = []
    for _ in range(TIMES):
        began = perf_counter()
        gc.collect()
        taken.append((perf_counter() - began) * 1000)
    return round(median(taken), 2)


def main() -> None:
    """Measure and tell."""
    app = create_app(Settings(DATABASE_URL="postgresql://nobody@127.0.0.1:9/none"))  # nothing is connected
    app.openapi()
    before = pause()
    gc.freeze()
    print(json.dumps({"full_collection_ms": before, "frozen_ms": pause(), "objects": gc.get_freeze_count()}))


if __name__ == "__main__":
    main()
