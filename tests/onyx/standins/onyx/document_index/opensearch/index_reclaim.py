"""What drops the data of a model no longer in use."""

from enum import StrEnum

from onyx.document_index.interfaces_new import TenantState


class ReclaimOutcome(StrEnum):
    """Whether anything is left."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


def reclaim_index_data(index_name: str, tenant_state: TenantState) -> ReclaimOutcome:
    return ReclaimOutcome.INCOMPLETE
