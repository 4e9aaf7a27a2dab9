"""What models have cost the organisation, its budget, and what an analysis would cost."""

from __future__ import annotations

import streamlit as st

from app.components.changing import changing
from app.formatting import NOTHING, counted, number, one_line, usd
from app.loaders import load_ad_cost, load_budget, load_quote, load_spending
from app.resources import services
from app.spending_chart import spending_days
from app.view_models.spending import days_of, named_rows, quote_lines
from core.curation.budgets import MOST_USD, put_budget
from core.domain.principal import Permission, Principal
from core.queries.spending import By

_GROUPS: dict[By, str] = {"brand": "Brand", "method": "Method", "model": "Model", "outcome": "Outcome", "day": "Day"}


def ai_cost(principal: Principal) -> None:
    """The budget, the last 30 days, and a table by whatever is chosen."""
    _budget(principal)
    by_day = load_spending(principal, "day")
    if not by_day.rows:
        st.caption(
            "No model was asked in the last 30 days. Local methods are free; with a model configured,"
            " analysed brands are read by it and what that costs is listed here."
        )
        return
    config = {"displayModeBar": False}
    st.plotly_chart(spending_days(days_of(by_day)), width="stretch", config=config, key="spending_days")
    by = st.segmented_control("By", list(_GROUPS), format_func=_GROUPS.__getitem__, default="brand", key="spending_by")
    found = load_spending(principal, by or "brand")
    st.dataframe(named_rows(found), hide_index=True, width="stretch", placeholder=NOTHING)
    st.caption(
        f"{counted(found.total.calls, 'call')} in 30 days, {usd(found.total.cost_usd)} in all. Refused and failed calls"
        " are among them: vendors bill refusals, too. Prices are list prices of the date beside each call."
    )


def _budget(principal: Principal) -> None:
    budget = load_budget(principal)
    with st.container(horizontal=True, gap="small"):
        st.metric("Budget a day", usd(budget.usd_per_day), border=True, help="A hard stop, by UTC days.")
        st.metric("Spent today", usd(budget.spent_usd), border=True, help="By UTC; calls under way come on top.")
        st.metric("Left today", usd(budget.left_usd), border=True, help="What doesn't fit waits: nothing is lost.")
    if not principal.may(Permission.ADMIN):
        return
    with st.popover("Change the budget", icon=":material/savings:"), st.form("budget", border=False):
        wanted = st.number_input("USD a day (UTC)", 0.0, MOST_USD, value=budget.usd_per_day, step=1.0)
        if st.form_submit_button("Save", type="primary"):
            with changing("The budget is set: what waited for it goes on within a minute."):
                default = services().settings.ai_budget_usd_per_day
                put_budget(services().database, principal, usd_per_day=wanted, default_usd_per_day=default)


def quote(principal: Principal, brand: str) -> None:
    """What models would cost; nothing where none is configured."""
    found = load_quote(principal, brand)
    for line in quote_lines(found):
        st.caption(one_line(line))


def cost_of_ad(principal: Principal, ad_id: str) -> None:
    """One line; nothing where no model was asked."""
    cost = load_ad_cost(principal, ad_id)
    if cost.calls:
        st.caption(
            f"Reading this ad by models: {counted(cost.calls, 'call')}, {usd(cost.cost_usd)},"
            f" {number(cost.input_tokens)} tokens in and {number(cost.output_tokens)} out."
            " Ads that say or show the same share it."
        )
