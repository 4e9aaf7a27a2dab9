"""Themes of a brandspace: found, corrected by people, kept over the next discovery, nobody else's."""

from __future__ import annotations

import numpy as np
import pytest

from core.adapters.postgres.engine import Database
from core.curation.brandspaces import Edit, create_brandspace, edit_brandspace
from core.curation.themes import Discovered, ThemeEdit, discover_themes, edit_theme, merge_themes, remove_theme
from core.domain.principal import Permission, Principal
from core.errors import BadInputError, ConflictError, NotAllowedError, NotFoundError
from core.queries.ads import count_ads
from core.queries.audit import audit_trail
from core.queries.filters import AdFilters
from core.queries.themes import Themes, get_themes
from tests.builders import AnAd, store, store_brand, store_concepts, store_text_vectors

OURS, THEIRS = Principal("ours"), Principal("theirs")
READER = Principal("ours", permissions=(Permission.READ,))
MODEL = "planted"
TOPICS = ("snow jacket", "road shoe", "rain coat", "trail sock")


def ads_of(brand: str, topic: int, *, count: int = 6) -> tuple[AnAd, ...]:
    said = TOPICS[topic] if topic < len(TOPICS) else "tent"
    return tuple(
        AnAd(f"{brand} {topic} {n}", brand, copy=f"{said} number{topic}x{n} {brand}", labels={"language": ("en",)})
        for n in range(count)
    )


