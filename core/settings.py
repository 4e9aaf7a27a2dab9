"""The only reader of the environment: every setting, with its unit, default and meaning.

Everyone else receives values. Each field ``x`` is the variable ``ADOLOGY_X``; ``.env.example`` lists them all.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.adapters.s3_address import S3Address
from core.adapters.safe_address import is_safe_address
from core.adapters.sqs_address import SqsAddress
from core.errors import BadInputError

PROJECT = Path(__file__).resolve().parents[1]
_STORE_ADDRESSES: dict[str, type[S3Address] | type[SqsAddress]] = {"objects_url": S3Address, "queue_url": SqsAddress}
_SQS_LEAST_RECEIVES = 5  # it counts receives that nobody saw, too
_PSYCOPG2 = "postgresql+psycopg2://"
_RATE = r"^[1-9]\d{0,8}/(second|minute|hour|day)$"
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[1-9]\d{0,4})?|https?://\[[0-9a-f:]+\](:[1-9]\d{0,4})?")


class Settings(BaseSettings):
    """Settings of every process. Read once at start; frozen."""

    model_config = SettingsConfigDict(
        env_prefix="ADOLOGY_", env_file=PROJECT / ".env", validate_default=True, frozen=True, extra="ignore"
    )

    environment: str = Field(
        "local", description="Name of this copy of the system; 'production' refuses test-only settings."
    )
    home: Path = Field(Path(".adology"), description="Folder of the embedded stores, secrets and logs.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING, ERROR or CRITICAL.")
    log_json: bool = Field(False, description="JSON lines instead of text for people.")

    api_host: str = Field(
        "127.0.0.1",
        description="Address the daemon listens on. Off loopback it belongs behind TLS: set ADOLOGY_PUBLIC_URL.",
    )
    api_port: int = Field(8080, ge=0, le=65535, description="Port of the daemon.")
    workbench_port: int = Field(8501, ge=0, le=65535, description="Port of the workbench.")
    public_url: str = Field(
        "", description="Address under which clients reach the daemon; empty: http://<host>:<port>."
    )
    workbench_url: str = Field(
        "", description="Address under which people reach the workbench; empty: http://127.0.0.1:<port>."
    )
    allowed_origins: str = Field(
        "", description="Other sites whose pages may call the API with a key: exact origins, separated by commas."
    )
    rate_limit: str = Field(
        "600/minute", pattern=_RATE, description="API calls of one user or key: <number>/<second|minute|hour|day>."
    )
    rate_limit_writes: str = Field("120/minute", pattern=_RATE, description="Of these, calls that change something.")
    rate_limit_failed_sign_ins: str = Field(
        "30/minute", pattern=_RATE, description="Calls with no key or session that counts, from one address."
    )
    rate_limit_store: str = Field(
        "memory://",
        pattern=r"^(memory://|rediss?://.+)$",
        description="Where calls are counted: memory:// for each process on its own, redis://<host> for all together"
        " (needs the package redis).",
    )
    registry_url: str = Field("", description="Address of the registry for workers; empty: the daemon's own.")
    internal_token: SecretStr | None = Field(
        None, description="Token for registry and /notify; empty: made and kept in the secret store."
    )
    organisation: str = Field("local", min_length=1, description="Whom the command line works for.")
    session_hours: int = Field(336, ge=1, description="How long a sign-in lasts.")
    oidc_issuer: str = Field(
        "", description="Identity provider people may sign in with (OpenID Connect), https://…; empty: links only."
    )
    oidc_client_id: str = Field("", description="Our id at that provider.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Our secret there; empty: a public client, protected by PKCE."
    )
    oidc_name: str = Field("single sign-on", description="Name of the provider on the button.")
    socket_cap: int = Field(200, ge=1, description="WebSockets held at once; one more is refused.")

    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL (16 or newer) role that may create roles and databases; empty: the embedded server.",
    )
    database_app_url: SecretStr | None = Field(
        None, description="Role for pages and API; empty: derived from ADOLOGY_DATABASE_URL."
    )
    database_worker_url: SecretStr | None = Field(None, description="Role for workers; empty: derived.")
    database_operator_url: SecretStr | None = Field(None, description="Role for operators' figures; empty: derived.")
    database_pool_size: int = Field(15, ge=1, description="Connections per role and process.")

    queue_url: str = Field(
        "",
        description="Where the queues are: sqs://<region>/<prefix of their names>, ?endpoint=<URL> for a compatible"
        " server; empty: PostgreSQL.",
    )
    queue_visibility_seconds: int = Field(60, ge=1, le=43_200, description="How long a received message stays hidden.")
    queue_wait_seconds: float = Field(
        1.0,
        ge=0,
        le=20,
        description="How long a worker waits at an empty queue. On SQS each wait is a call that is paid: 15 is cheaper,"
        " and a stop takes as long.",
    )
    queue_max_receive_count: int = Field(
        5, ge=1, description="Deliveries before a message moves to the dead-letter queue."
    )
    gather_threads: int = Field(2, ge=1, le=64, description="Brands gathered at once per process.")
    worker_threads: int = Field(20, ge=1, le=64, description="URL messages handled at once per process.")
    ai_threads: int = Field(2, ge=1, le=64, description="Brands read at once per process; the text model takes a core.")
    request_threads: int = Field(2, ge=1, le=64, description="Exports written at once per process.")
    lease_seconds: int = Field(60, ge=1, description="How long a commit may take before another worker takes over.")
    run_deadline_seconds: int = Field(
        900, ge=1, description="Time without progress after which a run closes its missing items as failed."
    )
    sweep_seconds: float = Field(5.0, gt=0, description="Pause between sweeps (leases, deadlines, unsent outbox).")

    objects_url: str = Field(
        "",
        description="Where media and bundles lie: s3://<bucket>/<prefix>, with ?region=, &endpoint=<URL> and &kms_key=;"
        " empty: the home folder.",
    )
    documents_url: SecretStr | None = Field(
        None,
        description="Where shared raw documents lie: mongodb:// or mongodb+srv:// with a database's name; empty:"
        " PostgreSQL.",
    )

    media_max_bytes: int = Field(200_000_000, ge=1, description="Largest medium stored.")
    media_max_pixels: int = Field(40_000_000, ge=1, description="Largest image decoded, width × height.")
    media_link_seconds: int = Field(3600, ge=1, description="How long a signed /media link works.")
    similar_max_texts: int = Field(
        300_000, ge=1, description="Texts whose vectors a process holds to find similar ads, 1.5 kB each."
    )
    taxonomy: Path | None = Field(
        None, description="Folder of a taxonomy of your own; empty: the one that comes along."
    )
    fetch_allow_hosts: str = Field(
        "", description="host:port pairs that may be fetched although not public; tests only."
    )
    fetch_timeout_seconds: float = Field(30.0, gt=0, description="Whole time of one download.")

    image_reader_threads: int = Field(
        1, ge=0, description="Pictures read at once per process (OCR takes a core each); 0: another process reads them."
    )
    ai_providers: str = Field(
        "",
        pattern=r"^((openai|compatible|bedrock)(,(openai|compatible|bedrock))*)?$",
        description="Models that read ads, first choice first: openai, compatible, bedrock, separated by commas;"
        " empty: local methods alone.",
    )
    ai_concurrency: int = Field(8, ge=1, le=100, description="Calls to one provider at once per process.")
    ai_timeout_seconds: float = Field(60.0, gt=0, description="Whole time of one call to a model.")
    ai_budget_usd_per_day: float = Field(
        5.0,
        ge=0,
        description="What an organisation may spend on models a day (UTC), unless it has a budget of its own.",
    )
    openai_api_key: SecretStr | None = Field(None, description="Key of OpenAI.")
    openai_model: str = Field("", description="Model of OpenAI; needed with the provider openai.")
    openai_base_url: str = Field("", description="Another address of OpenAI's API; empty: its own.")
    compatible_base_url: str = Field(
        "", description="Server that speaks OpenAI's chat completions: Gemini, Ollama, vLLM …, http(s)://…/v1."
    )
    compatible_api_key: SecretStr | None = Field(None, description="Key of that server; empty: it asks for none.")
    compatible_is_local: bool = Field(
        False, description="That server runs on a machine of your own: its calls cost nothing, whatever it is called."
    )
    compatible_model: str = Field("", description="Model of that server; needed with the provider compatible.")
    bedrock_region: str = Field("", description="AWS region of Amazon Bedrock; needed with the provider bedrock.")
    bedrock_model: str = Field("", description="Model or inference profile that reads; needed with bedrock.")
    bedrock_text_embedding_model: str = Field("amazon.titan-embed-text-v2:0", description="Titan model for texts.")
    bedrock_image_embedding_model: str = Field("amazon.titan-embed-image-v1", description="Titan model for pictures.")
    bedrock_endpoint: str = Field("", description="Another address of Bedrock's runtime; empty: the region's.")

    crash_at: str = Field(
        "",
        pattern=r"^([a-z_.]+(:[1-9]\d*)?(:stop)?)?$",
        description="NAME or NAME:HIT of a crash point at which the process ends, as kill -9 would, or with :stop "
        "stands still; tests only.",
    )
    sample_market: bool = Field(True, description="Fill an empty system with the sample market on the first `up`.")
    sample_ads: int = Field(2_500, ge=10, description="Size of the sample market.")
    export_days: int = Field(7, ge=1, le=365, description="How long the file of an export is kept.")
    request_retention_hours: int = Field(24, ge=1, description="How long request events are kept for resuming sockets.")

    @field_validator("database_url", "database_app_url", "database_worker_url", "database_operator_url")
    @classmethod
    def _name_the_driver(cls, value: SecretStr | None) -> SecretStr | None:
        # SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3; the product ships psycopg2.
        if value is None or not value.get_secret_value():
            return None
        text = value.get_secret_value()
        for prefix in ("postgresql://", "postgres://"):
            if text.startswith(prefix):
                text = _PSYCOPG2 + text.removeprefix(prefix)
        if not text.startswith(_PSYCOPG2):
            raise ValueError("must start with postgresql://")
        return SecretStr(text)

    @field_validator("objects_url", "queue_url")
    @classmethod
    def _of_a_store(cls, value: str, info: ValidationInfo) -> str:
        name = str(info.field_name)
        try:
            if value:
                _STORE_ADDRESSES[name].parse(value)
        except BadInputError as error:
            variable = f"ADOLOGY_{name.upper()}"
            raise ValueError(str(error).removeprefix(variable).removeprefix(": ").strip()) from None
        return value

    @field_validator("internal_token", "documents_url", "oidc_client_secret", "openai_api_key", "compatible_api_key")
    @classmethod
    def _empty_is_none(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value is not None and value.get_secret_value() else None

    @field_validator("allowed_origins")
    @classmethod
    def _exact_origins(cls, value: str) -> str:
        for origin in _listed(value.lower()):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin: write https://app.example.com, without a path or a *")
        return value.lower()

    @field_validator("home")
    @classmethod
    def _of_the_project(cls, value: Path) -> Path:
        # The same home from whatever folder a command is started in.
        return (PROJECT / value.expanduser()).resolve()

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
            raise ValueError("must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
        return value.upper()

    @model_validator(mode="after")
    def _refuse_test_settings_in_production(self) -> Self:
        if self.environment == "production" and self.fetch_allow_hosts:
            raise ValueError("ADOLOGY_FETCH_ALLOW_HOSTS is for tests and refused in production: unset it")
        if self.environment == "production" and self.crash_at:
            raise ValueError("ADOLOGY_CRASH_AT is for tests and refused in production: unset it")
        return self

    @model_validator(mode="after")
    def _name_the_client(self) -> Self:
        if self.oidc_issuer and not is_safe_address(self.oidc_issuer):
            raise ValueError("ADOLOGY_OIDC_ISSUER must start with https://")
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("ADOLOGY_OIDC_CLIENT_ID is needed with ADOLOGY_OIDC_ISSUER: the provider gives it")
        return self

    @model_validator(mode="after")
    def _know_each_provider(self) -> Self:
        needed = {
            "openai": ("openai_api_key", "openai_model"),
            "compatible": ("compatible_base_url", "compatible_model"),
            "bedrock": ("bedrock_region", "bedrock_model"),
        }
        for provider in self.ai_provider_names:
            for name in needed[provider]:
                if not getattr(self, name):
                    raise ValueError(f"ADOLOGY_{name.upper()} is needed with the provider {provider}")
        return self

    @model_validator(mode="after")
    def _receive_often_enough(self) -> Self:
        if self.queue_url and self.queue_max_receive_count < _SQS_LEAST_RECEIVES:
            raise ValueError(f"ADOLOGY_QUEUE_MAX_RECEIVE_COUNT must be {_SQS_LEAST_RECEIVES} or more with SQS")
        return self

    @property
    def ai_provider_names(self) -> tuple[str, ...]:
        """Of ``ai_providers``, first choice first, each once."""
        return tuple(dict.fromkeys(name for name in self.ai_providers.split(",") if name))

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """The exact host:port pairs of ``fetch_allow_hosts``."""
        return _listed(self.fetch_allow_hosts)

    @property
    def origins_allowed(self) -> frozenset[str]:
        """The exact origins of ``allowed_origins``, in lower case as browsers send them."""
        return _listed(self.allowed_origins)

    @property
    def own_url(self) -> str:
        """Where this machine reaches the daemon that it runs."""
        return f"http://{bracketed(_reachable(self.api_host))}:{self.api_port}"

    @property
    def api_url(self) -> str:
        """Where clients and workers reach the daemon."""
        return self.public_url or self.own_url

    @property
    def workbench_address(self) -> str:
        """Where people reach the workbench."""
        return self.workbench_url.rstrip("/") or f"http://127.0.0.1:{self.workbench_port}"

    @property
    def registry_address(self) -> str:
        """Where workers reach the registry."""
        return self.registry_url or self.own_url


def bracketed(host: str) -> str:
    """An address as URLs write it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _reachable(host: str) -> str:
    """Who listens on every address listens on loopback, too."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004


def _listed(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def load_settings(**overrides: Any) -> Settings:
    """Read the environment (and ``.env``). Raises BadInputError with one line per wrong variable."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [_explain(item) for item in error.errors()]
        raise BadInputError("; ".join(lines)) from None  # the cause would repeat secret values


def _explain(item: Any) -> str:
    name = "ADOLOGY_" + "_".join(str(part) for part in item["loc"]).upper() if item["loc"] else "settings"
    return f"{name}: {item['msg'].removeprefix('Value error, ')}"


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a child process, with changes."""
    return {**os.environ, **changes}
