"""Script of the other side: every ad in one frame, kept in Streamlit's cache; filtered, counted and shown by pandas.

It is tuned: plain columns, categories for what repeats, one frame that is never copied (``cache_resource``).
"""

from datetime import date

import pandas as pd
import streamlit as st
from sqlalchemy import text

from app.resources import current_principal, services
from benchmarks.workbench.stopwatch import stopwatch

FACETS = ("brand_slug", "channel", "format", "media_status", "cta", "hook", "tone")
_FRAME = text(
    "SELECT a.ad_id, a.brand_slug, a.channel, a.format, a.media_status, a.first_seen, a.last_seen, a.cover_sha256,"
    " v.copy, v.title, v.cta, h.value AS hook, t.value AS tone FROM ad a"
    " JOIN ad_version v ON v.version_id = a.current_version_id"
    " LEFT JOIN label h ON h.scope = a.scope AND h.content_id = a.content_id AND h.dimension = 'hook'"
    " LEFT JOIN label t ON t.scope = a.scope AND t.content_id = a.content_id AND t.dimension = 'tone'"
)


@st.cache_resource(show_spinner=False)
def frame() -> pd.DataFrame:
    """Every ad that the principal may see, newest first."""
    with services().database.reader(current_principal()) as connection:
        ads = pd.read_sql(_FRAME, connection)
    ads[list(FACETS)] = ads[list(FACETS)].astype("category")
    return ads.sort_values(["first_seen", "ad_id"], ascending=False)


with stopwatch():
    ads = frame()
    ads = ads[ads["first_seen"] <= date.fromisoformat(st.query_params["first_seen_to"])]
    for name in FACETS:
        counts = ads[name].value_counts(dropna=False)
        st.multiselect(name, [f"{value} ({count:,})" for value, count in counts.head(100).items()])
    st.caption(f"{len(ads):,} ads")
    st.dataframe(ads, hide_index=True)
