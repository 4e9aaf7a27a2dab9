"""The webhooks of an organisation: where its requests' ends are told."""

from __future__ import annotations

import streamlit as st

from app.components.changing import changing
from app.components.shown_once import show_once
from app.formatting import ago, one_line, words
from app.loaders import load_deliveries, load_webhooks, now
from app.resources import services
from core.domain.principal import Principal
from core.queries.webhooks import WebhookView
from core.webhooks.manage import OVER, STATUSES, Webhooks


def webhook_list(principal: Principal) -> None:
    """Every webhook with its last deliveries, and a form to add one."""
    hooks = load_webhooks(principal)
    if not hooks:
        st.caption("No webhook yet. Your own server hears of the end of each request, in a signed message.")
    for hook in hooks:
        _webhook(principal, hook)
    with st.popover("Add a webhook", icon=":material/add:"), st.form("new_webhook", border=False):
        url = st.text_input("Address", placeholder="https://hooks.customer.example/adology")
        statuses = st.multiselect("When a request is", STATUSES, default=list(OVER), format_func=words)
        if st.form_submit_button("Add", type="primary"):
            with changing():
                made = _webhooks().create(principal, url=url, statuses=statuses)
                show_once("The secret that signs the messages", made.secret)


def _webhook(principal: Principal, hook: WebhookView) -> None:
    key = hook.webhook_id
    with st.container(border=True, key=f"webhook_{key}", gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{one_line(hook.url)}**  \n:small[:gray[{_state(hook)}]]")
            with st.popover("Change", type="tertiary", width="content"):
                _changes(principal, hook)
        for delivery in load_deliveries(principal, key):
            mark = {"delivered": ":green[✓]", "failed": ":red[✕]"}.get(delivery.state, "…")
            why = f" · {one_line(delivery.error)}" if delivery.error else ""
            about = one_line(f"{delivery.body.get('request_id')} {delivery.body.get('status')}")
            st.markdown(f":small[{mark} {about} · {ago(delivery.created_at, now())}{why}]")


def _state(hook: WebhookView) -> str:
    told = ", ".join(hook.statuses) or "every status"
    if hook.disabled_at:
        return f"disabled {ago(hook.disabled_at, now())}: {one_line(hook.disabled_reason or '')}"
    return f"{told} · {hook.failures} failures in a row" if hook.failures else told


def _changes(principal: Principal, hook: WebhookView) -> None:
    key = hook.webhook_id
    if hook.disabled_at is None and st.button("Send a test", key=f"test_{key}", width="stretch"):
        with changing("A test message is on its way."):
            _webhooks().send_test(principal, key)
    if st.button("Enable" if hook.disabled_at else "Disable", key=f"able_{key}", width="stretch"):
        with changing():
            _webhooks().change(principal, key, is_enabled=hook.disabled_at is not None)
    if st.button("New secret", key=f"rotate_{key}", width="stretch"):
        with changing():
            show_once("The new secret that signs the messages", _webhooks().rotate_secret(principal, key).secret)
    if st.button("Delete", key=f"delete_{key}", width="stretch"):
        with changing("Deleted."):
            _webhooks().delete(principal, key)


def _webhooks() -> Webhooks:
    ports = services()
    return Webhooks(ports.database, ports.secrets, ports.webhook_sender, ports.clock)
