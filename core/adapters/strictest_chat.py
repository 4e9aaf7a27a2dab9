"""A chat model in the strictest form that its server keeps to, which tiny questions find out when it is first asked.

A question is asked as everything else is, of the chat in that form: where that is paid for, so is the question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.ai.turns import Turns
from core.errors import BadInputError, NotAllowedError
from core.ports import LanguageModel, ModelAnswer, ModelRequest

# Nobody answers this in JSON by chance: a server that passes over the format is found out.
QUESTION: Final = ModelRequest(
    instructions="Answer with one word.",
    text="Is water wet?",
    schema_name="test",
    schema={
        "type": "object",
        "properties": {"is_wet": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["is_wet"],
        "additionalProperties": False,
    },
    max_output_tokens=1_000,  # thinking is counted, too
)


class StrictestChat:
    """One model that can be asked in several forms. Which was found is remembered while the process lives."""

    def __init__(self, chats: Sequence[LanguageModel]) -> None:
        """``chats``: the model in each form, the strictest first. Asks nobody yet."""
        self._chats = tuple(chats)
        self._found: LanguageModel | None = None
        self._testing = Turns(1)

    @property
    def provider(self) -> str:
        """As settings and the price file name it."""
        return self._chats[0].provider

    @property
    def model(self) -> str:
        """As it is configured."""
        return self._chats[0].model

    def wire_request(self, request: ModelRequest) -> Mapping[str, Any]:
        """The body that is sent; until the server was tested, the one that is tried first."""
        return (self._found or self._chats[0]).wire_request(request)

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Ask once; the very first time, a tiny question in up to each form comes before. Raises as the port says."""
        if self._found is None:
            async with self._testing:
                self._found = self._found or await self._strictest()
        return await self._found.answer(request)

    async def _strictest(self) -> LanguageModel:
        """The strictest that works. What only time or people can heal is raised, and nothing remembered."""
        for chat in self._chats:
            try:
                answer = await chat.answer(QUESTION)
            except BadInputError as error:
                refused = error
                continue
            if chat is self._chats[-1] or _is_an_answer(answer.text):
                return chat
        raise NotAllowedError(
            f"{self.provider} refuses even a plain question — correct ADOLOGY_{self.provider.upper()}_MODEL,"
            f" then restart: {refused}"
        )


def _is_an_answer(text: str) -> bool:
    try:
        return json.loads(text) in ({"is_wet": "yes"}, {"is_wet": "no"})
    except (ValueError, RecursionError):
        return False
