"""Concepts corrected by people: theirs alone, kept by every later scan, taken back as they were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, cast, func, select, update

from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.adapters.postgres.record_store import demote_avatars
from core.adapters.postgres.variant_store import Models
from core.ai.concepts import Sizes
from core.curation.concepts import merge_concepts, split_concept, take_merge_back, take_split_back
from core.domain.principal import Principal, Role
from core.errors import BadInputError, ConflictError, NotAllowedError, NotFoundError
from core.pipeline.grouping import Grouping
from core.queries.conditions import matching
from core.queries.filters import AdFilters
from core.queries.seen_concepts import grouped_ads, seen_concept, seen_variant
from core.queries.units import units_of
from tests.builders import AnAd, repair_cover, show_again, store
from tests.races import until_held

US, OTHERS = Principal("ours"), Principal("others")
FRIDAY, MONDAY = "Free by Friday.", "Free by Monday."
Seen = dict[str, str]  # variant → concept
Ads = dict[str, tuple[str, str]]  # external_id → variant and concept


def an_ad(name: str, brand: str, bits: int | None, words: str = "") -> AnAd:
    """Two are alike where their pictures differ in few bits."""
    return AnAd(name, brand, copy=words, sha256=None if bits is None else f"{brand}-{bits}")


def scan(database: Database, brand: str, pictures: Sequence[int]) -> None:
    """New ads without words, and their concepts."""
    store(database, *(an_ad(f"{brand}{place}", brand, bits) for place, bits in enumerate(pictures)))
    group(database, brand)


def group(database: Database, brand: str) -> None:
    """As after a commit, with all pictures measured."""
    bits = cast(func.split_part(schema.creative.c.sha256, "-", 2), BigInteger)
    with database.worker("shared") as connection:
        connection.execute(update(schema.creative).values(perceptual_hash=bits, colours=[]))
    grouping = Grouping(database, Models("visual", "words"), Sizes(2, 2))
    grouping.form_variants("shared", brand)
    grouping.join_concepts("shared", brand)


def ads_seen(database: Database, who: Principal, brand: str = "acme") -> Ads:
    columns = (schema.ad.c.external_id, seen_variant, seen_concept)
    with database.reader(who) as connection:
        statement = select(*columns).select_from(grouped_ads).where(schema.ad.c.brand_slug == brand)
        return {name: (variant, concept) for name, variant, concept in connection.execute(statement)}


def seen(database: Database, who: Principal, brand: str = "acme") -> Seen:
    return dict(ads_seen(database, who, brand).values())


def test_a_split_takes_variants_out_for_those_who_made_it_alone(database: Database) -> None:
    scan(database, "acme", [0, 1, 3])
    before = seen(database, OTHERS)
    (concept,) = set(before.values())
    founder = concept

    made = split_concept(database, US, concept, variant_ids=[founder])  # even its founder

    assert (made.variant_ids, made.concept_id != concept) == ((founder,), True)
    assert seen(database, US) == before | {founder: made.concept_id}
    assert seen(database, OTHERS) == before
    assert take_split_back(database, US, made.concept_id, variant_ids=[founder]).variant_ids == (founder,)
    assert take_split_back(database, US, concept, variant_ids=[founder]).variant_ids == ()
    assert seen(database, US) == before
    with pytest.raises(NotFoundError):
        take_split_back(database, US, made.concept_id, variant_ids=[founder])  # nothing is left of it


def test_merges_fall_apart_as_they_were_put_together(database: Database) -> None:
    scan(database, "acme", [0, 0xFFFF, 0xFFFF_FFFF])
    a, b, c = sorted(set(seen(database, US).values()))
    machine = seen(database, US)

    merge_concepts(database, US, a, into=b)
    merge_concepts(database, US, b, into=c)
    assert set(seen(database, US).values()) == {c}
    take_merge_back(database, US, b)  # what had been merged into it goes with it

    assert seen(database, US) == {a: b, b: b, c: c}
    assert take_merge_back(database, US, a).variant_ids == (a,)
    assert seen(database, US) == machine == seen(database, OTHERS)
    with database.reader(US) as connection:
        actions = list(connection.execute(select(schema.audit.c.action).order_by(schema.audit.c.audit_id)).scalars())
    assert actions == ["concept.merge", "concept.merge", "concept.merge_back", "concept.merge_back"]


def test_what_can_not_be_corrected_says_so(database: Database) -> None:
    scan(database, "acme", [0, 1])
    scan(database, "zeta", [0])
    (ours,), (zeta,) = set(seen(database, US).values()), set(seen(database, US, "zeta").values())
    every = list(seen(database, US))

    with pytest.raises(BadInputError, match="all of the concept"):
        split_concept(database, US, ours, variant_ids=every)
    with pytest.raises(BadInputError, match="only variants of this concept"):
        split_concept(database, US, ours, variant_ids=[zeta])
    with pytest.raises(BadInputError, match="1 to 500"):
        split_concept(database, US, ours, variant_ids=[])
    with pytest.raises(ConflictError, match="one brand"):
        merge_concepts(database, US, ours, into=zeta)
    with pytest.raises(BadInputError, match="another"):
        merge_concepts(database, US, ours, into=ours)
    with pytest.raises(NotFoundError, match="grouped"):
        merge_concepts(database, US, "nobody's", into=ours)
    with pytest.raises(NotFoundError, match="hasn't merged"):
        take_merge_back(database, US, ours)
    with pytest.raises(NotAllowedError):
        merge_concepts(database, Principal("ours", Role.VIEWER), ours, into=zeta)


def cover_comes_late(database: Database) -> None:
    repair_cover(database, an_ad("1", "acme", 1, FRIDAY))


def copy_is_edited(database: Database) -> None:
    show_again(database, an_ad("1", "acme", None, MONDAY))


def both_before_it_is_grouped(database: Database) -> None:
    copy_is_edited(database)
    repair_cover(database, an_ad("1", "acme", 1, MONDAY))


def cover_was_the_pages(database: Database) -> None:
    with database.worker("shared") as connection:
        demote_avatars(connection, "shared", ["acme-1"], reason="page_avatar")


@pytest.mark.parametrize(
    ("bits", "gets_another"),
    [(None, cover_comes_late), (None, copy_is_edited), (None, both_before_it_is_grouped), (1, cover_was_the_pages)],
)
def test_a_split_goes_along_with_an_ad_that_gets_another_variant(
    database: Database, bits: int | None, gets_another: Callable[[Database], None]
) -> None:
    alike = [an_ad(name, "acme", bits, FRIDAY) for name in ("1", "2")]  # one variant
    store(database, *alike, an_ad("3", "acme", 0, FRIDAY))
    group(database, "acme")
    before = ads_seen(database, US)
    variant, concept = before["1"]
    assert before["3"][1] == concept
    made = split_concept(database, US, concept, variant_ids=[variant]).concept_id

    gets_another(database)
    group(database, "acme")

    after = ads_seen(database, US)
    assert after["1"][0] not in {variant, before["3"][0]}
    assert {name: concept for name, (_, concept) in after.items()} == {"1": made, "2": made, "3": concept}
    assert made not in seen(database, OTHERS).values()


def test_what_was_said_of_a_variant_stands_when_an_ad_comes_back_to_it(database: Database) -> None:
    scan(database, "acme", [0, 1])
    one, concept = ads_seen(database, US)["acme0"]
    made = split_concept(database, US, concept, variant_ids=[one]).concept_id
    show_again(database, an_ad("acme0", "acme", 7))
    group(database, "acme")
    seven, along = ads_seen(database, US)["acme0"]
    split_concept(database, US, along, variant_ids=[seven], into=concept)

    show_again(database, an_ad("acme0", "acme", 0))
    group(database, "acme")

    assert (along, ads_seen(database, US)["acme0"]) == (made, (one, made))


def test_a_variant_that_others_had_before_stays_where_it_is_seen(database: Database) -> None:
    store(database, an_ad("1", "acme", 0), an_ad("2", "acme", 1))
    group(database, "acme")
    one, two = (variant for _, (variant, _) in sorted(ads_seen(database, US).items()))
    (concept,) = set(seen(database, US).values())
    made = split_concept(database, US, concept, variant_ids=[one]).concept_id

    show_again(database, an_ad("1", "acme", 1))  # exactly what the other one shows
    group(database, "acme")
    assert ads_seen(database, US) == {"1": (two, concept), "2": (two, concept)}

    show_again(database, an_ad("1", "acme", 0))
    group(database, "acme")
    assert ads_seen(database, US) == {"1": (one, made), "2": (two, concept)}  # what was said of it stands


def test_of_two_merges_at_once_that_would_form_a_ring_the_second_finds_the_first(database: Database) -> None:
    scan(database, "acme", [0, 0xFFFF_FFFF])
    a, b = sorted(set(seen(database, US).values()))
    passed = Event()

    with ThreadPoolExecutor(1) as thread:
        with database.together(US):
            merge_concepts(database, US, a, into=b)
            other = thread.submit(merge_concepts, database, US, b, into=a)
            other.add_done_callback(lambda _: passed.set())
            until_held(database, passed)
        with pytest.raises(NotFoundError, match=f"merged into {b}"):
            other.result()

    assert set(seen(database, US).values()) == {b}


_brands = count()
_luck = st.integers(0, 1 << 16)
_look = st.tuples(st.sampled_from([0, 1, 7, 0xFFFFF, 0xFFFF_FFFF, None]), st.sampled_from(["", "", "One.", "Two."]))
_step = st.one_of(
    st.tuples(st.just("scan"), st.lists(_look, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["change", "repair"]), st.tuples(_luck, _look)),
    st.tuples(st.sampled_from(["split", "move", "merge", "split back", "merge back"]), _luck),
)


@dataclass
class _Market:
    """The ads of one brand, as their source has them."""

    database: Database
    brand: str = field(default_factory=lambda: f"b{next(_brands)}x")
    ads: dict[str, AnAd] = field(default_factory=dict)

    def scan(self, what: str, value: Any) -> None:
        """New ads, one that says or shows something else, or a cover that comes late."""
        if what == "scan":
            new = [an_ad(f"{self.brand}{len(self.ads) + place}", self.brand, *look) for place, look in enumerate(value)]
            store(self.database, *new)
            self.ads |= {item.external_id: item for item in new}
        else:
            luck, (bits, words) = value
            self._change(what, list(self.ads.values())[luck % len(self.ads)], bits, words)
        group(self.database, self.brand)

    def _change(self, what: str, item: AnAd, bits: int | None, words: str) -> None:
        if what == "change":
            changed = an_ad(item.external_id, self.brand, bits, words)
            changed = replace(changed, sha256=changed.sha256 or item.sha256)  # a cover that was had stays
            show_again(self.database, changed)
        elif item.sha256 is None and bits is not None:
            changed = an_ad(item.external_id, self.brand, bits, item.copy)
            repair_cover(self.database, changed)
        else:
            return
        self.ads[item.external_id] = changed


class _Said:
    """What our organisation has said, to be compared with what it sees."""

    def __init__(self) -> None:
        self.splits: Seen = {}
        self.merges: dict[str, str] = {}  # as they were said

    def expected(self, machine: Ads) -> Ads:
        def end(concept: str) -> str:
            return end(self.merges[concept]) if concept in self.merges else concept

        return {ad: (variant, end(self.splits.get(variant, concept))) for ad, (variant, concept) in machine.items()}

    def goes_along(self, before: Ads, after: Ads) -> None:
        """With an ad that has another variant now, unless that was somebody's before."""
        had = dict(before.values())
        for ad in before:
            old, new = before[ad][0], after[ad][0]
            if new not in had and old in self.splits:
                self.splits.setdefault(new, self.splits[old])

    def correct(self, database: Database, what: str, luck: int, ours: Seen) -> None:
        """One correction of ``ours``, by luck; nothing where there is nothing to correct."""
        variants, concepts = sorted(ours), sorted(set(ours.values()))
        variant = variants[luck % len(variants)]
        here = ours[variant]
        others = [concept for concept in concepts if concept != here]
        other = others[luck // 7 % len(others)] if others else None
        if what == "split" and list(ours.values()).count(here) > 1:
            self.splits[variant] = split_concept(database, US, here, variant_ids=[variant]).concept_id
        elif what == "move" and other:
            self.splits[variant] = split_concept(database, US, here, variant_ids=[variant], into=other).concept_id
        elif what == "merge" and other:
            self.merges[here] = merge_concepts(database, US, here, into=other).concept_id
        elif what == "split back":
            take_split_back(database, US, here, variant_ids=[variant])
            self.splits.pop(variant, None)
        elif what == "merge back" and self.merges:
            merged = sorted(self.merges)[luck % len(self.merges)]
            take_merge_back(database, US, merged)
            del self.merges[merged]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_step, min_size=1, max_size=12))
