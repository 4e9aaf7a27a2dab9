"""The variants of an ad's concept: what else says the same, why that is thought, and how to put it right."""

from __future__ import annotations

import streamlit as st

from app.components.changing import changing
from app.components.creative_card import cover
from app.filters import write_own
from app.formatting import counted, escape, one_line, shorten
from app.loaders import load_concept_of_ad, load_concepts
from app.resources import services
from app.view_models.variants import ConceptView, VariantCard, make_concept
from core.curation.concepts import merge_concepts, split_concept, take_merge_back, take_split_back
from core.domain.principal import Permission, Principal
from core.queries.concepts import Concept
from core.queries.filters import AdFilters
from core.queries.groups import GroupPage

_ABREAST = 4
_SIDE = 320  # pixels of a picture
_AT_FIRST = 8  # variants before "more"
_CHOICES = 50  # concepts of the brand to merge with
_COPY = 60  # characters


def variants_of(principal: Principal, ad_id: str) -> None:
    """A section of an ad's page: drop it in with the ad's id."""
    found = load_concept_of_ad(principal, ad_id)
    st.subheader("Variants of this concept", anchor=False)
    if found is None:
        st.caption("This ad isn't grouped yet. Until its brand is read it counts as a concept of its own.")
        return
    view = make_concept(found)
    st.caption(view.summary)
    _strip(principal, view, view.variants[:_AT_FIRST])
    if len(view.variants) > _AT_FIRST:
        with st.expander(f"{counted(len(view.variants) - _AT_FIRST, 'more variant')}"):
            _strip(principal, view, view.variants[_AT_FIRST:])
    if view.variants_left_out:
        st.caption(f"{counted(view.variants_left_out, 'variant is', 'variants are')} not shown.")
    if principal.may(Permission.WRITE):
        _merging(principal, view)


def _strip(principal: Principal, view: ConceptView, cards: tuple[VariantCard, ...]) -> None:
    for start in range(0, len(cards), _ABREAST):
        for column, card in zip(st.columns(_ABREAST), cards[start : start + _ABREAST], strict=False):
            with column, st.container(border=True, gap="xxsmall", height="stretch", key=f"variant_{card.variant_id}"):
                _card(principal, view, card)


def _card(principal: Principal, view: ConceptView, card: VariantCard) -> None:
    cover(card.picture, card.problem, alt="Cover of a variant", side=_SIDE)
    st.markdown(f":small[{one_line(card.copy)}]" if card.copy else ":small[:gray[No text]]")
    st.caption(f"{card.ads} · {card.dates}")
    with st.popover(card.why, type="tertiary", icon=":material/join:", key=f"why_{card.variant_id}"):
        _why(principal, view, card)
    if card.is_shown:
        st.markdown(":small[:primary[This ad]]")
    else:
        st.button(
            "Open", key=f"variant_open_{card.variant_id}", icon=":material/open_in_full:", type="tertiary",
            on_click=write_own, args=("ad", card.ad_id),
        )  # fmt: skip


def _why(principal: Principal, view: ConceptView, card: VariantCard) -> None:
    for said in card.distances:
        st.markdown(said)
    if card.nearest:
        st.caption(f"Nearest to: {escape(card.nearest)}")
    elif not card.distances:
        st.caption("Nothing of this brand that was seen before was near enough.")
    if not principal.may(Permission.WRITE):
        return
    database, wanted = services().database, [card.variant_id]
    if card.is_put_here and st.button("Put back", key=f"back_{card.variant_id}", icon=":material/undo:"):
        with changing("The variant is where the machine has it."):
            take_split_back(database, principal, view.concept_id, variant_ids=wanted)
    if view.can_split and st.button("Split off", key=f"split_{card.variant_id}", icon=":material/call_split:"):
        with changing("The variant is a concept of its own, for your organisation."):
            split_concept(database, principal, view.concept_id, variant_ids=wanted)


def _merging(principal: Principal, view: ConceptView) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.popover("Merge with another concept", icon=":material/merge:", type="tertiary", key="merge_concept"):
            _choose_merge(principal, view)
        for concept_id, brought in view.merged:
            if st.button(f"Part {brought} again", key=f"part_{concept_id}", icon=":material/undo:", type="tertiary"):
                with changing("The concepts are two again."):
                    take_merge_back(services().database, principal, concept_id)


def _choose_merge(principal: Principal, view: ConceptView) -> None:
    others = {
        concept.concept_id: concept
        for concept in load_concepts(principal, "all", AdFilters(brands=(view.brand,)), GroupPage(limit=_CHOICES)).items
        if concept.concept_id != view.concept_id and concept.example.scope == view.scope
    }
    if not others:
        st.caption("The brand has no other concept.")
        return
    with st.form("merge_with", border=False):
        chosen = st.selectbox(
            "Concept", list(others), placeholder="Choose one", index=None,
            format_func=lambda key: _named(others[key]),
        )  # fmt: skip
        st.caption(f"The {len(others)} with most ads. For your organisation only; what comes later goes along.")
        if st.form_submit_button("Merge", type="primary") and chosen:
            with changing("The two are one concept, for your organisation."):
                merge_concepts(services().database, principal, chosen, into=view.concept_id)


def _named(concept: Concept) -> str:
    return f"{shorten(concept.example.copy or 'No text', _COPY)} ({counted(concept.ads, 'ad')})"
