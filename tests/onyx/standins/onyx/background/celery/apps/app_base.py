"""What all workers do at their start."""

DISABLE_VECTOR_DB = False
waited: list[str] = []


class WorkerShutdown(Exception):
    """The worker gives up."""


def wait_for_document_index_or_shutdown() -> None:
    waited.append("previous engine")
