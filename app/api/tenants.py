"""What a tenant may be called."""

import re

from app.domain.errors import Flaw, InvalidTenantError

_TENANT = re.compile(r"[A-Za-z0-9_.\-]{1,150}")


def checked_tenant(tenant_id: str) -> str:
    """Return the name of a tenant.

    Raises
    ------
    InvalidTenantError
        No tenant can have that name.
    """
    if not _TENANT.fullmatch(tenant_id):
        raise InvalidTenantError(
            "A tenant has 1 to 150 letters, digits, dots, hyphens and underscores.",
            [Flaw("", "pattern", "No tenant can have this name.", "X-Tenant-ID")],
        )
    return tenant_id