def test_corrections_survive_any_scans_and_are_nobody_elses(database: Database, steps: list[tuple[str, Any]]) -> None:
    market, said, machine = _Market(database), _Said(), Ads()
    for what, value in [("scan", [(0, ""), (1, ""), (0xFFFFF, "")]), *steps]:
        if isinstance(value, int):
            said.correct(database, what, value, seen(database, US, market.brand))
        else:
            market.scan(what, value)
            now = ads_seen(database, OTHERS, market.brand)
            _check_nothing_moved(dict(machine.values()), dict(now.values()))
            said.goes_along(machine, now)
            machine = now
        ours = ads_seen(database, US, market.brand)
        assert ours == said.expected(machine)
        assert ads_seen(database, OTHERS, market.brand) == machine
        assert _counted(database, market.brand) == Counter(concept for _, concept in ours.values())
    assert set(machine) == set(market.ads)


def _check_nothing_moved(before: Seen, after: Seen) -> None:
    """A machine gives ads other variants, and no variant another concept."""
    assert {variant: after[variant] for variant in before if variant in after} == {
        variant: concept for variant, concept in before.items() if variant in after
    }


def _counted(database: Database, brand: str) -> Mapping[str, int]:
    """Ads by concept, as the counts of pages have them."""
    with database.reader(US) as connection:
        units = units_of("concepts", matching(connection, US, "all", AdFilters(brands=(brand,))))
        return {row.unit_id: row.ads for row in connection.execute(select(units.c.unit_id, units.c.ads))}
