"""A server that speaks as OpenAI does: one call out and back, timed, bounded and translated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import openai

from core.adapters.openai_errors import flagged, translated
from core.adapters.per_loop import PerLoop
from core.adapters.vendor_answers import vendor_id
from core.errors import AdologyError, BadInputError, NotAllowedError, UnansweredError
from core.observability.external_calls import ExternalCall, external_call
from core.observability.redaction import MIN_REGISTERED_CHARACTERS, REDACTED, register_secret

NO_KEY: Final = "none"  # the library wants one; servers that ask for none pass it over
MAX_ANSWER_BYTES: Final = 16_000_000  # no label is longer; a server that never ends must not fill the memory
_SLOW_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Wire:
    """An answer as it came, without the key, and the id under which the vendor knows the call.

    ``flagged``: the words of a filter that stopped what was asked; "" where none did.
    """

    body: dict[str, Any]
    request_id: str | None
    flagged: str = ""


class OpenAiServer:
    """One address and key; safe for any number of event loops. ``provider`` names it in logs and errors."""

    def __init__(self, provider: str, *, base_url: str | None, api_key: str, timeout_seconds: float) -> None:
        self.provider = provider
        self._base_url, self._key, self._timeout_seconds = base_url, api_key.strip() or NO_KEY, timeout_seconds
        self._clients = PerLoop(self._client, lambda client: client.close())
        register_secret(api_key)

    async def ask(self, operation: str, body: Mapping[str, Any]) -> Wire:
        """``operation``: responses or chat_completions. Asks once: who is asked again is decided above.

        Raises the errors of ``openai_errors``; their cause is the library's own.
        """
        client = await self._clients.get()
        async with external_call(
            self.provider, operation, target=str(client.base_url), slow_after_seconds=_SLOW_SECONDS
        ) as call:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    content, request_id = await _exchange(client, operation, body, call)
            except openai.APIStatusError as error:
                call.status = error.status_code
                if words := flagged(error):
                    return Wire({"error": error.body}, error.request_id, words)
                raise self._translated(error) from error
            except (openai.OpenAIError, httpx2.HTTPError, OSError) as error:  # TimeoutError is an OSError
                raise self._translated(error) from error
            except UnicodeEncodeError as error:
                raise self._unwritable() from error
            return Wire(self._object(content), vendor_id(request_id))

    def _translated(self, error: Exception) -> AdologyError:
        return translated(error, self.provider, timeout_seconds=self._timeout_seconds)

    def _unwritable(self) -> AdologyError:
        if self._key.isascii():
            return BadInputError("the text holds half a character (a lone surrogate): take it out")
        variable = f"ADOLOGY_{self.provider.upper()}_API_KEY"
        return NotAllowedError(f"{variable} holds a character that no key has: copy it anew, then restart")

    def _client(self) -> openai.AsyncOpenAI:
        client = openai.AsyncOpenAI(
            api_key=self._key,
            admin_api_key="",
            base_url=self._base_url or "https://api.openai.com/v1",
            timeout=self._timeout_seconds,
            max_retries=0,
        )
        client.organization = client.project = None  # of the environment: settings alone say what is sent
        return client

    def _object(self, content: bytes) -> dict[str, Any]:
        if len(self._key) >= MIN_REGISTERED_CHARACTERS:
            content = content.replace(self._key.encode(), REDACTED.encode())
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise UnansweredError(
                f"{self.provider} didn't answer with a JSON object: try again; if it stays so, correct"
                f" ADOLOGY_{self.provider.upper()}_BASE_URL"
            )
        return body


async def _exchange(
    client: openai.AsyncOpenAI, operation: str, body: Mapping[str, Any], call: ExternalCall
) -> tuple[bytes, str | None]:
    """The answer's bytes, and the vendor's id of the call."""
    endpoint: Any = client.responses if operation == "responses" else client.chat.completions
    async with endpoint.with_streaming_response.create(**body) as response:
        content = bytearray()
        async for chunk in response.iter_bytes():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise UnansweredError(f"the answer has more than {MAX_ANSWER_BYTES:,} bytes: nothing of it is kept")
    call.status, call.size_bytes = response.status_code, len(content)
    return bytes(content), response.headers.get("x-request-id")
