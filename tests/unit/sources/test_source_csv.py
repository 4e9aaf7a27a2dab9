"""Rows of CSV files that can't be trusted are quarantined with their line, never mended. Others are kept."""

from datetime import date
from pathlib import Path

import pytest

from core.domain.ad import AdFormat, AdVersion
from core.domain.media import MediaRef, MediaRole, MediaStatus
from tests.unit.sources.source_files import CUSTOMER_COLUMNS, customer_csv, meta_csv, read

HEADER = ",".join(CUSTOMER_COLUMNS)
VIDEO = "https://video.example.com/v/one.mp4?oh=1&oe=6A275129"  # dead after 2026-06-08
POSTER = "https://images.example.com/v/one.jpg?oh=2&oe=6A275129"


def customer_lines(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def codes(path: Path) -> list[tuple[int | None, str]]:
    return [(rejection.line, rejection.code) for rejection in read(path)[1]]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"adId": ""}, "missing_id"),
        ({"adId": "1.23E+15"}, "lost_digits"),
        ({"adId": "1,23E+15"}, "lost_digits"),  # a comma for the decimal point
        ({"brand": "Unknown"}, "unknown_brand"),
        ({"brand": "[]"}, "unknown_brand"),
        ({"startDate": "30/01/2025"}, "bad_date"),
        ({"startDate": "2025-02-30"}, "bad_date"),
    ],
)
def test_a_row_that_cannot_be_trusted_is_quarantined(tmp_path: Path, changes: dict[str, str], code: str) -> None:
    path = customer_csv(tmp_path / "a.csv", {}, changes, {"adId": "3"})
    assert codes(path) == [(3, code)]
    assert [record.external_id for record in read(path)[0]] == ["1", "3"]


@pytest.mark.parametrize("ragged", ["2,2025-01-30,Bright Cup,big,red,cup,a,b,c,d", "2,2025-01-30,Bright Cup"])
def test_a_ragged_row_is_quarantined_with_its_line(tmp_path: Path, ragged: str) -> None:
    assert codes(customer_lines(tmp_path / "a.csv", "1,,Bright Cup,,,,,,", ragged)) == [(3, "ragged_row")]


def test_lines_count_from_the_top_of_the_file_even_after_cells_of_several_lines(tmp_path: Path) -> None:
    path = customer_lines(
        tmp_path / "a.csv", '1,,Bright Cup,,,,,,"one', "two", 'three"', "", "2,,Bright Cup", "3,,B,,,,,,"
    )
    assert codes(path) == [(6, "ragged_row")]
    assert [record.lines for record in read(path)[0]] == [(2,), (7,)]


def test_a_quote_that_is_never_closed_takes_no_other_row_along(tmp_path: Path) -> None:
    path = customer_lines(tmp_path / "a.csv", "1,,B,,,,,,", '2,,B,,,,,,"open', "3,,B,,,,,,", "4,,B,,,,,,")
    assert codes(path) == [(3, "bad_csv")]
    assert [record.external_id for record in read(path)[0]] == ["1", "3", "4"]


def test_a_cell_of_more_than_a_million_characters_is_quarantined(tmp_path: Path) -> None:
    path = customer_lines(tmp_path / "a.csv", f"1,,B,,,,,,{'x' * 1_000_001}", f"2,,B,,,,,,{'x' * 1_000_000}")
    assert codes(path) == [(2, "cell_too_long")]


def test_nul_characters_are_dropped(tmp_path: Path) -> None:
    assert read(customer_lines(tmp_path / "a.csv", "1,,Bri\0ght,,,,,,"))[0][0].brand_name == "Bright"


def test_a_header_that_repeats_a_column_says_nothing_of_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER},brand\n1,,B,,,,,,,C\n")
    assert (read(path)[0], codes(path)) == ([], [(1, "bad_header")])


def test_semicolons_may_separate_the_columns(tmp_path: Path) -> None:
    assert read(customer_csv(tmp_path / "a.csv", {}, delimiter=";"))[0][0].attributes["features"] == ["warm", "strong"]


