"""Records survive JSON, and equal content has equal hashes."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.ad import AdFormat, AdRecord, AdVersion
from core.domain.media import MediaRef, MediaRole, MediaStatus
from core.sources.brands import slug_for
from core.sources.records import content_hash, labelled_text, record_from_json, record_to_json, text_hash
from core.sources.urls import signed_expiry, without_tracking

texts = st.text(max_size=20)
json_objects = st.dictionaries(
    texts, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts | st.lists(texts, max_size=3), max_size=3
)
dates = st.none() | st.dates()
versions = st.builds(AdVersion, copy=texts, title=texts, landing_url=st.none() | texts, version_key=texts)
media = st.builds(
    MediaRef, role=st.sampled_from(MediaRole), url=st.none() | texts, problem=st.sampled_from(MediaStatus)
)
records = st.builds(
    AdRecord,
    channel=texts,
    external_id=texts,
    brand_name=texts,
    scanned_on=st.dates(),
    versions=st.lists(versions, max_size=3).map(tuple),
    brand_aliases=st.lists(texts, max_size=2).map(tuple),
    first_seen=dates,
    run_end=dates,
    source_says_active=st.none() | st.booleans(),
    media=st.lists(media, max_size=3).map(tuple),
    attributes=json_objects,
    raw=json_objects | st.lists(json_objects, max_size=3).map(tuple),
    lines=st.lists(st.integers(1, 10**6), max_size=3).map(tuple),
)

VERSION = AdVersion(copy="Wake up", title="Coffee", cta="Shop now", landing_url="https://example.com/a?x=1")


@given(records)
def test_a_record_comes_back_from_json_as_it_was(record: AdRecord) -> None:
    assert record_from_json(json.loads(json.dumps(record_to_json(record)))) == record


@pytest.mark.parametrize(
    "same",
    [
        replace(VERSION, copy="  Wake\n up "),
        replace(VERSION, cta="SHOP NOW"),
        replace(VERSION, landing_url="https://example.com/a?fbclid=abc&x=1&utm_source=fb"),
        replace(VERSION, platforms=("facebook",)),
        replace(VERSION, version_key="42"),
    ],
)
def test_what_changes_from_scan_to_scan_is_not_content(same: AdVersion) -> None:
    assert content_hash(same) == content_hash(VERSION)


@pytest.mark.parametrize(
    "other",
    [
        replace(VERSION, copy="Wake up!"),
        replace(VERSION, copy="Coffee", title="Wake up"),  # the same words in other places
        replace(VERSION, description="x"),
        replace(VERSION, cta="Learn more"),
        replace(VERSION, landing_url="https://example.com/a?x=2"),
        replace(VERSION, format=AdFormat.VIDEO),
    ],
)
def test_other_content_has_another_hash(other: AdVersion) -> None:
    assert content_hash(other) != content_hash(VERSION)


def test_equal_texts_hash_alike_and_no_text_has_no_hash() -> None:
    assert text_hash("Cafe\u0301  au lait\n") == text_hash("Café au lait") != ""
    assert text_hash(" \n ") == ""


def test_labels_refer_to_copy_title_and_description_without_repeats() -> None:
    assert labelled_text(replace(VERSION, description="Wake up")) == "Wake up\nCoffee"
    assert labelled_text(AdVersion(cta="Shop now")) == ""


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://e.com/?fbclid=1", "https://e.com/"),
        ("https://e.com/p?id=a%20b&UTM_Source=x&b=#top", "https://e.com/p?id=a%20b&b=#top"),
        ("https://e.com/p?c={{campaign.name}}", "https://e.com/p?c={{campaign.name}}"),
        ("javascript:alert(1)", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_links_lose_their_tracking_and_nothing_else(url: str, clean: str | None) -> None:
    assert without_tracking(url) == clean


def test_a_signed_link_says_when_it_expires() -> None:
    assert signed_expiry("https://cdn.example.com/a.mp4?oh=1&oe=6A275129") == date(2026, 6, 8)
    assert signed_expiry("https://cdn.example.com/a.mp4?oe=notahexnumber") is None


@pytest.mark.parametrize(
    ("name", "slug"), [("Bright Cup!", "bright-cup"), ("Café Ñu", "cafe-nu"), ("브랜드", "beuraendeu")]
)
def test_a_slug_is_the_name_in_ascii(name: str, slug: str) -> None:
    assert slug_for(name) == slug


@given(st.text())
def test_a_slug_is_short_ascii_and_never_empty(name: str) -> None:
    slug = slug_for(name)
    assert slug.isascii()
    assert 0 < len(slug) <= 64
    assert "/" not in slug
