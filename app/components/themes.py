"""What a brandspace's brands speak of: themes by brand, where a zero is one left to others; corrected in place."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.components.changing import changing
from app.components.empty_state import empty_state
from app.formatting import ago, counted, one_line
from app.loaders import load_themes, now
from app.navigation import page
from app.resources import services
from core.ai.themes import LEAST_COSINE, MOST_THEMES
from core.curation.themes import (
    MAX_DEFINITION,
    MAX_NAME,
    ThemeEdit,
    discover_themes,
    edit_theme,
    merge_themes,
    remove_theme,
)
from core.domain.principal import Permission, Principal
from core.queries.brandspaces import ALL_BRANDS, Brandspace
from core.queries.filters import AdFilters, Unit
from core.queries.themes import Themes, ThemeView

_WHOLE_UP_TO = MOST_THEMES + 1
_HOW = (
    "Texts that lie near each other in an embedding, named by the words that set them apart until somebody names them. "
    f"A text whose cosine to every theme is below {LEAST_COSINE} has none. Not to be mixed up with the label Theme, "
    "whose values are the taxonomy's."
)
_REPLACES = "Locked themes stay, all others are replaced. Takes seconds."
_ALL_STAY = "All themes stay; each text goes to the nearest."


def themes_section(principal: Principal, space: Brandspace, unit: Unit, names: Mapping[str, str]) -> None:
    """Table and corrections. ``names``: brand slug → display name. All brands together have no themes."""
    st.subheader("Themes", anchor=False, help=_HOW)
    if space.brandspace_id == ALL_BRANDS:
        st.caption("Themes belong to a brandspace: make one of the brands that you compare, then look for its themes.")
        return
    found = load_themes(principal, space.brandspace_id, AdFilters(unit=unit))
    if not found.items:
        empty_state("No themes yet", "Look for what the texts of these brands are about.", icon=":material/topic:")
        _discover(principal, space.brandspace_id, found)
        return
    shown = _table(found, names)
    _discover(principal, space.brandspace_id, found)
    if shown is not None:
        _detail(principal, space.brandspace_id, found, shown)


def _table(found: Themes, names: Mapping[str, str]) -> ThemeView | None:
    """One row a theme, drawn as a picture: nothing in it is read as Markdown or HTML. Returns the chosen one."""
    st.caption(
        f"{found.unit.capitalize()} by theme and brand. Zero: nothing of that brand is near the theme. "
        "Choose a row to see its texts, or to name, merge, lock or remove it."
    )
    brands = list(found.totals)
    rows = [_row(item.name, item, item.by_brand, names) for item in found.items]
    rows.append(_row("Without theme", None, found.without_theme, names))
    chosen = st.dataframe(
        rows, key="theme_table", hide_index=True, on_select="rerun", selection_mode="single-row",
        height="content" if len(rows) <= _WHOLE_UP_TO else "auto",
        column_config={
            "Theme": st.column_config.TextColumn(width="medium"),
            "Named by": st.column_config.TextColumn(help="Words: provisional. People: named, kept over discoveries"),
            **{_header(slug, brands, names): st.column_config.NumberColumn(width="small") for slug in brands},
        },
    )  # fmt: skip
    place = chosen.selection.rows[0] if chosen.selection.rows else len(found.items)
    return found.items[place] if place < len(found.items) else None


def _row(
    title: str, item: ThemeView | None, by_brand: Mapping[str, int], names: Mapping[str, str]
) -> dict[str, object]:
    counts = {_header(slug, list(by_brand), names): count for slug, count in by_brand.items()}
    named = {"Named by": "" if item is None else "words" if item.is_provisional else "people"}
    kept = {"Kept": "" if item is None else "locked" if item.is_locked else "until the next discovery"}
    return {"Theme": title, "All": sum(by_brand.values()), **counts, **named, **kept}


def _header(slug: str, slugs: list[str], names: Mapping[str, str]) -> str:
    """A column's title, with its slug where another brand has the same name."""
    name = names.get(slug, slug)
    return name if [names.get(other, other) for other in slugs].count(name) == 1 else f"{name} ({slug})"


