"""Every operation of the API's description as calls, with what is somebody else's in any place of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.queries.brandspaces import ALL_BRANDS
from tests.api.customers import HOOKS_GO_TO, SHARED_ADS, SHARED_BRANDS, Ask, Customer
from tests.daemon.support import Answer, LocalDaemon

VOCABULARY = {"dimension": "offer"}  # parameters of paths that are nobody's
NAMES_NOTHING = {
    "limit", "sort", "dimension", "period", "unit", "archived", "formats", "statuses", "media_statuses", "run_dates",
    "impressions", "first_seen_from", "first_seen_to", "last_seen_from", "last_seen_to", "run_from", "run_to",
    "days_seen_min", "days_seen_max", "days_shown_min", "days_shown_max", "spend_min", "spend_max", "impressions_min",
    "impressions_max", "since", "until", "confidence", "action", "group", "days",
}  # fmt: skip
"""Parameters of the query string in which nothing of anybody's fits."""
ASKED_FURTHER = ("brands=kestrun", "words=only", "labels=offer:percent_off", "statuses=not_seen", "ctas=unknown")


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the description has it."""

    name: str
    method: str
    path: str
    tag: str
    queries: tuple[str, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """The parameters of the path that name something of somebody's."""
        return tuple(name for name in re.findall(r"{(\w+)}", self.path) if name not in VOCABULARY)

    def at(self, ids: Mapping[str, str], *query: str) -> str:
        """Its address under /api/v1."""
        needed = ["dimension=offer"] if "dimension" in self.queries else []
        asked = "&".join([*query, *needed])
        filled = self.path.removeprefix("/api/v1").format(**{**VOCABULARY, **ids})
        return f"{filled}?{asked}" if asked else filled


def operations(daemon: LocalDaemon) -> list[Operation]:
    """Of the description itself: none can be forgotten."""
    paths = daemon.get("/api/v1/openapi.json").json["paths"]
    return [
        Operation(said["operationId"], method.upper(), path, said["tags"][0], tuple(_in_query(said["parameters"])))
        for path, methods in paths.items()
        for method, said in methods.items()
    ]


def _in_query(parameters: list[dict[str, Any]]) -> Iterator[str]:
    yield from (said["name"] for said in parameters if said.get("in") == "query")


def own(customer: Customer) -> dict[str, str]:
    """The first of each thing that a customer has."""
    return {name: ids[0] for name, ids in customer.ids.items()}


def in_query(customer: Customer, name: str) -> str:
    """What is the customer's, as a value of a parameter of the query string."""
    word = customer.word
    return {
        "brands": f"{word}wear",
        "channels": word,
        "platforms": word,
        "countries": word[:2].upper(),
        "languages": word[:2],
        "ctas": f"{word} now",
        "labels": f"offer:{word}",
        "words": f"{word} says",
        "on_screen_words": f"{word} says",
        "spend_currencies": word[:3].upper(),
        "landing_domain": f"{word}.example",
        "concepts": customer.ids["concept_id"][0],
        "themes": customer.ids["theme_id"][0],
        "brandspace": customer.ids["brandspace_id"][0],
        "focal": f"{word}wear",
        "actor": f"user:{customer.ids['user_id'][1]}",
    }[name]


def bodies(customer: Customer) -> dict[str, dict[str, Any]]:
    """By operation: what is the customer's, in every field of a body where it fits."""
    word, (first, *_) = customer.word, customer.ids["brandspace_id"]
    brand, name = f"{word}wear", f"{word} rivals 0"
    return {
        "brands_analyse": {},
        "brandspaces_new_brandspace": {"name": name, "primary": brand, "competitors": [f"{word} {word}wear"]},
        "brandspaces_changed_brandspace": {"name": name, "followed": [brand]},
        "brandspaces_archive": {},
        "brandspaces_restore": {},
        "concepts_split": {"variants": [customer.ids["ad_id"][1]]},
        "concepts_merge": {"into": customer.ids["concept_id"][1]},
        "concepts_undo": {"variants": [customer.ids["ad_id"][1]]},
        "themes_discover": {"looks_for_new": False},
        "themes_changed_theme": {"name": f"{word} theme"},
        "themes_merge": {"into": customer.ids["theme_id"][1]},
        "corrections_corrected_label": {"values": [word]},
        "corrections_brand_name": {"name": f"The {word} name"},
        "ingest_ingest": {"brand": brand},
        "users_new_user": {"email": f"owner@{word}.example"},
        "users_edit_user": {"role": "viewer"},
        "users_sign_in_link": {},
        "users_sign_out": {},
        "keys_new_key": {"name": f"{word} key", "scopes": ["read"]},
        "comparisons_freeze_comparison": {"brandspace": first, "dimension": "hook", "focal": brand, "name": name},
        "exports_export": {"brandspace": first, "filters": {"brands": [brand], "words": word}},
        "requests_cancel": {},
        "spending_changed_budget": {"usd_per_day": 7},
        "webhooks_new_webhook": {"url": f"{HOOKS_GO_TO}/{word}"},
        "webhooks_change_webhook": {"url": f"{HOOKS_GO_TO}/{word}"},
        "webhooks_rotate_secret": {},
        "webhooks_send_test": {},
        "webhooks_retry": {},
    }


