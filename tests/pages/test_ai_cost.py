"""What models cost, where people see it: the account, an ad's page, and before an analysis is asked for."""

from __future__ import annotations

from decimal import Decimal

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.resources import services
from core.adapters.postgres.ai_ledger import PostgresAiLedger
from core.adapters.postgres.engine import Database
from core.domain.label import Outcome
from core.domain.principal import LOCAL_PRINCIPAL as US
from core.domain.principal import Principal, Role
from core.domain.spending import Purpose, Settlement
from core.queries.spending import get_budget
from tests.builders import AnAd, store
from tests.pages.conftest import ShowPage, sign_in_as, texts

AD = AnAd("1", labels={"hook": ("claim",)})


def spend(database: Database, payer: str = US.organisation_id) -> None:
    """A call for the ad's words."""
    call = {"provider": "openai", "model": "small", "prices": "2026-11-21"}
    purpose = Purpose(payer, AD.scope, "labels", brand_slug=AD.brand, content_id=AD.content_id)
    ledger = PostgresAiLedger(database, usd_per_day=100)
    held = ledger.reserve(purpose, most_usd=0.25, lasting_seconds=60, **call)
    ledger.settle(held, purpose, Settlement(Outcome.OK, Decimal("0.125"), 0.5, 1_000, 0, 100), **call)


def button(page: AppTest, label: str) -> AppTest:
    return next(found for found in page.button if found.label == label)


def test_without_a_call_the_account_says_what_would_be_listed(show: ShowPage) -> None:
    said = texts(show("account"))
    assert "No model was asked in the last 30 days." in said
    assert "Budget a day=5.00 USD" in said


def test_the_account_shows_ones_own_spending_by_brand(show: ShowPage, database: Database) -> None:
    store(database, AD)
    spend(database)
    spend(database, payer="theirs")
    page = show("account")
    assert "1 call in 30 days, 0.1250 USD in all." in texts(page)
    [table] = [found.value for found in page.dataframe if "Tokens in" in found.value]
    assert table.to_dict("records") == [
        {"Brand": "acme", "Calls": 1, "Tokens in": 1_000, "Tokens out": 100, "Cost": "0.1250 USD"}
    ]


def test_an_owner_changes_the_budget_and_an_analyst_sees_no_button(
    show: ShowPage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = show("account")
    page.number_input[0].set_value(12.0)
    button(page, "Save").click().run()
    assert not page.exception
    assert get_budget(database, US, usd_per_day=5).usd_per_day == 12

    sign_in_as(monkeypatch, Principal("local", Role.ANALYST))
    assert "Save" not in {found.label for found in show("account").button}


def test_an_ads_page_says_what_reading_it_cost(show: ShowPage, database: Database) -> None:
    store(database, AD)
    assert "by models" not in texts(show("creatives", ad=AD.ad_id))
    st.cache_data.clear()
    spend(database)
    assert "Reading this ad by models: 1 call, 0.1250 USD" in texts(show("creatives", ad=AD.ad_id))


def test_what_an_analysis_would_cost_is_said_before_it_is_asked_for(
    show: ShowPage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(database, AD)
    assert "openai" not in texts(show("brandspaces"))
    services().database.dispose()
    st.cache_data.clear()
    st.cache_resource.clear()
    for name, value in {"PROVIDERS": "openai", "BUDGET_USD_PER_DAY": "2"}.items():
        monkeypatch.setenv(f"ADOLOGY_AI_{name}", value)
    monkeypatch.setenv("ADOLOGY_OPENAI_API_KEY", "k")
    monkeypatch.setenv("ADOLOGY_OPENAI_MODEL", "gpt-4.1")
    said = texts(show("brandspaces")).replace("\\", "").replace("\u2060", "")
    assert "1 text for openai/gpt-4.1: 2 calls" in said
    assert "estimated" in said
    assert "Left of today's budget: 2.00 USD" in said