def _discover(principal: Principal, brandspace_id: str, found: Themes) -> None:
    if not principal.may(Permission.WRITE):
        if not found.items:
            st.caption("To have themes looked for, ask an owner or analyst of your organisation.")
        return
    kind = "secondary" if found.items else "primary"
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Discover", icon=":material/travel_explore:", type=kind, key="discover_themes", help=_REPLACES):
            _look(principal, brandspace_id, looks_for_new=True)
        icon = ":material/low_priority:"
        if found.items and st.button("Sort in new texts", icon=icon, key="assign_themes", help=_ALL_STAY):
            _look(principal, brandspace_id, looks_for_new=False)
        if found.discovered_at:
            st.caption(f"Found {ago(found.discovered_at, now())}")


def _look(principal: Principal, brandspace_id: str, *, looks_for_new: bool) -> None:
    with changing("The themes are new."), st.spinner("Reading the texts"):
        ports = services()
        discover_themes(
            ports.database, principal, brandspace_id, model=ports.embedder.model, looks_for_new=looks_for_new
        )


def _detail(principal: Principal, brandspace_id: str, found: Themes, item: ThemeView) -> None:
    with st.container(border=True, key="theme_detail"):
        st.markdown(f"**{one_line(item.name)}** · {counted(item.count, found.unit.removesuffix('s'))}")
        if item.definition:
            st.markdown(one_line(item.definition))
        st.caption(f"Telling words: {one_line(', '.join(item.words)) or 'none'}")
        if item.merged:
            st.caption(f"Merged into it: {one_line(', '.join(item.merged))}")
        for example in item.examples:
            st.markdown(f"> {one_line(example.text)}")
        if not item.examples:
            st.caption("No ad says it now. A locked theme stays: it shows what nobody says any more.")
        with st.container(horizontal=True):
            st.page_link(page("creatives"), label="See its ads", icon=":material/grid_view:",
                         query_params={"themes": item.theme_id, "brandspace": brandspace_id})  # fmt: skip
            if principal.may(Permission.WRITE):
                _name(principal, item)
                _merge(principal, found, item)
                _keep(principal, item)


def _name(principal: Principal, item: ThemeView) -> None:
    with st.popover("Name", icon=":material/edit:"), st.form(f"theme_{item.theme_id}", border=False):
        name = st.text_input("Name", item.name, max_chars=MAX_NAME, key=f"theme_name_{item.theme_id}")
        definition = st.text_area(
            "Definition", item.definition, max_chars=MAX_DEFINITION, key=f"theme_definition_{item.theme_id}"
        )
        if st.form_submit_button("Save", type="primary"):
            with changing("The theme is named, and locked."):
                edit_theme(services().database, principal, item.theme_id, ThemeEdit(name, definition))


def _merge(principal: Principal, found: Themes, item: ThemeView) -> None:
    others = {other.theme_id: other.name for other in found.items if other.theme_id != item.theme_id}
    if not others:
        return
    with st.popover("Merge", icon=":material/merge:"):
        key = f"theme_into_{item.theme_id}"
        into = st.selectbox("Becomes a part of", list(others), format_func=others.__getitem__, key=key)
        if st.button("Merge", type="primary", key=f"merge_{item.theme_id}"):
            with changing("The themes are one, and locked."):
                merge_themes(services().database, principal, item.theme_id, into=into)


def _keep(principal: Principal, item: ThemeView) -> None:
    title, icon = ("Unlock", ":material/lock_open:") if item.is_locked else ("Lock", ":material/lock:")
    if st.button(title, icon=icon, key=f"lock_{item.theme_id}", help="A locked theme stays when themes are looked for"):
        with changing():
            edit_theme(services().database, principal, item.theme_id, ThemeEdit(is_locked=not item.is_locked))
    if st.button("Remove", icon=":material/delete:", type="tertiary", key=f"remove_{item.theme_id}"):
        with changing("The theme was removed."):
            remove_theme(services().database, principal, item.theme_id)
