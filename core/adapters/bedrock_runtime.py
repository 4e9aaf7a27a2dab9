"""Calls to Amazon Bedrock: one client for every thread, few retries, and a pool of threads behind async code."""

from __future__ import annotations

import asyncio
import contextvars
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Final, TypeVar

from boto3 import Session
from botocore.config import Config
from PIL import Image

from core.adapters.bedrock_errors import bedrock_errors
from core.adapters.vendor_answers import as_documented
from core.errors import BadInputError, UnansweredError
from core.observability.external_calls import external_call
from core.ports import ModelImage

T = TypeVar("T")
_CONNECT_SECONDS: Final = 5.0
_SLOW_SECONDS: Final = 30.0


class BedrockRuntime:
    """``bedrock-runtime`` of one region; credentials as AWS's library finds them. Connects to nothing yet."""

    def __init__(
        self, region: str, *, endpoint: str = "", timeout_seconds: float, connections: int, attempts: int = 1
    ) -> None:
        """``connections``: calls at once. ``attempts``: in all, where nobody above asks again."""
        self._region, self._endpoint = region, endpoint
        self._timeout_seconds, self._connections, self._attempts = timeout_seconds, connections, attempts
        self._making = threading.Lock()

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        """``converse`` or ``invoke_model``, whose body comes read. Blocks. Raises the errors of ``bedrock_errors``."""
        client = self._made_client()
        target = self._endpoint or self._region
        with (
            external_call("bedrock", operation, target=target, slow_after_seconds=_SLOW_SECONDS) as call,
            bedrock_errors(call),
            as_documented("bedrock"),  # the library, too, trips over what it didn't expect
        ):
            answer: dict[str, Any] = getattr(client, operation)(**given)
            if "body" in answer:
                answer["body"] = answer["body"].read()
            meta = answer["ResponseMetadata"]
            call.status = meta["HTTPStatusCode"]
            call.size_bytes = int(meta.get("HTTPHeaders", {}).get("content-length", 0)) or None
        return answer

    async def call_async(self, operation: str, **given: Any) -> dict[str, Any]:
        """The same in a thread of the pool. Who is cancelled leaves the call to its end or its timeout."""
        await asyncio.to_thread(self._made_client)  # first: a thread that starts late must not ask for nobody
        context = contextvars.copy_context()  # so that the log line knows its run
        work = asyncio.get_running_loop().run_in_executor(
            self.threads, lambda: context.run(self.call, operation, **given)
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await work
        except TimeoutError as error:
            raise UnansweredError(
                f"bedrock gave no answer within {self._timeout_seconds:g} s: try again; raise"
                " ADOLOGY_AI_TIMEOUT_SECONDS if that is usual"
            ) from error

    def map(self, function: Callable[[T], Any], items: list[T]) -> list[Any]:
        """The function of each, as many at once as there are connections; the first error ends it."""
        return list(self.threads.map(function, items))

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """As many as there are connections; each is started when it is first needed."""
        return ThreadPoolExecutor(self._connections, thread_name_prefix="bedrock")

    def _made_client(self) -> Any:
        with self._making:
            return self._client

    @cached_property
    def _client(self) -> Any:
        """A third of a second of reading the service's model; safe for any number of threads afterwards."""
        aws = Session()  # of its own: the library's shared one can't make clients in two threads at once
        return aws.client(
            "bedrock-runtime",
            region_name=self._region,
            endpoint_url=self._endpoint or None,
            config=Config(
                connect_timeout=min(_CONNECT_SECONDS, self._timeout_seconds),
                read_timeout=self._timeout_seconds,
                max_pool_connections=self._connections,
                retries={"mode": "standard", "total_max_attempts": self._attempts},
            ),
        )


def check_picture(picture: ModelImage, *, max_bytes: int, max_side: int) -> None:
    """Raises BadInputError for a picture that Bedrock would refuse; only its head is read."""
    if len(picture.content) > max_bytes:
        raise BadInputError(f"a picture has {len(picture.content):,} bytes: make it smaller than {max_bytes:,}")
    try:
        width, height = Image.open(io.BytesIO(picture.content)).size
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise BadInputError(f"a picture can't be read ({type(error).__name__}): prepare it first") from error
    if max(width, height) > max_side:
        raise BadInputError(f"a picture is {width}×{height} pixels: make its longer side at most {max_side:,}")
