"""Customers who have used everything there is, by the means they have. Every text of one holds its word."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert

from core.access.sign_in import sign_in_by_identity
from core.access.usage import ApiUsage
from core.adapters.postgres import schema
from core.adapters.postgres.label_quality_store import store_measures
from core.adapters.postgres.request_store import PostgresRequests, insert_rejections, insert_request
from core.adapters.postgres.theme_store import NewTheme, insert_themes, replace_members
from core.bootstrap import Services
from core.domain.ad import Rejection
from core.domain.label import Outcome
from core.domain.principal import Principal, Role
from core.domain.quality import Basis, Measure, Statistic
from core.domain.spending import Purpose, Settlement
from tests.builders import (
    DAY,
    AnAd,
    store,
    store_brand,
    store_concepts,
    store_description,
    store_raw,
    store_scan,
    store_text_vectors,
)
from tests.daemon.exporting import Exports
from tests.daemon.support import Answer, LocalDaemon, a_key
from tests.people import a_session, a_user, an_organisation

SHARED_BRANDS = ("kestrun", "northtrail")
SHARED_ADS = tuple(
    AnAd(
        f"shared {brand} {number}",
        brand=brand,
        copy=f"Run {number} with {brand}.",
        labels={"hook": ("question",), "offer": ("percent_off",), "tone": ("unknown",)},
    )
    for brand in SHARED_BRANDS
    for number in range(3)
)
PICTURE_OF_ALL = b"a picture that everybody may see"
HOOKS_GO_TO = "https://93.184.215.14"  # public, and needs no asking where it is
REPEATED = "the-same-for-all"  # an Idempotency-Key

Ask = Callable[..., Answer]


@dataclass(frozen=True)
class Customer:
    """``ids``: parameter of a path → what the customer has of it. ``key`` is an owner's."""

    principal: Principal
    word: str
    ads: tuple[AnAd, ...]
    key: str
    cookies: Mapping[Role, str]
    ids: Mapping[str, tuple[str, ...]]

    @property
    def traces(self) -> tuple[str, ...]:
        """What nobody else may ever read."""
        return (self.word, *(one for ids in self.ids.values() for one in ids if not one.isdigit()))


def a_shared_market(services: Services) -> None:
    """What every customer sees: six ads of two brands, one with a picture."""
    first, *others = SHARED_ADS
    picture = services.objects.put(io.BytesIO(PICTURE_OF_ALL), max_bytes=100).sha256
    store(services.database, replace(first, sha256=picture), *others)
    store_concepts(services.database, *(SHARED_ADS[start : start + 3] for start in (0, 3)))
    for brand in SHARED_BRANDS:
        store_scan(services.database, DAY, brand=brand, shows=[ad for ad in SHARED_ADS if ad.brand == brand], new=3)
        store_brand(services.database, brand, aliases={f"{brand} inc": f"{brand.title()} Inc"})
    _store_vectors(services, SHARED_ADS)


def a_customer(daemon: LocalDaemon, organisation_id: str, word: str) -> Customer:
    """Watches the shared brands and one that nobody else has."""
    services = daemon.services
    principal = an_organisation(services.database, organisation_id)
    key = f"Bearer {a_key(services, principal)}"
    ask = asking(daemon, Authorization=key)
    ads = _private_ads(services, organisation_id, word)
    users, cookies = _people(services, principal, word)
    spaces = _curated(ask, word, ads[0].ad_id)
    concepts = _concepts(ask, *ads[2:])
    hook, deliveries = _webhook(ask, word)
    _made(ask("POST", "/keys", {"name": f"{word} key", "scopes": ["read"]}), "key_id")
    themes = _themes(services, principal, spaces[0], word, ads)
    requests = [_an_import(services, principal, word) for _ in range(2)]
    export = _an_export(daemon, ask, spaces[0])
    question = {"brandspace": spaces[0], "name": f"{word} comparison"}
    asked = (question | {"dimension": name} for name in ("hook", "cta"))
    frozen = [_made(ask("POST", "/comparisons/frozen", body), "frozen_id") for body in asked]
    _spent(ask, services, principal, word)
    usage = ApiUsage(services.database, services.clock)
    usage.count(organisation_id, seconds=len(word))
    usage.flush()
    ids = {
        "ad_id": [ad.ad_id for ad in ads],
        "brandspace_id": spaces,
        "concept_id": [ads[0].ad_id, ads[2].ad_id, *concepts],
        "theme_id": themes,
        "request_id": [export, *requests],
        "user_id": users,
        "session_id": [item["session_id"] for item in ask("GET", "/sessions").json["items"]],
        "key_id": [item["key_id"] for item in ask("GET", "/keys").json["items"]],
        "webhook_id": [hook],
        "delivery_id": deliveries,
        "frozen_id": frozen,
        "sha256": [str(ad.sha256) for ad in ads],
        "slug": [f"{word}wear"],
    }
    return Customer(principal, word, ads, key, cookies, {name: tuple(some) for name, some in ids.items()})


