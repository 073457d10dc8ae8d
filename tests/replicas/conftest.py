"""One cluster per test: a test may break it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replicas.cluster import Cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A primary and two standbys."""
    place = Path(tempfile.mkdtemp(prefix="replicas-"))
    place.chmod(0o755)  # for the account that PostgreSQL runs under
    made = Cluster(place)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(place, ignore_errors=True)
