"""Freezing a comparison, the list of frozen ones, and the banner of one that was opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import streamlit as st

from app.components.changing import changing
from app.filters import write_own
from app.formatting import ago, counted, number, one_line, shorten
from app.loaders import load_coverage, load_frozen, now
from app.resources import api_address, services
from app.view_models.sayings import NOUNS
from core.curation.frozen_comparisons import MAX_NAME, delete_frozen, freeze
from core.domain.principal import Permission, Principal
from core.queries.coverage import UNREAD, Coverage
from core.queries.filters import CONCEPTS
from core.queries.frozen import FrozenView
from core.queries.questions import Question

_LISTED = 10


def frozen_menu(principal: Principal, question: Question) -> None:
    """A menu: freeze what is shown, or open what was frozen."""
    with st.popover("Freeze", icon=":material/ac_unit:"):
        if principal.may(Permission.WRITE):
            covers = load_coverage(principal, question.brandspace, question.filters, question.dimension)
            for told in unfinished(covers):
                st.warning(f"Better later: {told}", icon=":material/hourglass_empty:")
            st.caption("Keeps this comparison as it is now, to the byte: new data and new labels change nothing of it.")
            name = st.text_input("Name", key="freeze_name", max_chars=MAX_NAME, placeholder="Hooks in spring")
            if st.button("Freeze", type="primary", key="freeze"):
                with changing("The comparison is frozen."):
                    kept = freeze(services().database, principal, services().taxonomy, question, name=name)
                    write_own("frozen", kept.frozen_id)
        else:
            st.caption("To have a comparison frozen, ask an owner or analyst of your organisation.")
        _listed(load_frozen(principal))


def unfinished(coverage: Coverage) -> Iterator[str]:
    """What of a comparison would still move by itself."""
    if coverage.pending:
        stored = counted(coverage.stored, NOUNS[coverage.unit])
        yield f"{number(coverage.pending)} of {stored} not read yet, so shares will move."
    if coverage.unit == CONCEPTS and (unread := coverage.pictures.get(UNREAD, 0)):
        yield f"covers of {counted(unread, 'ad')} not read yet, so concepts may still come together."


def _listed(found: Sequence[FrozenView]) -> None:
    for item in found[:_LISTED]:
        st.button(
            f"{one_line(shorten(item.name, 50))} :small[:gray[{ago(item.created_at, now())}]]",
            key=f"frozen_{item.frozen_id}", type="tertiary", icon=":material/ac_unit:",
            on_click=write_own, args=("frozen", item.frozen_id),
        )  # fmt: skip


def frozen_banner(principal: Principal, view: FrozenView, changes: Sequence[str]) -> None:
    """Says that nothing here moves any more, and what has changed since."""
    asked = view.question
    brands = counted(len(asked["filters"].get("brands", ())), "brand")
    lines = [
        f"**Frozen: {one_line(view.name)}**, {view.created_at:%d %b %Y, %H:%M} UTC, over {brands}, in {asked['unit']}.",
        f":small[Id {view.frozen_id} · data {view.data_version[:8]} · code {one_line(view.code_version)}]",
    ]
    lines += [f"Since then: {one_line(change)}" for change in changes]
    st.info("  \n".join(lines), icon=":material/ac_unit:")
    with st.container(horizontal=True, vertical_alignment="center"):
        address = f"{api_address()}/api/v1/comparisons/frozen/{view.frozen_id}"
        st.link_button("JSON, as frozen", address, icon=":material/download:")
        st.link_button("CSV", f"{address}/csv", icon=":material/download:")
        st.button("Back to live", icon=":material/play_arrow:", on_click=write_own, args=("frozen", ""))
        may_delete = principal.may(Permission.WRITE)
        if may_delete and st.button("Delete", icon=":material/delete:", type="tertiary", key="delete_frozen"):
            with changing("The frozen comparison was deleted."):
                delete_frozen(services().database, principal, view.frozen_id)
                write_own("frozen", "")