def put(database: Database, topic: int, *ads: AnAd) -> None:
    """Store ads whose vectors lie near each other and far from those of other topics."""
    rng = np.random.default_rng(topic)
    store(database, *ads)
    vectors = np.eye(16)[topic] + rng.normal(0, 0.05, (len(ads), 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store_text_vectors(database, MODEL, *zip(ads, (tuple(map(float, one)) for one in vectors), strict=True))


@pytest.fixture
def space(database: Database) -> str:
    """Acme speaks of all four topics, zeta of the first two only."""
    for topic in range(4):
        brands = ("acme", "zeta") if topic < 2 else ("acme",)
        put(database, topic, *(ad for brand in brands for ad in ads_of(brand, topic)))
    return create_brandspace(database, OURS, name="Rivals", primary="acme", competitors=["zeta"]).brandspace_id


def look(database: Database, space: str, *, looks_for_new: bool = True) -> Discovered:
    return discover_themes(database, OURS, space, model=MODEL, looks_for_new=looks_for_new)


def seen(database: Database, space: str, filters: AdFilters | None = None) -> Themes:
    return get_themes(database, OURS, space, filters or AdFilters())


def id_of(database: Database, space: str, word: str) -> str:
    return next(item.theme_id for item in seen(database, space).items if word in item.words)


def counts(themes: Themes) -> dict[str, dict[str, int]]:
    return {item.name: dict(item.by_brand) for item in themes.items}


def test_what_the_brands_speak_of_is_found_and_what_one_leaves_out_is_a_zero(database: Database, space: str) -> None:
    told = look(database, space)
    found = seen(database, space)
    assert (told.themes, told.new_themes, told.texts, told.without_theme) == (4, 4, 36, 0)
    assert counts(found) == {
        "jacket · snow": {"acme": 6, "zeta": 6},
        "road · shoe": {"acme": 6, "zeta": 6},
        "coat · rain": {"acme": 6, "zeta": 0},
        "sock · trail": {"acme": 6, "zeta": 0},
    }
    assert all(item.is_provisional and not item.is_locked and len(item.examples) == 3 for item in found.items)
    assert (found.totals, found.without_theme) == ({"acme": 24, "zeta": 12}, {"acme": 0, "zeta": 0})


def test_a_theme_is_not_named_after_an_alias_of_a_brand(database: Database, space: str) -> None:
    store_brand(database, "acme", aliases={"snow": "Snow"})
    look(database, space)
    assert {"jacket", "road · shoe"} <= counts(seen(database, space)).keys()


def test_themes_are_counted_in_concepts_and_filtered_like_everything_else(database: Database, space: str) -> None:
    look(database, space)
    store_concepts(database, ads_of("acme", 0), ads_of("acme", 1))
    in_concepts = counts(seen(database, space, AdFilters(unit="concepts", brands=("acme",))))
    assert in_concepts["jacket · snow"] == {"acme": 1}
    assert in_concepts["coat · rain"] == {"acme": 6}
    rain = AdFilters(themes=(id_of(database, space, "rain"),))
    assert count_ads(database, OURS, space, rain) == 6
    assert count_ads(database, OURS, "all", rain) == 6


def test_what_a_person_said_stays_over_the_next_discovery_and_the_rest_is_replaced(
    database: Database, space: str
) -> None:
    look(database, space)
    named, locked, free = (id_of(database, space, word) for word in ("snow", "rain", "sock"))
    edit_theme(database, OURS, named, ThemeEdit(name="Winter", definition="Clothes for the cold"))
    edit_theme(database, OURS, locked, ThemeEdit(is_locked=True))
    put(database, 4, *ads_of("zeta", 4))
    assert look(database, space).themes == 5

    after = {item.theme_id: item for item in seen(database, space).items}
    assert (after[named].name, after[named].definition) == ("Winter", "Clothes for the cold")
    assert (after[named].is_provisional, after[named].is_locked, after[named].count) == (False, True, 12)
    assert (after[locked].name, after[locked].count) == ("coat · rain", 6)
    assert free not in after
    assert {item.count for item in after.values()} == {12, 6}


def test_a_theme_that_nobody_uses_any_more_still_exists(database: Database, space: str) -> None:
    look(database, space)
    rain = id_of(database, space, "rain")
    edit_theme(database, OURS, rain, ThemeEdit(is_locked=True))
    edit_brandspace(database, OURS, space, Edit(primary="", competitors=["zeta"]))
    look(database, space)
    assert counts(seen(database, space))["coat · rain"] == {"zeta": 0}


def test_merged_themes_stay_one(database: Database, space: str) -> None:
    look(database, space)
    snow, rain = id_of(database, space, "snow"), id_of(database, space, "rain")
    merge_themes(database, OURS, rain, into=snow)
    for _ in range(2):
        merged = next(item for item in seen(database, space).items if item.theme_id == snow)
        assert (merged.count, dict(merged.by_brand), merged.merged) == (18, {"acme": 12, "zeta": 6}, ("coat · rain",))
        look(database, space)
    with pytest.raises(NotFoundError, match="merged into"):
        edit_theme(database, OURS, rain, ThemeEdit(name="Rain"))
    merge_themes(database, OURS, snow, into=(shoe := id_of(database, space, "shoe")))
    look(database, space)
    assert next(item for item in seen(database, space).items if item.theme_id == shoe).count == 30


def test_new_texts_get_their_theme_without_a_new_discovery(database: Database, space: str) -> None:
    look(database, space)
    before = {item.theme_id for item in seen(database, space).items}
    put(database, 2, *ads_of("zeta", 2))
    assert seen(database, space).without_theme["zeta"] == 6
    assert look(database, space, looks_for_new=False).new_themes == 0
    after = seen(database, space)
    assert {item.theme_id for item in after.items} == before
    assert counts(after)["coat · rain"]["zeta"] == 6


def test_a_removed_theme_leaves_its_ads_without_one(database: Database, space: str) -> None:
    look(database, space)
    remove_theme(database, OURS, id_of(database, space, "rain"))
    after = seen(database, space)
    assert ("coat · rain" in counts(after), after.without_theme["acme"]) == (False, 6)


def test_every_change_is_in_the_audit_trail(database: Database, space: str) -> None:
    look(database, space)
    snow, rain = id_of(database, space, "snow"), id_of(database, space, "rain")
    edit_theme(database, OURS, snow, ThemeEdit(name="Winter"))
    edit_theme(database, OURS, snow, ThemeEdit(name="Winter"))
    merge_themes(database, OURS, rain, into=snow)
    remove_theme(database, OURS, snow)
    look(database, space, looks_for_new=False)
    actions = [item.action for item in audit_trail(database, OURS).items if item.action.startswith("theme.")]
    assert actions == ["theme.assign", "theme.remove", "theme.merge", "theme.edit", "theme.discover"]


def test_nobody_else_sees_or_changes_a_theme(database: Database, space: str) -> None:
    look(database, space)
    theirs = create_brandspace(database, THEIRS, name="Same", primary="acme", competitors=["zeta"]).brandspace_id
    snow, rain = id_of(database, space, "snow"), id_of(database, space, "rain")
    assert get_themes(database, THEIRS, theirs, AdFilters()).items == ()
    assert count_ads(database, THEIRS, "all", AdFilters(themes=(snow,))) == 0
    attempts = (
        lambda: get_themes(database, THEIRS, space, AdFilters()),
        lambda: discover_themes(database, THEIRS, space, model=MODEL),
        lambda: edit_theme(database, THEIRS, snow, ThemeEdit(name="Mine")),
        lambda: merge_themes(database, THEIRS, snow, into=rain),
        lambda: remove_theme(database, THEIRS, snow),
    )
    for attempt in attempts:
        with pytest.raises(NotFoundError):
            attempt()
    assert len(seen(database, space).items) == 4


def test_what_cant_be_done_is_said(database: Database, space: str) -> None:
    with pytest.raises(ConflictError, match="need 12"):
        discover_themes(database, OURS, space, model="another")
    with pytest.raises(BadInputError, match="make a brandspace"):
        look(database, "all")
    look(database, space)
    snow, rain = id_of(database, space, "snow"), id_of(database, space, "rain")
    with pytest.raises(ConflictError, match="has this name"):
        edit_theme(database, OURS, snow, ThemeEdit(name="Coat  · RAIN"))
    for edit in (ThemeEdit(name=" "), ThemeEdit(name="x" * 101), ThemeEdit(definition="x" * 501)):
        with pytest.raises(BadInputError):
            edit_theme(database, OURS, snow, edit)
    with pytest.raises(BadInputError, match="itself"):
        merge_themes(database, OURS, snow, into=snow)
    with pytest.raises(NotAllowedError):
        remove_theme(database, READER, rain)
    assert get_themes(database, READER, "all", AdFilters()).items == ()
