"""How people are spelt in the index."""

from onyx.connectors.models import BasicExpertInfo


def get_experts_stores_representations(experts: list[BasicExpertInfo] | None) -> list[str] | None:
    return [expert.email for expert in experts] if experts else None
