"""Label quality: what each label means, how good it is, and how anybody knows."""

from __future__ import annotations

from app.components.empty_state import empty_state
from app.components.error_notice import shown_errors
from app.components.page_header import plain_header
from app.components.quality_board import choose_dimension, detail, overview
from app.loaders import load_ads_that_say, load_label_quality, now
from app.resources import current_principal, services
from app.view_models.label_quality import make_detail, make_overview

with shown_errors():
    principal = current_principal()
    plain_header("Label quality", "How far the labels can be trusted, and how anybody knows.")
    quality = load_label_quality(principal)
    rows = make_overview(quality)
    if not any(report.measures for report in quality.dimensions):
        empty_state(
            "Nothing measured yet",
            "Measure the sample data first; then have people judge texts of yours: "
            "`./adology labels golden FILE --export` writes a file to fill in.",
            command="./adology labels measure",
            icon=":material/verified:",
        )
    overview(rows)
    chosen = choose_dimension([row.name for row in rows])
    shown = make_detail(quality, chosen, services().taxonomy, now=now())
    detail(shown, load_ads_that_say(principal, shown.content_ids))