def unlike(value: Any, word: str) -> Any:
    """Something of the same form that nobody has."""
    if isinstance(value, dict):
        return {name: unlike(part, word) for name, part in value.items()}
    if isinstance(value, list):
        return [unlike(part, word) for part in value]
    if not isinstance(value, str):
        return value
    if value.isdigit():
        return str(10**15)
    if re.fullmatch(r"(user:)?[0-9a-f]{12,}", value):
        return value[:-8] + value[-8:].translate(str.maketrans("0123456789abcdef", "fedcba9876543210"))
    return value.replace(word, "n" * len(word)).replace(word[:2].upper(), "NN").replace(word[:2], "nn")


_MADE_ANEW = re.compile(
    r'[0-9a-f]{12,}|"(?:key|secret)":"[^"]*"|\d{4}-\d\d-\d\dT[^"]*|(?<=expires=)\d+|"delivery_id":\d+'
)
_OF_THE_MOMENT = re.compile(
    r'(?<="as_of":)"[^"]*"|(?<="expires_at":)"[^"]*"|(?<="last_used_at":)"[^"]*"|(?<="last_seen_at":)"[^"]*"'
    r"|(?<=expires=)\d+|(?<=signature=)[0-9a-f]+"
)


def told(answer: Answer, *sent: str) -> tuple[int, str]:
    """Status and body without ids, secrets and times, which each answer makes anew, and without what was sent."""
    text = _text(answer)
    for value in sorted(sent, key=len, reverse=True):
        text = text.replace(value, "·")
    return answer.status, _MADE_ANEW.sub("·", text)


def read(answer: Answer) -> tuple[int, str]:
    """Status and body but for the moment of the answer and of the links it signs."""
    return answer.status, _OF_THE_MOMENT.sub("·", _text(answer))


def _text(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace").replace(answer.headers.get("X-Request-Id", "\0"), "·")


@dataclass(frozen=True)
class Reading:
    """What was told at an address under /api/v1."""

    operation: Operation
    address: str
    answer: Answer


def readings(ask: Ask, known: list[Operation], customer: Customer) -> Iterator[Reading]:
    """Everything that the customer can read: each thing in turn, each list to its end, with filters and without."""
    for operation in (operation for operation in known if operation.method == "GET"):
        for ids in _things(operation, customer):
            yield from _pages(ask, operation, ids)
        for one in ASKED_FURTHER if "words" in operation.queries else ():
            yield from _pages(ask, operation, {**own(customer), "brandspace_id": ALL_BRANDS}, one)


def _things(operation: Operation, customer: Customer) -> Iterator[dict[str, str]]:
    """One's own, and the shared ones."""
    shared = {"slug": SHARED_BRANDS, "ad_id": (SHARED_ADS[0].ad_id,), "brandspace_id": (ALL_BRANDS,)}
    first = own(customer)
    yield first
    for place in operation.places:
        yield from ({**first, place: one} for one in (*customer.ids[place][1:], *shared.get(place, ())))


def _pages(ask: Ask, operation: Operation, ids: Mapping[str, str], *query: str) -> Iterator[Reading]:
    """Three items at a time."""
    small, cursor = ("limit=3",) if "cursor" in operation.queries else (), ""
    while cursor is not None:
        address = operation.at(ids, *query, *small, *([f"cursor={cursor}"] if cursor else []))
        answer = ask("GET", address)
        yield Reading(operation, address, answer)
        cursor = answer.json.get("next_cursor") if small and answer.status == 200 else None
