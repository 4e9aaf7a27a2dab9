"""The operators' board: queues, processes, runs, dead letters, errors."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.components.error_notice import shown_errors
from app.formatting import NOTHING, ago, escape, number, one_line
from app.loaders import load_dead_letters, load_heartbeats, load_notices, load_queues, load_runs, now
from app.resources import require_operator
from app.view_models.operations_view import ProcessRow, QueueRow, RunRow, process_rows, queue_rows, run_rows

POLL_SECONDS = 3
_STATE_ICONS = {"good": "✓", "part": "◐", "busy": "…", "bad": "✕", "over": "–"}
_LEVELS = {"error": ("red", ":material/error:"), "warning": ("orange", ":material/warning:")}


@st.fragment(run_every=POLL_SECONDS)
def operations_board() -> None:
    """Everything, read anew every few seconds."""
    with shown_errors():
        require_operator()
        _processes(process_rows(load_heartbeats(), now()))
        _queues(queue_rows(load_queues()))
        _runs(run_rows(load_runs(), now()))
        left, right = st.columns(2, gap="large")
        with left:
            _dead_letters()
        with right:
            _notices()


def _processes(rows: Sequence[ProcessRow]) -> None:
    if not any(row.is_alive for row in rows):
        st.warning("No process was heard of in the last minute: nothing is being worked on. Start `./adology up`.")
    with st.container(horizontal=True, gap="xsmall"):
        for row in rows:
            text = f"{one_line(row.name)} · {one_line(row.roles)} · {row.heard}"
            colour = "green" if row.is_alive else "gray"
            st.markdown(f":{colour}-badge[:material/dns: {text}]", width="content")


def _queues(rows: Sequence[QueueRow]) -> None:
    st.subheader("Queues", anchor=False)
    with st.container(horizontal=True, gap="small"):
        for row in rows:
            with st.container(border=True, width="stretch", gap="xxsmall", key=f"queue_{row.queue}"):
                st.metric(row.title, number(row.waiting), help=f"Messages waiting in {row.queue}, background included")
                st.caption(f"{number(row.in_flight)} in flight · {number(row.delayed)} delayed  \noldest {row.oldest}")
                if row.dead:
                    st.badge(f"{row.dead} in the dead-letter queue", color="red", icon=":material/skull:")


def _runs(rows: Sequence[RunRow]) -> None:
    st.subheader("Runs", anchor=False)
    if not rows:
        st.caption("No run yet. `./adology import PATH` or `./adology ingest BRAND` starts one.")
        return
    st.dataframe(
        [_run(row) for row in rows],
        hide_index=True,
        placeholder=NOTHING,
        column_config={
            "Items": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1, width="small"),
            "Failed": st.column_config.NumberColumn(help="Files that could not be had: each has its reason"),
            "Labels": st.column_config.TextColumn(help="Labels and embeddings of what the run brought"),
            "Note": st.column_config.TextColumn(width="medium"),
            "Run": st.column_config.TextColumn(help="The BATCH_ID of `./adology repair` and of the log"),
        },
    )


def _run(row: RunRow) -> dict[str, object]:
    return {
        "Brand": row.brand,
        "State": f"{_STATE_ICONS[row.level]} {row.state}",
        "Items": row.finished / row.expected if row.expected else 1.0,
        "Of": row.expected,
        "Failed": row.failed,
        "Labels": row.labelling,
        "Scope": row.scope,
        "Started": row.started,
        "Note": row.note,
        "Run": row.batch_id,
    }


def _dead_letters() -> None:
    st.subheader("Dead letters", anchor=False)
    letters = load_dead_letters()
    if not letters:
        st.caption(":material/check: None: no message has crashed its worker.")
        return
    rows = [
        {
            "Id": one.dead_letter_id,
            "Queue": one.queue,
            "Reason": one.reason,
            "When": ago(one.created_at, now()),
            "Sent again": ago(one.redriven_at, now()) if one.redriven_at else "",
            "Run": one.batch_id or "",
            "Item": one.item_id or "",
        }
        for one in letters
    ]
    how = st.column_config.NumberColumn(help="`./adology dead-letters --redrive ID` sends it again")
    st.dataframe(rows, hide_index=True, placeholder=NOTHING, column_config={"Id": how})


def _notices() -> None:
    st.subheader("Recent errors and notes", anchor=False)
    notices = load_notices()
    if not notices:
        st.caption(":material/check: Nothing to report.")
    for notice in notices[:12]:
        colour, icon = _LEVELS.get(notice.level, ("gray", ":material/info:"))
        when = ago(notice.created_at, now())
        with st.container(border=True, gap="xxsmall", key=f"notice_{notice.notice_id}"):
            st.markdown(f":{colour}[{icon}] **{one_line(notice.subject)}** :small[:gray[{when}]]")
            st.markdown(escape(notice.text))