def test_a_customers_ad_has_labels_but_no_copy(tmp_path: Path) -> None:
    record = read(customer_csv(tmp_path / "spring.csv", {}))[0][0]
    assert (record.channel, record.account, record.versions) == ("customer", "spring", (AdVersion(),))
    assert record.run_start == date(2025, 1, 30)
    assert record.first_seen is None
    assert record.attributes == {
        "product_type": "coffee",
        "description": "The ad shows a cup.",
        "features": ["warm", "strong"],
        "marketing_approach": ["emotional", "humour"],
    }


def test_a_composite_brand_is_kept_as_written(tmp_path: Path) -> None:
    assert read(customer_csv(tmp_path / "a.csv", {"brand": "Bright Cup x Sun"}))[0][0].brand_name == "Bright Cup x Sun"


def test_a_repeated_row_is_one_ad_and_a_contradicting_one_is_quarantined(tmp_path: Path) -> None:
    path = customer_csv(tmp_path / "a.csv", {}, {}, {"description": "Something else."})
    assert [record.lines for record in read(path)[0]] == [(2, 3)]
    assert codes(path) == [(4, "duplicate_id")]


def test_a_meta_ad_is_mapped_to_the_record(tmp_path: Path) -> None:
    record = read(meta_csv(tmp_path / "a.csv", {}))[0][0]
    assert record.versions == (
        AdVersion(
            copy="Wake up to better coffee",
            description="First cup free",
            cta="Shop now",
            landing_url="https://example.com/cup?size=2",
            format=AdFormat.VIDEO,
            platforms=("audience_network", "facebook"),
        ),
    )
    assert (record.channel, record.account, record.page_id, record.countries) == ("meta", "", "700", ("IN",))
    assert record.run_start == date(2026, 2, 5)
    assert (record.run_end, record.source_says_active) == (None, None)
    assert record.media == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ad_library_id": "1.23E+15"}, "lost_digits"),
        ({"ad_library_id": "12ab"}, "bad_id"),
        ({"competitor_name": ""}, "unknown_brand"),
        ({"scrape_run_date": ""}, "missing_date"),
        ({"ad_end_date": "5 June"}, "bad_date"),
    ],
)
def test_a_meta_row_that_cannot_be_trusted_is_quarantined(tmp_path: Path, changes: dict[str, str], code: str) -> None:
    assert codes(meta_csv(tmp_path / "a.csv", changes)) == [(2, code)]


def test_versions_of_an_ad_are_one_record(tmp_path: Path) -> None:
    rows = [
        {
            "version_index": str(n),
            "version_id": f"v{n}",
            "version_primary_text": f"Text {n}",
            "version_cta_label": "Sign Up",
        }
        for n in range(3)
    ]
    record = read(meta_csv(tmp_path / "a.csv", *rows))[0][0]
    assert [(version.version_key, version.copy, version.cta) for version in record.versions] == [
        ("v0", "Text 0", "Sign up"),
        ("v1", "Text 1", "Sign up"),
        ("v2", "Text 2", "Sign up"),
    ]
    assert record.lines == (2, 3, 4)
    assert len(record.raw) == 3


def test_cards_of_a_carousel_are_media_of_one_version(tmp_path: Path) -> None:
    cards = [
        {
            "ad_media_type": "Carousel",
            "creative_index_in_ad": str(n),
            "facebook_thumbnail_cdn_url_at_scrape": f"https://images.example.com/{n}.jpg?oe=6A275129",
        }
        for n in range(2)
    ]
    record = read(meta_csv(tmp_path / "a.csv", *cards))[0][0]
    assert [version.format for version in record.versions] == [AdFormat.CAROUSEL]
    assert [(medium.role, medium.position) for medium in record.media] == [(MediaRole.IMAGE, 0), (MediaRole.IMAGE, 1)]


