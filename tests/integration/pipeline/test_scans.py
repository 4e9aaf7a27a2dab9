"""Scan after scan: what is new, changed, seen again and not seen, and which scan has the say."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from core.domain.ad import AdRecord, AdVersion
from core.domain.principal import LOCAL_PRINCIPAL
from core.queries.ads import list_ads
from core.queries.deltas import deltas_between
from core.queries.filters import AdFilters
from tests.running_system import DAY, System, a_picture, an_ad

WEEK = timedelta(days=7)
EARLIER, LATER, LATEST = DAY - WEEK, DAY + WEEK, DAY + 2 * WEEK


def on(day: date, external_id: str, copy: str, **changes: Any) -> AdRecord:
    return an_ad(external_id, copy, scanned_on=day, **changes)


def ledger(request: dict[str, Any]) -> dict[str, int]:
    return {name: request["result"][name] for name in ("new", "changed", "seen_again", "not_seen", "versions_new")}


def versions(system: System, external_id: str) -> dict[str, tuple[date, date]]:
    rows = system.rows("ad_version", "ad_id = :ad", ad=system.ad(external_id)["ad_id"])
    return {row["copy"]: (row["first_seen"], row["last_seen"]) for row in rows}


def test_a_later_scan_tells_what_happened_in_between(system: System) -> None:
    ended = on(DAY, "ended", "Over.", source_says_active=False)
    system.ingest(on(DAY, "same", "A."), on(DAY, "changes", "B."), on(DAY, "vanishes", "C."), ended)

    request = system.ingest(on(LATER, "same", "A."), on(LATER, "changes", "B, now cheaper."), on(LATER, "new", "D."))

    assert ledger(request) == {"new": 1, "changed": 1, "seen_again": 1, "not_seen": 1, "versions_new": 2}
    assert [row["scanned_on"] for row in sorted(system.rows("scan"), key=lambda row: row["scanned_on"])] == [DAY, LATER]


def test_one_file_of_several_scans_tells_what_each_of_them_saw(system: System) -> None:
    stays = on(LATER, "stays", "A.", first_seen=DAY, seen_before=(DAY,))
    both = (on(DAY, "gone", "B.", source_says_active=True), stays, on(LATER, "new", "C."))

    first, again = system.ingest(*both), system.ingest(*both)

    assert ledger(first) == {"new": 3, "changed": 0, "seen_again": 0, "not_seen": 1, "versions_new": 3}
    assert ledger(again) == {"new": 0, "changed": 0, "seen_again": 3, "not_seen": 1, "versions_new": 0}
    assert first["result"]["scans"] == 2
    scans = {row["scan_id"]: row["scanned_on"] for row in system.rows("scan")}
    seen = {(row["ad_id"], scans[row["scan_id"]]) for row in system.rows("observation")}
    ids = {name: system.ad(name)["ad_id"] for name in ("gone", "stays", "new")}
    assert sorted(scans.values()) == [DAY, LATER]
    newest = next(row["counts"] for row in system.rows("scan") if row["scanned_on"] == LATER)
    assert (newest["new"], newest["seen_again"], newest["not_seen"]) == (1, 1, 1)  # new to us isn't new in the scan
    assert seen == {(ids["gone"], DAY), (ids["stays"], DAY), (ids["stays"], LATER), (ids["new"], LATER)}
    cards = list_ads(system.services.database, LOCAL_PRINCIPAL, "all", AdFilters()).items
    assert {card.ad_id: card.status for card in cards} == {
        ids["gone"]: "not_seen", ids["stays"]: "active", ids["new"]: "active",
    }  # fmt: skip
    between = deltas_between(
        system.services.database, LOCAL_PRINCIPAL, "all", "format", AdFilters(), since=DAY, until=LATER
    )
    (brand,) = between.turnover.brands
    assert (brand.new, brand.continuing, brand.gone) == (1, 1, 1)


def test_dates_widen_and_what_was_said_keeps_its_time(system: System) -> None:
    system.ingest(on(DAY, "1", "Old words."), on(DAY, "gone", "X."))

    system.ingest(on(LATER, "1", "New words."))

    ad = system.ad("1")
    assert (ad["first_seen"], ad["last_seen"], ad["last_scanned_on"]) == (DAY, LATER, LATER)
    assert versions(system, "1") == {"Old words.": (DAY, DAY), "New words.": (LATER, LATER)}
    assert system.ad("gone")["last_seen"] == DAY


def test_an_older_scan_imported_late_overwrites_nothing(system: System) -> None:
    system.ingest(on(DAY, "1", "New words.", page_name="New name", countries=("DE",)), on(DAY, "2", "Other."))
    before = system.ad("1")

    request = system.ingest(on(EARLIER, "1", "Old words.", page_name="Old name"), on(EARLIER, "0", "Long gone."))

    after = system.ad("1")
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"first_seen"}
    assert after["first_seen"] == EARLIER
    assert versions(system, "1")["Old words."] == (EARLIER, EARLIER)
    assert ledger(request) == {"new": 1, "changed": 0, "seen_again": 1, "not_seen": 0, "versions_new": 2}


def test_scans_in_any_order_leave_the_same_ads(system: System) -> None:
    scans = {day: [on(day, "1", f"Words of {day}.", page_name=str(day)), on(day, f"only {day}", "X.")]
             for day in (EARLIER, DAY, LATER)}  # fmt: skip
    for day in (DAY, LATER, EARLIER):
        system.ingest(*scans[day])

    ad = system.ad("1")
    assert (ad["first_seen"], ad["last_seen"], ad["page_name"]) == (EARLIER, LATER, str(LATER))
    assert versions(system, "1") == {f"Words of {day}.": (day, day) for day in scans}
    current = system.rows("ad_version", "version_id = :version", version=ad["current_version_id"])
    assert [row["copy"] for row in current] == [f"Words of {LATER}."]


def test_the_scans_of_one_bundle_are_written_oldest_first(system: System) -> None:
    request = system.ingest(on(LATER, "1", "New."), on(DAY, "1", "Old."), on(DAY, "2", "Gone."))

    assert ledger(request) == {"new": 2, "changed": 1, "seen_again": 0, "not_seen": 1, "versions_new": 3}
    assert system.ad("1")["last_seen"] == LATER


def test_an_older_scan_imported_again_finds_what_it_brought(system: System) -> None:
    old = [on(DAY, "1", "Old."), on(DAY, "2", "Same.")]
    system.ingest(*old)
    system.ingest(on(LATER, "1", "New."), on(LATER, "3", "Third."))
    before = system.record()

    request = system.ingest(*old)

    assert ledger(request) == {"new": 0, "changed": 0, "seen_again": 2, "not_seen": 0, "versions_new": 0}
    assert system.record() == before


def test_a_corrected_file_of_the_same_day_is_a_change_and_the_first_one_again_is_none(system: System) -> None:
    first, corrected = on(DAY, "1", "With a tpyo."), on(DAY, "1", "With a typo.")
    system.ingest(first)

    assert ledger(system.ingest(corrected))["changed"] == 1
    before = system.rows("scan")
    assert ledger(system.ingest(first))["changed"] == 0  # this very scan is known
    assert system.rows("scan") == before


def test_a_change_is_told_once_even_if_the_source_keeps_its_last_date(system: System) -> None:
    def seen(day: date, copy: str) -> AdRecord:
        return on(day, "1", copy, first_seen=EARLIER, last_seen=EARLIER)  # a plan's dates, not sightings

    system.ingest(seen(DAY, "Old."))
    assert ledger(system.ingest(seen(LATER, "New.")))["changed"] == 1

    assert ledger(system.ingest(seen(LATEST, "New.")))["changed"] == 0


def test_words_that_come_back_are_a_change_and_no_new_version(system: System) -> None:
    for day, copy in ((EARLIER, "A."), (DAY, "B.")):
        system.ingest(on(day, "1", copy))

    request = system.ingest(on(LATER, "1", "A."))

    assert ledger(request) == {"new": 0, "changed": 1, "seen_again": 0, "not_seen": 0, "versions_new": 0}
    assert versions(system, "1") == {"A.": (EARLIER, LATER), "B.": (DAY, DAY)}


def test_several_versions_run_side_by_side(system: System) -> None:
    both = (AdVersion(copy="One.", version_key="v1"), AdVersion(copy="Two.", version_key="v2"))
    request = system.ingest(on(DAY, "1", "", versions=both))
    assert (ledger(request)["versions_new"], request["result"]["versions"]) == (2, 2)

    again = system.ingest(on(LATER, "1", "", versions=both[::-1]))
    fewer = system.ingest(on(LATEST, "1", "", versions=both[:1]))

    assert ledger(again) == {"new": 0, "changed": 0, "seen_again": 1, "not_seen": 0, "versions_new": 0}
    assert ledger(fewer) == {"new": 0, "changed": 1, "seen_again": 0, "not_seen": 0, "versions_new": 0}
    assert versions(system, "1") == {"One.": (DAY, LATEST), "Two.": (DAY, LATER)}
    assert len(system.rows("observation")) == 5


def test_platforms_and_tracking_links_are_no_change(system: System) -> None:
    def version(platform: str, link: str) -> tuple[AdVersion, ...]:
        return (
            AdVersion(copy="Buy  it.", platforms=(platform,), landing_url=f"https://acme.example/p?utm_source={link}"),
        )

    system.ingest(on(DAY, "1", "", versions=version("facebook", "a")))

    request = system.ingest(on(LATER, "1", "", versions=version("instagram", "b")))

    assert ledger(request) == {"new": 0, "changed": 0, "seen_again": 1, "not_seen": 0, "versions_new": 0}


def test_each_channel_and_account_is_scanned_for_itself(system: System) -> None:
    system.ingest(on(DAY, "1", "A.", channel="meta"), on(DAY, "1", "A.", channel="google"))
    system.ingest(on(DAY, "1", "A.", channel="customer", account="file"))

    request = system.ingest(on(LATER, "2", "B.", channel="meta"))

    assert ledger(request)["not_seen"] == 1  # Google's and the file's were not looked for
    assert len(system.rows("ad")) == 4


def test_another_brands_ads_are_not_missed(system: System) -> None:
    system.ingest(on(DAY, "1", "A."))

    request = system.ingest(on(LATER, "2", "B.", brand_name="Other"))

    assert ledger(request)["not_seen"] == 0


def test_an_older_scan_imported_late_leaves_the_cover(system: System) -> None:
    old, new = system.upload(a_picture("red")), system.upload(a_picture("blue"))
    system.ingest(an_ad("1", "New words.", new))
    cover = system.ad("1")["cover_sha256"]

    system.ingest(an_ad("1", "Old words.", old, scanned_on=EARLIER))

    assert system.ad("1")["cover_sha256"] == cover


def test_an_ad_stays_with_the_brand_that_showed_it_first(system: System) -> None:
    system.ingest(on(DAY, "1", "Partners.", brand_name="Acme"))

    system.ingest(on(LATER, "1", "Partners.", brand_name="Other"))

    assert system.ad("1")["brand_slug"] == "acme"
