"""Brandspaces made, edited, archived and restored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app.components.ai_cost import quote
from app.components.changing import changing
from app.formatting import ago, one_line
from app.loaders import load_archived, load_brands, now
from app.resources import services
from core.curation.brandspaces import (
    Edit,
    archive_brandspace,
    create_brandspace,
    edit_brandspace,
    restore_brandspace,
)
from core.domain.principal import Permission, Principal
from core.pipeline.analysis import ask_for_analysis
from core.queries.brandspaces import ALL_BRANDS, Brandspace


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    primary: str | None
    competitors: Sequence[str]
    followed: Sequence[str]


def brandspace_forms(principal: Principal, shown: Brandspace) -> None:
    """What the principal may do with brandspaces; nothing for who only reads."""
    if not principal.may(Permission.WRITE):
        return
    with st.container(horizontal=True):
        _new(principal)
        if shown.brandspace_id != ALL_BRANDS:
            _edit(principal, shown)
        _archived(principal)
        _analyse(principal)


def _new(principal: Principal) -> None:
    with st.popover("New brandspace", icon=":material/add:"), st.form("new_brandspace", border=False):
        wanted = _fields(principal, Brandspace("", ""))
        if st.form_submit_button("Create", type="primary"):
            with changing():
                made = create_brandspace(
                    services().database, principal, name=wanted.name, primary=wanted.primary,
                    competitors=wanted.competitors, followed=wanted.followed,
                )  # fmt: skip
                st.query_params["brandspace"] = made.brandspace_id


def _edit(principal: Principal, shown: Brandspace) -> None:
    key = shown.brandspace_id
    with st.popover("Edit", icon=":material/edit:"):
        with st.form(f"edit_{key}", border=False):
            wanted = _fields(principal, shown)
            if st.form_submit_button("Save", type="primary"):
                edit = Edit(wanted.name, wanted.primary or "", wanted.competitors, wanted.followed)
                with changing("The brandspace was changed."):
                    edit_brandspace(services().database, principal, key, edit)
        st.caption("Archived, it leaves every list and its name is free. It can be restored.")
        if st.button("Archive", icon=":material/archive:", key=f"archive_{key}"):
            with changing("The brandspace was archived."):
                archive_brandspace(services().database, principal, key)
                st.query_params.pop("brandspace", None)


def _archived(principal: Principal) -> None:
    archived = load_archived(principal)
    if not archived:
        return
    with st.popover(f"Archived · {len(archived)}", icon=":material/inventory_2:"):
        for space in archived:
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                when = f"archived {ago(space.archived_at, now())}" if space.archived_at else ""
                st.markdown(f"**{one_line(space.name)}**  \n:small[:gray[{when}]]")
                if st.button("Restore", key=f"restore_{space.brandspace_id}", type="tertiary"):
                    with changing("The brandspace is back."):
                        restore_brandspace(services().database, principal, space.brandspace_id)


def _analyse(principal: Principal) -> None:
    by_models = bool(services().settings.ai_provider_names)  # an analysed brand may have waited for a budget
    brands = [brand for brand in load_brands(principal) if by_models or brand.state == "tracked"]
    if not brands:
        return
    names = {brand.slug: brand.display_name for brand in brands}
    with st.popover("Analyse a brand", icon=":material/bolt:"):
        st.caption("A tracked brand is read when its turn comes; one you ask for is read at once, ahead of the rest.")
        brand = st.selectbox("Brand", list(names), format_func=names.__getitem__, key="analyse_brand")
        quote(principal, brand)
        if st.button("Analyse now", type="primary", key="analyse_now"):
            with changing("It is being read: its progress shows at the top."):
                ask_for_analysis(services().database, principal, brand)


def _fields(principal: Principal, before: Brandspace) -> _Wanted:
    """Name and brands by role; a brand nobody has collected yet can be typed in."""
    names = {brand.slug: brand.display_name for brand in load_brands(principal)}
    slugs = list(dict.fromkeys([*names, *before.brands]))
    key = before.brandspace_id or "new"
    name = st.text_input("Name", before.name, max_chars=100, placeholder="Running shoes, Europe", key=f"name_{key}")
    primary = st.selectbox(
        "Your brand", slugs, index=slugs.index(before.primary_brand) if before.primary_brand else None,
        format_func=lambda slug: names.get(slug, slug), placeholder="Optional", key=f"primary_{key}",
    )  # fmt: skip
    competitors = _several("Competitors", slugs, before.competitors, names, f"competitors_{key}")
    followed = _several("Followed", slugs, before.followed, names, f"followed_{key}")
    return _Wanted(name, primary, competitors, followed)


def _several(
    title: str, slugs: Sequence[str], before: Sequence[str], names: Mapping[str, str], key: str
) -> Sequence[str]:
    return st.multiselect(
        title, slugs, default=list(before), format_func=lambda slug: names.get(slug, slug), key=key,
        placeholder="Choose, or type a new one", accept_new_options=True,
    )  # fmt: skip