@pytest.mark.parametrize(
    ("today", "problem"), [(date(2026, 6, 8), None), (date(2026, 6, 9), MediaStatus.EXPIRED_URL), (None, None)]
)
def test_a_link_is_expired_after_the_day_it_was_signed_for(
    tmp_path: Path, today: date | None, problem: MediaStatus | None
) -> None:
    links = {"facebook_video_cdn_url_at_scrape": VIDEO, "facebook_thumbnail_cdn_url_at_scrape": POSTER}
    reason = problem and "the link expired on 2026-06-08"
    assert read(meta_csv(tmp_path / "a.csv", links), today=today)[0][0].media == (
        MediaRef(MediaRole.VIDEO, VIDEO, problem=problem, reason=reason),
        MediaRef(MediaRole.POSTER, POSTER, problem=problem, reason=reason),
    )


def test_one_file_under_several_signatures_is_one_medium(tmp_path: Path) -> None:
    rows = [{"facebook_video_cdn_url_at_scrape": VIDEO.replace("oh=1", f"oh={n}")} for n in range(3)]
    assert len(read(meta_csv(tmp_path / "a.csv", *rows))[0][0].media) == 1


def test_a_file_is_one_scan_of_each_of_its_brands(tmp_path: Path) -> None:
    rows = [
        {"ad_library_id": "1", "first_scrape_run_date": "2026-05-27", "latest_scrape_run_date": "2026-06-01"},
        {"ad_library_id": "2", "first_scrape_run_date": "", "latest_scrape_run_date": "2026-06-14"},
        {"ad_library_id": "4", "latest_scrape_run_date": "2026-06-02"},
        {"ad_library_id": "3", "competitor_name": "Other"},
    ]
    records = read(meta_csv(tmp_path / "a.csv", *rows))[0]
    assert [record.scanned_on for record in records] == [*[date(2026, 6, 14)] * 3, date(2026, 6, 4)]
    assert (records[0].first_seen, records[0].last_seen) == (date(2026, 5, 27), date(2026, 6, 4))


@pytest.mark.parametrize(
    ("written", "platforms"),
    [
        ("Facebook,Audience Network", ("audience_network", "facebook")),
        ("Facebook, Instagram", ("facebook", "instagram")),
        ("5 platforms", ()),  # how many, not which
        ("", ()),
    ],
)
def test_platforms_are_named_in_one_way(tmp_path: Path, written: str, platforms: tuple[str, ...]) -> None:
    record = read(meta_csv(tmp_path / "a.csv", {"ad_distribution_platforms": written}))[0][0]
    assert record.versions[0].platforms == platforms
    assert record.attributes.get("platform_count") == (5 if written.startswith("5") else None)


def test_scraped_text_is_cut_from_copy_and_kept_raw(tmp_path: Path) -> None:
    record = read(meta_csv(tmp_path / "a.csv", {"ad_primary_text": "Started running on 14 May 2026"}))[0][0]
    assert record.versions[0].copy == ""
    assert isinstance(record.raw, dict)
    assert record.raw["ad_primary_text"] == "Started running on 14 May 2026"


def test_a_domain_is_no_button_and_a_button_no_description(tmp_path: Path) -> None:
    rows = [
        {"ad_library_id": "1", "ad_cta_label": "BRIGHTCUP.COM"},
        {"ad_library_id": "2", "ad_cta_label": "", "ad_description": "Install Now"},
    ]
    first, second = (record.versions[0] for record in read(meta_csv(tmp_path / "a.csv", *rows))[0])
    assert first.cta == ""
    assert (second.cta, second.description) == ("Install now", "")


def test_a_blank_page_is_unknown_and_the_whole_world_no_country(tmp_path: Path) -> None:
    changes = {"facebook_page_name": "", "facebook_page_id": "", "target_country": "ALL"}
    record = read(meta_csv(tmp_path / "a.csv", changes))[0][0]
    assert (record.page_name, record.page_id, record.countries) == (None, None, ())


def test_an_ad_under_two_brands_is_kept_under_the_first(tmp_path: Path) -> None:
    path = meta_csv(tmp_path / "a.csv", {}, {"competitor_name": "Other"})
    assert [record.brand_name for record in read(path)[0]] == ["Bright Cup"]
    assert codes(path) == [(3, "conflicting_brand")]
