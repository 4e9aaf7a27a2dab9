"""Corrections: an organisation's own layer over labels and brand names, read wherever they are read."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest
from sqlalchemy import text

from core.access.users import invite_user
from core.adapters.postgres.content_store import store_labels
from core.adapters.postgres.engine import Database
from core.ai.taxonomy import Taxonomy, load_taxonomy
from core.curation.brand_names import name_brand, take_name_back
from core.curation.brandspaces import create_brandspace
from core.curation.labels import SeenLabel, correct_label, take_correction_back
from core.domain.label import Label, Provenance
from core.domain.principal import LOCAL_PRINCIPAL, Principal, Role
from core.errors import AdologyError, BadInputError, ConflictError, NotAllowedError, NotFoundError
from core.queries.ad_detail import get_ad
from core.queries.ads import count_ads, list_ads
from core.queries.brands import get_brand, list_brands
from core.queries.comparison import label_mix
from core.queries.facets import facets
from core.queries.filters import AdFilters
from core.queries.overview import brand_overviews
from tests.builders import AnAd, store, store_brand

OURS, THEIRS, NOBODYS = Principal("ours"), Principal("theirs"), Principal("nobodys")
NONE = AdFilters()
MANY = {"offer": ("percent_off", "free_trial")}
DIMENSIONS = {"hook": ("urgency", "how_to"), "offer": ("free_trial", "percent_off", "none"), "language": ("de", "ko")}

taxonomy = cache(load_taxonomy)
A_STYLE = taxonomy().values("visual_style")[0]
Values = tuple[str, ...]


def correct(database: Database, who: Principal, item: AnAd, **values: Sequence[str]) -> SeenLabel:
    ((dimension, said),) = values.items()
    return correct_label(database, who, taxonomy(), item.ad_id, dimension=dimension, values=said)


def seen(database: Database, who: Principal, item: AnAd) -> Mapping[str, Values]:
    return next(
        card.labels for card in list_ads(database, who, "all", NONE, limit=200).items if card.ad_id == item.ad_id
    )


AN_AD = AnAd("1", labels={"hook": ("urgency",), "offer": ("none",), "language": ("en",)})


def test_a_correction_is_seen_by_its_organisation_and_by_nobody_else(database: Database) -> None:
    store(database, AN_AD)

    answer = correct(database, OURS, AN_AD, offer=["free_trial", "percent_off"])

    assert answer == SeenLabel("offer", ("free_trial", "percent_off"), is_corrected=True, ads=1)
    assert set(seen(database, OURS, AN_AD)["offer"]) == {"free_trial", "percent_off"}
    assert seen(database, THEIRS, AN_AD)["offer"] == ("none",)


def test_a_correction_holds_for_every_visible_ad_that_says_the_same_and_says_how_many(database: Database) -> None:
    twin, other_scope = replace(AN_AD, external_id="2", brand="zeta"), replace(AN_AD, scope="ours")
    store(database, AN_AD, twin, other_scope, replace(AN_AD, scope="theirs"))

    assert correct(database, OURS, AN_AD, hook=["how_to"]).ads == 2

    assert [seen(database, OURS, item)["hook"] for item in (AN_AD, twin, other_scope)] == [
        ("how_to",),
        ("how_to",),
        ("urgency",),  # a private ad is never one with a shared one
    ]


def test_a_later_run_of_the_machine_changes_nothing_that_was_corrected(database: Database) -> None:
    store(database, AN_AD)
    correct(database, OURS, AN_AD, hook=["how_to"])
    made = Label("hook", "statistic", 1.0, Provenance("a later method", "2", "another model", "v2"))

    with database.worker("shared") as connection:
        connection.execute(text("DELETE FROM label WHERE dimension = 'hook'"))
        store_labels(connection, scope="shared", labels={AN_AD.content_id: [made]})

    assert seen(database, OURS, AN_AD)["hook"] == ("how_to",)
    assert seen(database, THEIRS, AN_AD)["hook"] == ("statistic",)


def test_what_a_picture_shows_is_corrected_in_every_ad_that_shows_it(database: Database) -> None:
    """However different their words; and an ad without a picture shows nothing."""
    shown, twin = replace(AN_AD, sha256="a" * 64), AnAd("2", copy="other words", sha256="a" * 64)
    store(database, shown, twin, AnAd("3"))

    assert correct(database, OURS, shown, visual_style=[A_STYLE]).ads == 2

    for item in (shown, twin):
        cover = get_ad(database, OURS, item.ad_id).cover
        assert cover is not None
        assert [(each.dimension, each.values) for each in cover.corrections] == [("visual_style", (A_STYLE,))]
    with pytest.raises(ConflictError, match="no picture"):
        correct(database, OURS, AnAd("3"), visual_style=[A_STYLE])


def test_taken_back_the_machines_label_is_seen_again(database: Database) -> None:
    store(database, AN_AD)
    correct(database, OURS, AN_AD, hook=["unknown"])
    assert seen(database, OURS, AN_AD)["hook"] == ("unknown",)

    for _ in range(2):
        answer = take_correction_back(database, OURS, AN_AD.ad_id, dimension="hook")
        assert answer == SeenLabel("hook", ("urgency",), is_corrected=False, ads=1)

    assert seen(database, OURS, AN_AD)["hook"] == ("urgency",)
    with database.reader(OURS) as connection:
        actions = list(connection.execute(text("SELECT action FROM audit ORDER BY audit_id")).scalars())
    assert actions == ["label.correct", "label.take_back"]


def test_a_text_nobody_has_read_yet_is_labelled_by_its_correction(database: Database) -> None:
    unread = AnAd("1")
    store(database, unread)

    correct(database, OURS, unread, hook=["how_to"])

    assert count_ads(database, OURS, "all", AdFilters(labels=(("hook", "how_to"),))) == 1
    (ours,), (theirs,) = (label_mix(database, who, "all", "hook", NONE).brands for who in (OURS, THEIRS))
    assert (ours.read, ours.pending, dict(ours.counts)) == (1, 0, {"how_to": 1})
    assert (theirs.read, theirs.pending) == (0, 1)


NO_VALUES: list[tuple[str, list[str]]] = [
    ("hook", []),
    ("hook", ["no_such_hook"]),
    ("hook", ["urgency", "how_to"]),  # one hook opens an ad
    ("offer", ["free_trial", "none"]),
    ("offer", ["free_trial", "unknown"]),
    ("language", ["german"]),
    ("language", ["de", "ko"]),
    ("colour", ["red"]),
]


@pytest.mark.parametrize(("dimension", "values"), NO_VALUES)
def test_only_values_of_the_taxonomy_are_taken(database: Database, dimension: str, values: list[str]) -> None:
    store(database, AN_AD)
    with pytest.raises(BadInputError):
        correct(database, OURS, AN_AD, **{dimension: values})


def test_an_ad_that_says_nothing_or_is_not_ours_or_a_viewer_corrects_nothing(database: Database) -> None:
    silent, private = AnAd("silent", copy=""), AnAd("private", scope="theirs", labels={"hook": ("urgency",)})
    store(database, AN_AD, silent, private)
    refusals: list[tuple[type[AdologyError], Principal, AnAd]] = [
        (ConflictError, OURS, silent),
        (NotFoundError, OURS, private),
        (NotFoundError, OURS, AnAd("never stored")),
        (NotAllowedError, Principal("ours", Role.VIEWER), AN_AD),
    ]
    for error, who, item in refusals:
        with pytest.raises(error):
            correct(database, who, item, hook=["how_to"])
        with pytest.raises(error):
            take_correction_back(database, who, item.ad_id, dimension="hook")


def test_the_detail_shows_what_the_machine_says_and_who_corrected_it_when(database: Database) -> None:
    now = datetime.now(UTC)
    user_id = invite_user(database, LOCAL_PRINCIPAL, email="ann@example.com", role=Role.ANALYST, now=now)
    store(database, AN_AD)
    correct(database, replace(LOCAL_PRINCIPAL, role=Role.ANALYST, user_id=user_id), AN_AD, hook=["how_to"])

    (version,) = get_ad(database, LOCAL_PRINCIPAL, AN_AD.ad_id).versions
    (theirs,) = get_ad(database, THEIRS, AN_AD.ad_id).versions

    (correction,) = version.corrections
    assert (correction.dimension, correction.values) == ("hook", ("how_to",))
    assert (correction.corrected_by, correction.corrected_by_email) == (f"user:{user_id}", "ann@example.com")
    assert correction.corrected_at.tzinfo is not None
    assert [label.value for label in version.labels if label.dimension == "hook"] == ["urgency"]
    assert theirs.corrections == ()
    assert theirs.labels == version.labels


# --- every figure, after any corrections ---------------------------------------------------------------

Corrections = dict[tuple[str, str], Values]  # (content_id, dimension) → values


def what_is_seen(item: AnAd, corrections: Corrections) -> dict[str, frozenset[str]]:
    """dimension → known values, of what is read; the rule once more, from scratch."""
    found = {name: frozenset(values) - {"unknown"} for name, values in (item.labels or {}).items()}
    mine = {
        name: frozenset(said) - {"unknown"}
        for (content, name), said in corrections.items()
        if content == item.content_id
    }
    return found | mine


def check_figures(database: Database, who: Principal, ads: Sequence[AnAd], corrections: Corrections) -> None:
    looks = {item.ad_id: what_is_seen(item, corrections) for item in ads}
    found = facets(database, who, "all", NONE)
    for dimension, some in DIMENSIONS.items():
        known = [look.get(dimension, frozenset()) for look in looks.values()]
        counts = Counter(value for values in known for value in values)
        facet = found["languages" if dimension == "language" else f"labels.{dimension}"]
        assert dict(facet.values) == dict(counts)
        assert facet.unknown == sum(not values for values in known)
        for value in ("unknown", *some):
            wanted = {ad for ad, look in looks.items() if has(look, dimension, value)}
            filters = filters_of(dimension, value)
            assert {card.ad_id for card in list_ads(database, who, "all", filters, limit=200).items} == wanted
            assert count_ads(database, who, "all", filters) == len(wanted)
        mixes = label_mix(database, who, "all", dimension, NONE).brands
        assert sum((Counter(mix.counts) for mix in mixes), Counter()) == counts
        assert sum(mix.read for mix in mixes) == sum(dimension in look for look in looks.values())
    for card in list_ads(database, who, "all", NONE, limit=200).items:
        shown = {name: frozenset(values) - {"unknown"} for name, values in card.labels.items()}
        assert shown == looks[card.ad_id]


def has(look: Mapping[str, frozenset[str]], dimension: str, value: str) -> bool:
    known = look.get(dimension, frozenset())
    return not known if value == "unknown" else value in known


def filters_of(dimension: str, value: str) -> AdFilters:
    return AdFilters(languages=(value,)) if dimension == "language" else AdFilters(labels=((dimension, value),))


def random_ads(chance: random.Random) -> list[AnAd]:
    """Ads of which some say the same, some aren't read yet, some in one dimension only."""
    texts = [f"text {number}" for number in range(12)]
    labels = {}
    for copy in texts:
        read = {name: (chance.choice(("unknown", *values)),) for name, values in DIMENSIONS.items()}
        labels[copy] = chance.choice((read, read, {"hook": read["hook"]}, None))
    copies = [*texts, *chance.choices(texts, k=8)]
    brands = ("acme", "zeta")
    return [AnAd(str(n), chance.choice(brands), copy=copy, labels=labels[copy]) for n, copy in enumerate(copies)]


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_is_what_counting_from_scratch_gives_whatever_was_corrected(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    ads = random_ads(chance)
    store(database, *ads)
    made: dict[Principal, Corrections] = {OURS: {}, THEIRS: {}}
    for _ in range(3):
        for who, corrections in made.items():
            for _ in range(3):
                item, (dimension, values) = chance.choice(ads), chance.choice(list(DIMENSIONS.items()))
                if chance.random() < 0.3:
                    take_correction_back(database, who, item.ad_id, dimension=dimension)
                    corrections.pop((item.content_id, dimension), None)
                else:
                    said = chance.choice(
                        [*((value,) for value in ("unknown", *values)), MANY.get(dimension, values[:1])]
                    )
                    correct(database, who, item, **{dimension: said})
                    corrections[item.content_id, dimension] = said
        for who in (OURS, THEIRS, NOBODYS):
            check_figures(database, who, ads, made.get(who, {}))


# --- names of brands ---------------------------------------------------------------------------------


def test_a_brand_bears_our_name_for_us_everywhere_and_its_own_for_others(database: Database) -> None:
    store(database, AN_AD)
    assert name_brand(database, OURS, "acme", "  Acme   (rival) ").display_name == "Acme (rival)"

    def names(who: Principal) -> set[str]:
        return {
            get_brand(database, who, "acme").display_name,
            list_brands(database, who).items[0].display_name,
            list_ads(database, who, "all", NONE).items[0].brand_name,
            get_ad(database, who, AN_AD.ad_id).brand_name,
            brand_overviews(database, who, "all").items[0].display_name,
        }

    assert (names(OURS), names(THEIRS)) == ({"Acme (rival)"}, {"Acme"})
    for _ in range(2):
        assert take_name_back(database, OURS, "acme").display_name == "Acme"
    assert names(OURS) == {"Acme"}


def test_the_name_of_ones_own_data_goes_before_the_shared_one(database: Database) -> None:
    store_brand(database, "acme")
    with database.worker("ours") as connection:
        connection.execute(text("INSERT INTO brand (scope, slug, display_name) VALUES ('ours', 'acme', 'ACME Inc')"))

    assert get_brand(database, OURS, "acme").display_name == "ACME Inc"
    assert get_brand(database, THEIRS, "acme").display_name == "Acme"


def test_a_brand_nobody_sees_a_viewer_and_nothing_name_no_brand(database: Database) -> None:
    store(database, AN_AD, AnAd("2", brand="hidden", scope="theirs"))
    create_brandspace(database, OURS, name="x", competitors=["hidden"])

    with pytest.raises(NotFoundError):
        name_brand(database, OURS, "hidden", "Found")
    with pytest.raises(NotAllowedError):
        name_brand(database, Principal("ours", Role.VIEWER), "acme", "Mine")
    with pytest.raises(BadInputError):
        name_brand(database, OURS, "acme", "  ")


def test_the_taxonomy_has_the_dimensions_these_tests_speak_of() -> None:
    known: Taxonomy = taxonomy()
    for dimension, values in DIMENSIONS.items():
        assert dimension == "language" or known.dimensions[dimension].allowed >= set(values)
