"""What is asked for: every immediate question of the API, with the watched brandspace or with the whole market.

A *simple* read answers from a page of rows; R10 holds it to its goal. The others count or compare all the ads that they
are asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BRANDSPACE = "watched"
_HERE, _ALL = f"/api/v1/brandspaces/{BRANDSPACE}", "/api/v1/brandspaces/all"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A call; ``rule`` is the route it belongs to. {ad}, {brand}, {file} and {request} stand for ids of the market."""

    name: str
    rule: str
    path: str
    simple: bool = True


def _of_brandspace(name: str, rule: str, query: str = "", *, simple: bool = False) -> Endpoint:
    return Endpoint(name, f"/api/v1/brandspaces/{{brandspace_id}}{rule}", f"{_HERE}{rule}{query}", simple)


def _of_all(name: str, rule: str, query: str = "", *, simple: bool = False) -> Endpoint:
    return Endpoint(name, f"/api/v1/brandspaces/{{brandspace_id}}{rule}", f"{_ALL}{rule}{query}", simple)


ENDPOINTS = (
    Endpoint("brands", "/api/v1/brands", "/api/v1/brands"),
    Endpoint("brand", "/api/v1/brands/{slug}", "/api/v1/brands/{brand}"),
    Endpoint("brandspaces", "/api/v1/brandspaces", "/api/v1/brandspaces"),
    Endpoint("brandspace", "/api/v1/brandspaces/{brandspace_id}", _HERE),
    _of_brandspace("ads", "/ads", simple=True),
    _of_brandspace("ads, a label", "/ads", "?labels=hook:hook_1", simple=True),
    _of_brandspace("ads, a word", "/ads", "?words=runfree", simple=True),
    _of_all("ads of all", "/ads", simple=True),
    Endpoint("ad", "/api/v1/ads/{ad_id}", "/api/v1/ads/{ad}"),
    _of_brandspace("overview", "/overview", simple=True),
    _of_brandspace("deltas", "/deltas", simple=True),
    Endpoint("media link", "/api/v1/media/{sha256}", "/api/v1/media/{file}"),
    Endpoint("requests", "/api/v1/requests", "/api/v1/requests"),
    Endpoint("request", "/api/v1/requests/{request_id}", "/api/v1/requests/{request}"),
    Endpoint("rejected rows", "/api/v1/requests/{request_id}/rejected", "/api/v1/requests/{request}/rejected"),
    Endpoint("account", "/api/v1/account", "/api/v1/account"),
    _of_brandspace("facets", "/facets"),
    _of_brandspace("creatives", "/creatives"),
    _of_brandspace("concepts", "/concepts"),
    _of_brandspace("label mix", "/label-mix", "?dimension=hook"),
    _of_brandspace("comparison", "/comparison", "?dimension=hook"),
    _of_brandspace("share of voice", "/share-of-voice"),
    _of_brandspace("timeline", "/timeline"),
    _of_brandspace("longevity", "/longevity"),
    _of_brandspace("coverage", "/coverage"),
    _of_brandspace("ads, two letters", "/ads", "?words=ru"),
    _of_all("facets of all", "/facets"),
    _of_all("a word in all", "/ads", "?words=runfree+shipbest"),
    _of_all("two letters in all", "/ads", "?words=ru"),
)

LEFT_OUT: Mapping[str, str] = {
    "/api/v1/ads/{ad_id}/similar": "its vectors are no part of this market",
    "/api/v1/users": "a few rows of an organisation: like account",
    "/api/v1/sessions": "like account",
    "/api/v1/keys": "like account",
    "/api/v1/audit": "a page of rows by index: like requests",
    "/api/v1/webhooks": "like account",
    "/api/v1/webhooks/{webhook_id}": "like account",
    "/api/v1/webhooks/{webhook_id}/deliveries": "like requests",
    "/api/v1/exports/{request_id}/content": "a stored file",
    "/api/v1/account/budget": "like account",
    "/api/v1/account/spending": "this market has spent nothing",
    "/api/v1/ads/{ad_id}/concept": "this market has no variants",
    "/api/v1/ads/{ad_id}/cost": "this market has spent nothing",
    "/api/v1/ads/{ad_id}/description": "a stored document, of a model that isn't configured here",
    "/api/v1/ads/{ad_id}/raw": "a stored document",
    "/api/v1/brands/{slug}/quote": "no model is configured here",
    "/api/v1/brandspaces/{brandspace_id}/ads/count": "a part of ads",
    "/api/v1/brandspaces/{brandspace_id}/scan-dates": "a part of turnover",
    "/api/v1/brandspaces/{brandspace_id}/survival": "like longevity",
    "/api/v1/brandspaces/{brandspace_id}/themes": "this market has no themes",
    "/api/v1/brandspaces/{brandspace_id}/turnover": "like comparison",
    "/api/v1/comparisons/frozen": "like requests",
    "/api/v1/comparisons/frozen/{frozen_id}": "a stored body",
    "/api/v1/comparisons/frozen/{frozen_id}/csv": "a stored body",
    "/api/v1/concepts/{concept_id}": "this market has no variants",
    "/api/v1/label-quality": "a few rows: like account",
    "/api/v1/taxonomy": "a file",
}