def asking(daemon: LocalDaemon, **door: str) -> Ask:
    """Calls of the API by whoever ``door`` lets in: ``ask("POST", "/exports", {…})``."""

    def ask(method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = None if method in ("GET", "DELETE") else json.dumps({} if body is None else body).encode()
        kind = {} if content is None else {"Content_Type": "application/json"}
        return daemon.call(method, f"/api/v1{path}", content, **kind, **door, **headers)

    return ask


def _store_vectors(services: Services, ads: Iterable[AnAd]) -> None:
    pairs = ((ad, (1.0, number / 10, *[0.0] * 382)) for number, ad in enumerate(ads))
    store_text_vectors(services.database, services.embedder.model, *pairs)


def _private_ads(services: Services, scope: str, word: str) -> tuple[AnAd, ...]:
    """Of a shared brand and of one's own; the newest scan shows only the first of each."""
    ads = tuple(
        AnAd(
            f"{word} {number}",
            brand=brand,
            scope=scope,
            copy=f"Only {word} says {number}.",
            title=f"The {word} title",
            cta=f"{word} now",
            landing_domain=f"{word}.example",
            platforms=(word,),
            countries=("DE",),
            attributes={"spend": {"currency": "EUR", "low": 10, "high": 20}},
            labels={"hook": ("claim",), "offer": (word,), "theme": ("unknown",)},
            sha256=services.objects.put(io.BytesIO(f"picture {number} of {word}".encode()), max_bytes=100).sha256,
        )
        for number, brand in enumerate([SHARED_BRANDS[0], SHARED_BRANDS[0], f"{word}wear", f"{word}wear"])
    )
    store(services.database, *ads[:2])
    store(services.database, *ads[2:])
    store_concepts(services.database, ads[:2], ads[2:])
    for first in (ads[0], ads[2]):
        store_scan(services.database, DAY + timedelta(days=1), brand=first.brand, scope=scope, shows=[first], new=1)
        alias = f"{word} {first.brand}"
        store_brand(services.database, first.brand, scope=scope, aliases={alias: alias.title()})
    _store_vectors(services, ads)
    for ad in ads:
        store_raw(services.database, ad, {"rows": [{"copy": f"raw {word}"}]})
        store_description(services.database, ad, description=f"A model on {word}.")
    judged = Measure("hook", None, Basis.PEOPLE, f"{word} golden set", Statistic.KAPPA, 9, 0.5, 0.1, 0.8, "v", "rules")
    with services.database.worker(scope) as connection:
        store_measures(connection, scope, [judged])
        reading = {"scope": scope, "status": "ok", "text": f"{word} on the picture", "reader": "rapidocr"}
        connection.execute(insert(schema.image_reading), [reading | {"sha256": ad.sha256} for ad in ads])
    return ads


def _people(services: Services, principal: Principal, word: str) -> tuple[list[str], dict[Role, str]]:
    """The ids of all, first of one whom nobody needs, and a session of each role."""
    now, database = services.clock.now(), services.database
    spare = a_user(database, Role.VIEWER, email=f"spare@{word}.example", of=principal, now=now)
    users = {role: a_user(database, role, email=f"{role}@{word}.example", of=principal, now=now) for role in Role}
    known = {"issuer": "https://id.example", "subject": f"{word} subject", "email": f"spare@{word}.example"}
    sign_in_by_identity(database, **known, now=now, hours=24)
    cookies = {role: f"adology_session={a_session(database, user, now=now)}" for role, user in users.items()}
    return [str(user.user_id) for user in (spare, *users.values())], cookies


def _curated(ask: Ask, word: str, own_ad: str) -> list[str]:
    """Two brandspaces and an archived one; labels and a brand corrected."""
    spaces = []
    for number in range(3):
        asked = {"name": f"{word} rivals {number}", "primary": f"{word}wear", "competitors": [SHARED_BRANDS[0]]}
        made = ask("POST", "/brandspaces", asked, Idempotency_Key=f"{REPEATED}-{number}")
        spaces.append(_made(made, "brandspace_id"))
    _made(ask("POST", f"/brandspaces/{spaces[2]}/archive"), "brandspace_id")
    _made(ask("PUT", f"/ads/{SHARED_ADS[0].ad_id}/labels/offer", {"values": ["bundle"]}), "dimension")
    _made(ask("PUT", f"/ads/{own_ad}/labels/hook", {"values": ["question"]}), "dimension")
    _made(ask("PUT", f"/brands/{SHARED_BRANDS[0]}/name", {"name": f"The {word} name"}), "slug")
    return spaces


def _concepts(ask: Ask, own: AnAd, split_off: AnAd) -> list[str]:
    """Variants of a shared and of an own concept put into new ones; a shared concept merged into its new one."""
    first, second, *_ = SHARED_ADS
    pairs = ((first, second), (own, split_off))
    made = [
        _made(ask("POST", f"/concepts/{of.ad_id}/split", {"variants": [ad.ad_id]}), "concept_id") for of, ad in pairs
    ]
    _made(ask("POST", f"/concepts/{first.ad_id}/merge", {"into": made[0]}), "concept_id")
    return made


def _themes(services: Services, principal: Principal, brandspace: str, word: str, ads: Sequence[AnAd]) -> list[str]:
    """Two, each with a text; too little is said here to find any."""
    centre = np.eye(1, 384, dtype="<f4").tobytes()
    found = [
        NewTheme(f"{word}theme{number}", f"{word} {number}", (word, "only"), services.embedder.model, centre, 1)
        for number in range(2)
    ]
    members = [(ad.scope, ad.content_id, each.theme_id, 0.9) for ad, each in zip(ads, found, strict=False)]
    with services.database.writer(principal) as connection:
        insert_themes(connection, principal, brandspace, found)
        examples = {theme_id: [content_id] for _, content_id, theme_id, _ in members}
        replace_members(connection, principal, brandspace, members, examples)
    return [each.theme_id for each in found]


def _webhook(ask: Ask, word: str) -> tuple[str, list[str]]:
    every = ["queued", "processing", "completed", "failed", "cancelled"]
    hook = _made(ask("POST", "/webhooks", {"url": f"{HOOKS_GO_TO}/{word}", "statuses": every}), "webhook_id")
    return hook, [_made(ask("POST", f"/webhooks/{hook}/test"), "delivery_id") for _ in range(2)]


def _spent(ask: Ask, services: Services, principal: Principal, word: str) -> None:
    """A budget, a call that was made and one under way."""
    _made(ask("PUT", "/account/budget", {"usd_per_day": 3}), "usd_per_day")
    purpose = Purpose(principal.organisation_id, principal.scope, f"{word} method", brand_slug=f"{word}wear")
    call = {"provider": "openai", "model": word, "prices": "2026-11-21"}
    made, _ = (services.ai_ledger.reserve(purpose, most_usd=0.5, lasting_seconds=600, **call) for _ in range(2))
    services.ai_ledger.settle(made, purpose, Settlement(Outcome.OK, made.most_usd, 1.0), **call)


def _an_import(services: Services, principal: Principal, word: str) -> str:
    """With a run, and rows that were not stored."""
    rejections = [Rejection(f"{word}.csv", line, "ragged_row", f"{word} reason", f"{word},row") for line in (2, 3)]
    with services.database.writer(principal) as connection:
        request_id = insert_request(connection, principal, kind="import", params={"brand": f"{word}wear"})
    with services.database.machinery() as connection:
        owner = {"request_id": request_id, "organisation_id": principal.organisation_id}
        insert_rejections(connection, **owner, rejections=rejections)
        run = {"scope": principal.scope, "brand_slug": f"{word}wear", "state": "committed", "expected_count": 0}
        batch_id = f"{word}-{request_id[:8]}"
        connection.execute(insert(schema.run).values(run | {"batch_id": batch_id, "gather_key": batch_id}))
        PostgresRequests(connection).link(request_id=request_id, batch_id=batch_id)
    return request_id


def _an_export(daemon: LocalDaemon, ask: Ask, brandspace: str) -> str:
    """Its file made."""
    asked = {"brandspace": brandspace, "format": "ndjson", "filters": {"brands": [SHARED_BRANDS[0]]}}
    request_id = _made(ask("POST", "/exports", asked), "request_id")
    Exports(daemon).work()
    return request_id


def _made(answer: Answer, name: str) -> str:
    assert answer.status in (200, 201, 202), answer.body
    return str(answer.json[name])


def traces_in(answer: Answer, of: Customer, *sent: str) -> list[str]:
    """What the answer, with its headers, holds of a customer beyond what was sent."""
    text = f"{answer.body.decode('utf-8', 'replace')}\n{dict(answer.headers)}".lower()
    for value in sent:
        text = text.replace(value.lower(), "")
    return [trace for trace in of.traces if trace.lower() in text]
