"""What the pages say about ads, brands, requests and comparisons."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.charts import PALETTE, brand_numbers, spread
from app.mix_charts import difference_chart, dots_chart, matrix_chart
from app.time_charts import launches_by_month, survival_curves
from app.view_models.ad_cards import make_card, media_problem, source_badges
from app.view_models.brand_overviews import make_overview
from app.view_models.comparisons import Matrix, make_launches, make_matrix
from app.view_models.frozen_changes import changes_since
from app.view_models.label_rows import Segment, mark, settled
from app.view_models.operations_view import process_rows, queue_rows, run_rows
from app.view_models.request_rows import make_row, running
from app.view_models.time_views import make_curves
from core.insights.launches import Period
from core.insights.mixes import BrandMix, Comparison, LabelMix, compare, mix_of_brands
from core.insights.survival import kaplan_meier
from core.queries.ads import AdCard
from core.queries.comparison import BrandLaunches, Launches
from core.queries.longevity import BrandSurvival, Survivals
from core.queries.operations import Heartbeat, QueueFigures, RunFigures
from core.queries.overview import BrandOverview, ScanNews
from core.queries.questions import BrandComparison
from core.queries.requests import RequestView
from core.queries.status import AdStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY = NOW.date()


def card(**changes: Any) -> AdCard:
    values: dict[str, Any] = {
        "ad_id": "1", "brand": "acme", "brand_name": "Acme", "scope": "shared", "channel": "meta", "page_name": "Acme",
        "first_seen": date(2026, 1, 1), "last_seen": date(2026, 1, 3), "run_start": None, "run_end": None,
        "days_seen": 3, "status": AdStatus.ACTIVE, "format": "image", "countries": (), "cta": "", "title": "",
        "copy": "Half price", "landing_domain": None, "library_url": None, "cover_sha256": None, "media_status": "ok",
        "media_reason": None, "labels": {}, "has_text": True,
    }  # fmt: skip
    return AdCard(**values | changes)


def overview(slug: str, *, previous: date | None = date(2026, 2, 1), channel: str = "meta") -> BrandOverview:
    news = ScanNews(slug, "shared", channel, "", date(2026, 2, 27), previous, 2, 1, 0, 3)
    return BrandOverview(slug, slug.title(), 10, 6, 1, 3, 2, 1, news.scanned_on, (news,))


def request(status: str, **progress: int) -> RequestView:
    return RequestView("r", "import", status, {"name": "ads.csv"}, progress, None, None, NOW, NOW)


def a_mix(*brands: BrandMix) -> LabelMix:
    return mix_of_brands("hook", brands)


def a_matrix(*brands: BrandMix, names: Any = None, focal: str | None = None, **more: Any) -> Matrix:
    found = compare(a_mix(*brands), focal=focal)
    same = {field.name: getattr(found, field.name) for field in fields(Comparison)}
    return make_matrix(BrandComparison(**same, **more), names or {})


# --- cards --------------------------------------------------------------------------------------------


def test_a_card_says_seen_and_never_how_long_an_ad_ran() -> None:
    assert make_card(card()).dates == "First seen 1 Jan 2026 · seen over 3 days"
    assert make_card(card(run_start=date(2025, 12, 1))).dates == "Started 1 Dec 2025 · seen over 3 days"


def test_a_missing_picture_has_a_reason() -> None:
    problem = make_card(card(media_status="unreadable", media_reason="only the page's picture was delivered")).problem
    assert problem == ("Unreadable file", "Only the page's picture was delivered")
    assert media_problem("new_status", None) == ("New status", "")


def test_a_partner_page_is_named_and_the_brands_own_is_not() -> None:
    assert make_card(card(page_name="Running with Jo")).byline == "by Running with Jo"
    assert make_card(card(page_name="ACME")).byline == ""


def test_unknown_and_none_make_no_badge_and_an_unread_ad_says_so() -> None:
    labels = {"hook": ("unknown",), "offer": ("none",), "tone": ("calm",)}
    assert [badge.text for badge in make_card(card(labels=labels)).labels] == ["Tone: calm"]
    assert [badge.text for badge in make_card(card()).labels] == ["Not labelled yet"]
    assert [badge.text for badge in make_card(card(has_text=False)).labels] == ["No text to label"]


def test_sample_and_private_ads_say_so() -> None:
    assert [badge.text for badge in source_badges("sample", "shared")] == ["Sample data"]
    assert [badge.text for badge in source_badges("customer", "local")] == ["Customer data", "Private"]


# --- evidence -----------------------------------------------------------------------------------------


def test_quotes_are_marked_where_they_stand_line_by_line() -> None:
    text = "Half price\ntoday only"
    lines = mark(text, [{"quote": "price\ntoday", "start": 5, "end": 16}])
    assert lines == (
        (Segment("Half ", False), Segment("price", True)),
        (Segment("today", True), Segment(" only", False)),
    )


@pytest.mark.parametrize(
    "quote",
    [
        {"quote": "half", "start": 0, "end": 4},
        {"quote": "Half", "start": 0, "end": 99},
        {"quote": "", "start": 3, "end": 3},
        {"quote": "Half", "start": -10, "end": 4},
    ],
)
def test_a_quote_that_is_not_in_the_text_marks_nothing(quote: dict[str, Any]) -> None:
    assert mark("Half price", [quote]) == ((Segment("Half price", False),),)


def test_marking_loses_no_letter() -> None:
    text = "\n\n친구와 함께 50% off\n"
    lines = mark(text, [{"quote": "친구", "start": 2, "end": 4}, {"quote": "구와", "start": 3, "end": 5}])
    assert "\n".join("".join(segment.text for segment in line) for line in lines) == text
    assert lines[2][0] == Segment("친구와", True)


@pytest.mark.parametrize(
    ("before", "chosen", "settles"),
    [
        (["none"], ["none", "gift"], ["gift"]),
        (["unknown"], ["unknown", "gift"], ["gift"]),
        (["gift", "bundle"], ["gift", "bundle", "none"], ["none"]),
        (["none"], ["none", "unknown"], ["unknown"]),
        (["gift"], ["gift", "bundle"], ["gift", "bundle"]),
        (["gift", "bundle"], ["gift"], ["gift"]),
        (["none"], [], []),
    ],
)
def test_none_stands_alone_by_itself(before: list[str], chosen: list[str], settles: list[str]) -> None:
    assert settled(before, chosen, {"none", "unknown"}) == settles


# --- overviews and requests ---------------------------------------------------------------------------


def test_sums_are_over_all_brands_which_are_sorted_by_name() -> None:
    view = make_overview([overview("zeta"), overview("alpha", channel="sample")], TODAY)
    assert [row.name for row in view.brands] == ["Alpha", "Zeta"]
    assert (view.ads, view.active, view.new, view.changed, view.has_sample) == (20, 12, 4, 2, True)
    assert view.news == "The latest scan was 2 days ago."


def test_first_scans_are_told_from_news() -> None:
    assert "1 brand was scanned once so far" in make_overview([overview("a", previous=None), overview("b")], TODAY).news
    assert make_overview([], TODAY).news == "Nothing has been scanned yet."


@pytest.mark.parametrize(
    ("progress", "share", "step"),
    [
        ({}, 0.0, "Waiting for its turn"),
        ({"items": 10, "items_finished": 5, "brands": 1}, 0.25, "Fetching: 5 of 10 files"),
        ({"items": 10, "items_finished": 10, "brands": 2, "brands_committed": 1}, 0.5, "Storing: 1 of 2 brands"),
        (
            {"items": 1, "items_finished": 1, "brands": 1, "brands_committed": 1},
            0.5,
            "Labelling (local heuristics): 0 of 1 brand",
        ),
        (
            {"items": 1, "items_finished": 1, "brands": 5, "brands_committed": 5, "texts": 400, "texts_read": 100},
            0.625,
            "Labelling (local heuristics): 100 of 400 new texts, 0 of 5 brands",
        ),
        ({"texts": 4, "texts_read": 1}, 0.25, "Labelling (local heuristics): 1 of 4 texts"),
    ],
)
def test_a_request_says_what_it_does_now(progress: dict[str, int], share: float, step: str) -> None:
    row = make_row(request("processing", **progress), NOW + timedelta(minutes=2))
    assert (row.share, row.step, row.name, row.when) == (pytest.approx(share), step, "Import ads.csv", "2 min ago")


def test_only_unfinished_requests_run() -> None:
    found = running([request("queued"), request("completed"), request("failed"), request("processing")], NOW)
    assert [row.status for row in found] == ["Queued", "Processing"]


def test_a_request_about_a_brand_stands_under_its_name() -> None:
    asked = replace(request("processing"), kind="analyse", params={"brand": "kupangpeulrei"})
    assert make_row(asked, NOW, {"kupangpeulrei": "쿠팡플레이"}).name == "Analyse 쿠팡플레이"
    assert make_row(asked, NOW).name == "Analyse kupangpeulrei"


# --- comparisons --------------------------------------------------------------------------------------


def test_shares_are_of_what_was_read_and_unknown_is_a_value() -> None:
    matrix = a_matrix(BrandMix("acme", 50, 40, 10, 10, {"story": 30}))
    assert [row.value for row in matrix.rows] == ["story", "unknown"]
    share = matrix.cells["acme", "story"].share
    assert (share.count, share.n, share.share) == (30, 40, 0.75)
    assert matrix.cells["acme", "unknown"].share.share == 0.25
    assert "95 % interval 60 % to 86 %" in matrix.cells["acme", "story"].said


def test_notes_say_what_weakens_the_numbers() -> None:
    brands = [BrandMix("a", 90, 88, 2, 0, {"story": 80, "question": 80}), BrandMix("b", 2, 0, 2, 0, {})]
    brands.append(BrandMix("c", 3, 3, 0, 2, {"story": 1}))
    notes = " ".join(a_matrix(*brands).notes)
    for expected in (
        "1 brand has under 20",
        "more than 100 %",
        "1 brand has nothing read yet",
        "Reading isn't finished",
    ):
        assert expected in notes


def test_labels_below_their_bar_are_said_and_greyed() -> None:
    brands = [BrandMix("acme", 50, 50, 0, 0, {"story": 30})]
    whole, value = a_matrix(*brands, below_bar="kappa 0.2"), a_matrix(*brands, values_below_bar={"story": "kappa 0.1"})
    assert (whole.below_bar, value.rows[0].below_bar) == ("kappa 0.2", "kappa 0.1")
    assert "below the bar" in matrix_chart(value).layout.yaxis.ticktext[0]


def test_changes_since_freezing_name_sizes_and_verdicts() -> None:
    before = [BrandMix("acme", 40, 40, 0, 0, {"story": 30}), BrandMix("zeta", 40, 40, 0, 0, {"story": 5})]
    after = [before[0], BrandMix("zeta", 80, 80, 0, 0, {"story": 58})]
    then, now = (compare(a_mix(*brands), focal="acme") for brands in (before, after))
    assert changes_since(then, then, {}) == ["nothing: asked again now, the answer is the same"]
    assert changes_since(then, now, {"zeta": "Zeta"}) == [
        "Zeta: n = 40 → 80",
        "Zeta, Story: lower → no difference shown",
    ]


def test_names_of_curves_keep_apart_and_in_order() -> None:
    places = spread([100.0, 50.0, 51.0, 99.0], 5)
    assert sorted(range(4), key=places.__getitem__) == [1, 2, 3, 0]
    assert min(b - a for a, b in pairwise(sorted(places))) >= 5


# --- charts -------------------------------------------------------------------------------------------


def test_a_brand_keeps_its_colour_and_no_two_share_one() -> None:
    slugs = [f"brand-{number}" for number in range(len(PALETTE))]
    numbers = brand_numbers(slugs)
    assert sorted(numbers.values()) == list(range(len(PALETTE)))
    assert brand_numbers(list(reversed(slugs))) == numbers
    assert brand_numbers(["solo"]) == brand_numbers(["solo"])


def test_charts_escape_names_and_carry_n_titles_and_units() -> None:
    brands = [BrandMix(slug, 4, 4, 0, 0, {"story": 4}) for slug in ("x", "y")]
    matrix = a_matrix(*brands, names={"x": "<a href='e'>X</a>"}, focal="y")
    timeline = make_launches(
        Launches(Period.MONTH, (BrandLaunches("x", 4, 4, 0, ((date(2026, 1, 1), 4),)),), 0), {"x": "<b>X</b>"}
    )
    curves = make_curves(
        Survivals("", "ads", 0.95, (BrandSurvival("x", 2, kaplan_meier({3: 2}, {4: 2})),), None, 0),
        {"x": "<a href='e'>X</a>"},
    )
    charts = [matrix_chart(matrix), matrix_chart(matrix, dark=True), dots_chart(matrix), difference_chart(matrix)]
    for figure in (*charts, launches_by_month(timeline), survival_curves(curves)):
        content = figure.to_json()
        assert "<a href" not in content
        assert "\\u003ca href" not in content
        assert "n = 4" in content
        assert any(axis.title.text for axis in figure.select_xaxes())
        assert figure.layout.template.layout.margin.l == 8


# --- operations ---------------------------------------------------------------------------------------


def test_a_queue_counts_its_background_and_its_dead_letters() -> None:
    names = ("brand-gather-queue", "brand-gather-queue-background", "brand-gather-queue-background-dlq")
    first = queue_rows([QueueFigures(name, 2, 1, 0, 90.0) for name in names])[0]
    assert (first.title, first.waiting, first.in_flight, first.dead, first.oldest) == ("Gather", 4, 2, 3, "1 min")


@pytest.mark.parametrize(
    ("failed", "error", "note"), [(3, None, "3 of 1,200 items failed"), (3, "no disk", "no disk"), (0, None, "")]
)
def test_a_run_says_what_failed(failed: int, error: str | None, note: str) -> None:
    figures = RunFigures("b", "shared", "acme", "committed", 1200, 1200, failed, True, "done", error, NOW, NOW, NOW)
    assert run_rows([figures], NOW)[0].note == note


def test_a_quiet_process_is_shown_for_a_while_then_forgotten() -> None:
    beats = [Heartbeat(str(age), "api", "h", NOW, NOW - timedelta(minutes=age)) for age in (0, 5, 60)]
    assert [(row.name, row.is_alive) for row in process_rows(beats, NOW)] == [("0", True), ("5", False)]
