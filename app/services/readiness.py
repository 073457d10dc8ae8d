"""Can this service answer, and if not, why."""

from dataclasses import dataclass

from app.domain.diagnosis import OLDEST_PGVECTOR, SAFE_PGVECTOR
from app.domain.errors import NotReadyError, ServiceError
from app.observability import metrics
from app.storage.operations import OperationsRepository
from app.storage.revisions import known_revisions, newest_revision


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found; ``warnings`` do not keep the service from answering."""

    postgres_version: int
    pgvector_version: str
    schema_revision: str
    read_only: bool
    warnings: tuple[str, ...]


class ReadinessService:
    """Asks the database; liveness does not."""

    def __init__(self, operations: OperationsRepository) -> None:
        self._operations = operations
        self.prepared = False
        """Whether the default index exists and caches are warm; set by the start-up."""

    async def check(self) -> Readiness:
        """Return what the service stands on.

        Raises
        ------
        NotReadyError
            The schema is missing or older than this code needs, or the service is still starting.
        DependencyError
            The database does not answer.
        """
        try:
            readiness = await self.check_database()
            if not self.prepared:
                raise NotReadyError("The service is still starting.")
        except ServiceError:
            metrics.READY.set(0)
            raise
        metrics.READY.set(1)
        return readiness

    async def check_database(self) -> Readiness:
        """The same without regard to the start-up."""
        state = await self._operations.server_state()
        if state.pgvector_version is None or state.schema_revision is None:
            raise NotReadyError("The schema is not there: run `vector-search migrate`.")
        version = tuple(int(part) for part in state.pgvector_version.split("."))
        if version < OLDEST_PGVECTOR:
            raise NotReadyError(f"pgvector {state.pgvector_version} is too old: 0.8.0 or later is needed.")
        needed = newest_revision()
        # A revision this code does not know was made by a newer release, which keeps the older ones working.
        if state.schema_revision != needed and state.schema_revision in known_revisions():
            raise NotReadyError(
                f"The schema is at revision {state.schema_revision}, this release needs {needed}: "
                "run `vector-search migrate`."
            )
        warnings = []
        if version < SAFE_PGVECTOR:
            warnings.append(f"pgvector {state.pgvector_version} has a vacuum bug in HNSW; 0.8.4 mends it")
        if state.read_only:
            warnings.append("the database takes no writes now")
        return Readiness(
            state.postgres_version,
            state.pgvector_version,
            state.schema_revision,
            state.read_only,
            tuple(warnings),
        )
