"""Everything that can go wrong, without a word about HTTP.

``code`` is stable: clients match on it, docs/problems.md lists it, app/api/problems.py gives it a status.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong with a request: where (RFC 6901 pointer into the body, or a parameter), and what."""

    pointer: str
    code: str
    detail: str
    parameter: str | None = None
    """The name of the query or path parameter or header, where it is not the body."""


class ServiceError(Exception):
    """The root of all errors this service raises on purpose."""

    code = "internal"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidRequestError(ServiceError):
    """The request is well-formed and means nothing; nothing was done."""

    code = "invalid_request"

    def __init__(self, detail: str, flaws: Sequence[Flaw] = ()) -> None:
        super().__init__(detail)
        self.flaws = tuple(flaws)


class EmbeddingDimensionError(InvalidRequestError):
    """An embedding has not as many numbers as its index."""

    code = "embedding_dimension_mismatch"


class EmbeddingMissingError(InvalidRequestError):
    """Text came without an embedding, and no endpoint is configured that would make one."""

    code = "embedding_missing"


class AccessListMissingError(InvalidRequestError):
    """The index is under access control and the request does not say on whose behalf it comes."""

    code = "access_control_list_required"


class InvalidTenantError(InvalidRequestError):
    """The tenant header names no possible tenant."""

    code = "invalid_tenant"


class UnstorableError(InvalidRequestError):
    """PostgreSQL will not hold it: too large for one of its types, or out of a type's range."""

    code = "unstorable"


class IdempotencyKeyReusedError(InvalidRequestError):
    """Another request came under the same idempotency key."""

    code = "idempotency_key_reused"


class IdempotencyKeyInUseError(ServiceError):
    """The first request under an idempotency key has not ended."""

    code = "idempotency_key_in_use"


class TenantNotFoundError(ServiceError):
    """No index belongs to the tenant."""

    code = "tenant_not_found"


class IndexNotFoundError(ServiceError):
    """The tenant has no such index."""

    code = "index_not_found"


class IndexMismatchError(ServiceError):
    """An index of this name exists and is another one."""

    code = "index_mismatch"


class DocumentNotFoundError(ServiceError):
    """The index has no such document."""

    code = "document_not_found"


class PreconditionFailedError(ServiceError):
    """The document is not as the request expects it to be."""

    code = "precondition_failed"


class UploadNotFoundError(ServiceError):
    """No part of such an upload is here."""

    code = "upload_not_found"


class UploadIncompleteError(ServiceError):
    """A commit came before all parts did."""

    code = "upload_incomplete"


class UnauthorisedError(ServiceError):
    """No key came, or one that is not known."""

    code = "unauthorised"


class ForbiddenError(ServiceError):
    """The key is known and does not allow this."""

    code = "forbidden"


class TokensDisabledError(ServiceError):
    """No secret is configured that search tokens could be signed with."""

    code = "tokens_disabled"


class RateLimitedError(ServiceError):
    """A key makes more requests than it may; ``retry_after`` in seconds."""

    code = "rate_limited"

    def __init__(self, detail: str, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class OverloadedError(ServiceError):
    """More requests are under way than the service will hold; try again."""

    code = "overloaded"


class DependencyError(ServiceError):
    """Something this service stands on does not answer as it should."""

    code = "dependency_failed"


class DatabaseUnavailableError(DependencyError):
    """PostgreSQL cannot be reached, or has no connection free."""

    code = "database_unavailable"


class TablesBusyError(DatabaseUnavailableError):
    """Tables that had to be had alone were in use."""


class DatabaseReadOnlyError(DependencyError):
    """PostgreSQL takes no writes now: a standby, or a read-only transaction default."""

    code = "database_read_only"


class DatabaseFullError(DependencyError):
    """PostgreSQL has no room left."""

    code = "database_full"


class QueryTimeoutError(DependencyError):
    """PostgreSQL took longer than the statement limit."""

    code = "query_timeout"


class DeadlineError(QueryTimeoutError):
    """A search took longer than its caller waits."""


class EmbeddingUnavailableError(DependencyError):
    """The embeddings endpoint does not answer as it should."""

    code = "embedding_unavailable"


class IdentityUnavailableError(DependencyError):
    """The identity provider's keys cannot be had."""

    code = "identity_unavailable"


class NotReadyError(DependencyError):
    """The service cannot do its work yet."""

    code = "not_ready"


class ConfigurationError(ServiceError):
    """The settings contradict each other or what is stored; the service does not start."""

    code = "configuration"
