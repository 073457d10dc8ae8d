"""Settings: read from the environment once, by the roots, and passed on as values.

The field order is that of docs/settings.md and of the Helm values; a test compares names and defaults.
"""

import os
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.key_settings import ApiKeySetting, IndexName, secret_of
from app.storage.transport import dsn_with_tls

PREFIXES = ("VECTOR_DB_", "VECTOR_SEARCH_")

_SHORTEST_SECRET = 32


OidcAlgorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class Settings(BaseSettings):
    """One frozen set of settings. An unknown variable with one of our prefixes stops the start."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    database_url: SecretStr | None = Field(
        None, validation_alias="DATABASE_URL", description="PostgreSQL DSN; overrides the VECTOR_DB_ parts."
    )
    search_database_url: SecretStr | None = Field(
        None,
        validation_alias="SEARCH_DATABASE_URL",
        description="PostgreSQL DSN of the servers that searches go to, hosts by commas; else the primary's.",
    )
    db_type: Literal["pgvector"] = Field("pgvector", validation_alias="VECTOR_DB_TYPE", description="Always pgvector.")
    db_host: str | None = Field(
        None,
        validation_alias="VECTOR_DB_HOST",
        description="PostgreSQL host. Without it and DATABASE_URL, an embedded PostgreSQL is started.",
    )
    db_port: int = Field(5432, validation_alias="VECTOR_DB_PORT", ge=1, le=65535, description="PostgreSQL port.")
    db_name: str = Field("postgres", validation_alias="VECTOR_DB_NAME", description="Database name.")
    db_user: str = Field("postgres", validation_alias="POSTGRES_USER", description="Database user.")
    db_password: SecretStr = Field(SecretStr(""), validation_alias="POSTGRES_PASSWORD", description="Its password.")
    db_sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = Field(
        None,
        validation_alias="VECTOR_DB_SSLMODE",
        description="TLS to PostgreSQL, unless the DSN says so; verify-full on another machine, else prefer.",
    )
    db_sslrootcert: Path | None = Field(
        None,
        validation_alias="VECTOR_DB_SSLROOTCERT",
        description="Authorities that may vouch for PostgreSQL's certificate (PEM); those of the system when left out.",
    )
    default_index: IndexName = Field(
        "documents", validation_alias="VECTOR_DB_TABLE", description="The index of requests that name none."
    )
    default_dimension: int = Field(
        384,
        validation_alias="VECTOR_DB_EMBEDDING_DIMENSION",
        ge=1,
        le=4000,
        description="Its embedding dimension.",
    )
    data_dir: Path = Field(Path("data"), validation_alias="DATA_DIR", description="Folder of the embedded PostgreSQL.")
    embedded_version: Literal[16, 18] = Field(
        18,
        validation_alias="VECTOR_SEARCH_EMBEDDED_VERSION",
        description="Version of the embedded PostgreSQL.",
    )
    host: str = Field("127.0.0.1", validation_alias="VECTOR_SEARCH_HOST", description="Address to listen on.")
    port: int = Field(8080, validation_alias="PORT", ge=0, le=65535, description="Port to listen on.")
    workers: int = Field(
        1,
        validation_alias="VECTOR_SEARCH_WORKERS",
        ge=1,
        le=64,
        description="Processes; about one per three cores.",
    )
    api_keys: tuple[SecretStr | ApiKeySetting, ...] = Field(
        (),
        validation_alias="VECTOR_SEARCH_API_KEYS",
        description="JSON list of keys, each a text that may do everything or an object that says what it may do.",
    )
    allow_anonymous: bool = Field(
        default=False,
        validation_alias="VECTOR_SEARCH_ALLOW_ANONYMOUS",
        description="Whether other machines are answered too where no key is configured.",
    )
    token_secrets: tuple[SecretStr, ...] = Field(
        (),
        validation_alias="VECTOR_SEARCH_TOKEN_SECRETS",
        description="JSON list of secrets of at least 32 characters for search tokens: the first signs, all are read.",
    )
    oidc_issuer: str | None = Field(
        None,
        validation_alias="VECTOR_SEARCH_OIDC_ISSUER",
        description="Identity provider whose access tokens are taken, such as https://id.example.com.",
    )
    oidc_audience: str | None = Field(
        None, validation_alias="VECTOR_SEARCH_OIDC_AUDIENCE", description="The audience its tokens must be for."
    )
    oidc_algorithms: tuple[OidcAlgorithm, ...] = Field(
        ("RS256", "ES256"),
        validation_alias="VECTOR_SEARCH_OIDC_ALGORITHMS",
        description="JSON list of the algorithms its tokens may be signed by.",
    )
    oidc_jwks_url: str | None = Field(
        None,
        validation_alias="VECTOR_SEARCH_OIDC_JWKS_URL",
        description="Where its keys are; found by discovery when left out.",
    )
    oidc_scopes_claim: str = Field(
        "scope",
        validation_alias="VECTOR_SEARCH_OIDC_SCOPES_CLAIM",
        description="The claim that holds scopes such as vector-search:read.",
    )
    oidc_tenants_claim: str = Field(
        "tenants",
        validation_alias="VECTOR_SEARCH_OIDC_TENANTS_CLAIM",
        description="The claim that holds the tenants, * for all.",
    )
    rate_limit: float = Field(
        0.0,
        validation_alias="VECTOR_SEARCH_RATE_LIMIT",
        ge=0,
        description="Requests a second that each key may make, per process; more are refused with 429. 0 limits none.",
    )
    rate_burst: int = Field(
        100,
        validation_alias="VECTOR_SEARCH_RATE_BURST",
        ge=1,
        description="Requests that a key may make at once before that limit holds.",
    )
    search_connections: int = Field(
        max(4, 2 * (os.cpu_count() or 2)),
        validation_alias="VECTOR_SEARCH_SEARCH_CONNECTIONS",
        ge=1,
        le=500,
        description="Database connections for reading, per process.",
    )
    write_connections: int = Field(
        4,
        validation_alias="VECTOR_SEARCH_WRITE_CONNECTIONS",
        ge=2,
        le=500,
        description="Database connections for writing, per process.",
    )
    statement_timeout: float = Field(
        30.0,
        validation_alias="VECTOR_SEARCH_STATEMENT_TIMEOUT",
        gt=0,
        le=600,
        description="Seconds a statement may take.",
    )
    pool_timeout: float = Field(
        5.0,
        validation_alias="VECTOR_SEARCH_POOL_TIMEOUT",
        gt=0,
        le=60,
        description="Seconds a request waits for a database connection before it is refused with 503.",
    )
    max_replica_lag: float = Field(
        10.0,
        validation_alias="VECTOR_SEARCH_MAX_REPLICA_LAG",
        gt=0,
        le=3600,
        description="Seconds a standby may be behind and still be searched.",
    )
    warm_up: bool = Field(
        default=True,
        validation_alias="VECTOR_SEARCH_WARM_UP",
        description="Whether connections are opened and searches tried before the service says that it is ready.",
    )
    max_body_bytes: int = Field(
        128 * 1024 * 1024,
        validation_alias="VECTOR_SEARCH_MAX_BODY_BYTES",
        ge=1024,
        description="Largest request body, after decompression.",
    )
    max_concurrent_requests: int = Field(
        64,
        validation_alias="VECTOR_SEARCH_MAX_CONCURRENT_REQUESTS",
        ge=1,
        description="Requests under way per process; more are refused with 503.",
    )
    max_waiting_writes: int = Field(
        32,
        validation_alias="VECTOR_SEARCH_MAX_WAITING_WRITES",
        ge=0,
        description="Writes that wait for a connection, per process; more are refused with 503.",
    )
    max_waiting_searches: int = Field(
        32,
        validation_alias="VECTOR_SEARCH_MAX_WAITING_SEARCHES",
        ge=0,
        description="Searches that wait for a connection, per process; more are refused with 503.",
    )
    ef_search: int = Field(
        100,
        validation_alias="VECTOR_SEARCH_EF_SEARCH",
        ge=10,
        le=1000,
        description="HNSW candidates of a search until recall is measured.",
    )
    ann_threshold: int = Field(
        20_000,
        validation_alias="VECTOR_SEARCH_ANN_THRESHOLD",
        ge=0,
        description="Chunks from which on an index gets an HNSW graph; below, exact search is faster.",
    )
    ann_m: int = Field(16, validation_alias="VECTOR_SEARCH_ANN_M", ge=2, le=100, description="HNSW m.")
    ann_ef_construction: int = Field(
        100,
        validation_alias="VECTOR_SEARCH_ANN_EF_CONSTRUCTION",
        ge=4,
        le=1000,
        description="HNSW ef_construction.",
    )
    maintenance_interval: float = Field(
        10.0,
        validation_alias="VECTOR_SEARCH_MAINTENANCE_INTERVAL",
        gt=0,
        description="Seconds between looks at what is due.",
    )
    idempotency_seconds: float = Field(
        3600.0,
        validation_alias="VECTOR_SEARCH_IDEMPOTENCY_SECONDS",
        ge=60,
        description="Seconds for which a write under an idempotency key is answered as at first.",
    )
    tombstone_seconds: float = Field(
        604_800.0,
        validation_alias="VECTOR_SEARCH_TOMBSTONE_SECONDS",
        ge=60,
        description="Seconds for which a document deleted with a version is kept from coming back in an older one.",
    )
    embedding_api_base: str | None = Field(
        None,
        validation_alias="EMBEDDING_API_BASE",
        description="OpenAI-compatible endpoint, such as http://litellm:4000/v1, for text without an embedding.",
    )
    embedding_api_key: SecretStr | None = Field(None, validation_alias="EMBEDDING_API_KEY", description="Its key.")
    embedding_model: str = Field(
        "text-embedding-3-small", validation_alias="EMBEDDING_MODEL", description="The model asked for."
    )
    embedding_timeout: float = Field(
        30.0, validation_alias="EMBEDDING_TIMEOUT", gt=0, le=600, description="Seconds a call of it may take."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="LOG_LEVEL", description="Least level that is logged."
    )
    log_format: Literal["json", "text"] = Field(
        "json", validation_alias="VECTOR_SEARCH_LOG_FORMAT", description="json, or text for people."
    )

    slow_query_seconds: float = Field(
        1.0,
        validation_alias="VECTOR_SEARCH_SLOW_QUERY_SECONDS",
        ge=0,
        description="Seconds from which on a statement is logged as slow; 0 logs none.",
    )
    slow_query_plan: bool = Field(
        default=False,
        validation_alias="VECTOR_SEARCH_SLOW_QUERY_PLAN",
        description="Whether the plan of a slow statement is logged too; it is explained, not run again.",
    )
    otlp_endpoint: str | None = Field(
        None,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Where traces go, such as http://otel-collector:4318 (OTLP over HTTP); without it there are none.",
    )

    @model_validator(mode="after")
    def _refuse_unknown_variables(self) -> Self:
        known = {str(field.validation_alias) for field in type(self).model_fields.values()}
        unknown = sorted(name for name in os.environ if name.startswith(PREFIXES) and name not in known)
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)} (docs/settings.md lists them all)")
        return self

    @model_validator(mode="after")
    def _check_identities(self) -> Self:
        if any(not secret_of(key) for key in self.api_keys if not isinstance(key, ApiKeySetting)):
            raise ValueError("VECTOR_SEARCH_API_KEYS has an empty key")
        if any(len(secret_of(secret)) < _SHORTEST_SECRET for secret in self.token_secrets):
            raise ValueError(f"VECTOR_SEARCH_TOKEN_SECRETS need {_SHORTEST_SECRET} characters each")
        if (self.oidc_issuer is None) != (self.oidc_audience is None):
            raise ValueError("VECTOR_SEARCH_OIDC_ISSUER and VECTOR_SEARCH_OIDC_AUDIENCE go together")
        return self

    @property
    def wants_embedded(self) -> bool:
        """Whether no database is named, so that one must be started."""
        return self.database_url is None and self.db_host is None


def database_dsn(settings: Settings) -> str:
    """Return the DSN of the database that is named; of one on another machine it says that TLS is verified.

    Raises
    ------
    ValueError
        None is.
    """
    if settings.database_url is not None:
        dsn = settings.database_url.get_secret_value()
    elif settings.db_host is None:
        raise ValueError("name a database: DATABASE_URL, or VECTOR_DB_HOST and its fellows")
    else:
        user, password = quote(settings.db_user, safe=""), quote(settings.db_password.get_secret_value(), safe="")
        host = quote(settings.db_host, safe="[]:,")
        dsn = f"postgresql://{user}:{password}@{host}:{settings.db_port}/{quote(settings.db_name, safe='')}"
    return dsn_with_tls(dsn, settings.db_sslmode, settings.db_sslrootcert)
