"""Account, users, sessions, keys and the audit trail over HTTP."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
import time_machine

from core.access.sign_in import sign_in_by_link
from core.access.tokens import SESSION_COOKIE
from core.domain.principal import LOCAL_PRINCIPAL, Permission, Principal, Role
from core.observability.logs import configure_logging
from core.queries.audit import audit_trail
from tests.daemon.conftest import StartDaemon
from tests.daemon.support import Answer, LocalDaemon, a_key
from tests.people import a_session, a_user, an_organisation

READ, WRITE, ADMIN = Permission
ONLY_ADMINS = ["/api/v1/users", "/api/v1/keys", "/api/v1/audit"]


def _cookie(daemon: LocalDaemon, user: Principal) -> dict[str, str]:
    """What the browser of a user sends from a page of ours."""
    token = a_session(daemon.services.database, user, now=datetime.now(UTC))
    return {"Cookie": f"{SESSION_COOKIE}={token}", "Origin": daemon.url}


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _invite(daemon: LocalDaemon, email: str = "ann@acme.example", role: str = "analyst") -> Any:
    answer = daemon.post("/api/v1/users", {"email": email, "role": role})
    assert answer.status == 201
    return answer.json


def _patch(daemon: LocalDaemon, user_id: str, change: dict[str, Any], **headers: str) -> Answer:
    content = json.dumps(change).encode()
    return daemon.call("PATCH", f"/api/v1/users/{user_id}", content, Content_Type="application/json", **headers)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that is logged."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = list(root.handlers), root.level
    configure_logging(level="DEBUG", json=True, stream=stream)
    yield stream
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.setLevel(level)
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)


# --- account ------------------------------------------------------------------------------------------


def test_the_account_tells_the_figures_and_who_asks(daemon: LocalDaemon) -> None:
    owner = a_user(daemon.services.database)
    account = daemon.get("/api/v1/account", **_cookie(daemon, owner)).json
    assert account == {
        "organisation_id": "local",
        "name": account["name"],
        "user_count": 1,
        "active_sessions": 1,
        "avg_response_time_ms": None,  # nobody was counted yet: that is no 0
        "actor": owner.actor,
        "scopes": ["read", "write", "admin"],
    }


def test_the_mean_is_of_ones_own_calls(daemon: LocalDaemon) -> None:
    an_organisation(daemon.services.database, "theirs")
    daemon.get("/api/v1/brands")
    daemon.get("/api/v1/brands/none")  # an error was answered, too
    daemon.get("/api/v1/brands", Authorization="Bearer adk_wrong")  # nobody's
    daemon.get("/healthz")
    daemon.services.usage.flush()
    own = daemon.get("/api/v1/account").json["avg_response_time_ms"]
    assert 0 < own < 10_000
    theirs = _bearer(a_key(daemon.services, Principal("theirs")))
    assert daemon.get("/api/v1/account", **theirs).json["avg_response_time_ms"] is None


@pytest.mark.parametrize("role", list(Role))
def test_everybody_reads_the_account_and_only_owners_the_rest(daemon: LocalDaemon, role: Role) -> None:
    cookie = _cookie(daemon, a_user(daemon.services.database, role))
    assert daemon.get("/api/v1/account", **cookie).status == 200
    assert daemon.get("/api/v1/sessions", **cookie).status == 200
    expected = 200 if role is Role.OWNER else 403
    assert {daemon.get(path, **cookie).status for path in ONLY_ADMINS} == {expected}


# --- keys ---------------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_works_until_it_is_revoked(daemon: LocalDaemon) -> None:
    made = daemon.post("/api/v1/keys", {"name": "CI", "scopes": ["read"]})
    assert (made.status, made.headers["Cache-Control"]) == (201, "no-store")
    key, path = made.json["key"], f"/api/v1/keys/{made.json['key_id']}"
    assert daemon.get("/api/v1/brands", **_bearer(key)).status == 200
    listed = daemon.get("/api/v1/keys")
    assert key not in listed.body.decode()
    row = next(row for row in listed.json["items"] if row["key_id"] == made.json["key_id"])
    assert (row["name"], row["scopes"], row["revoked_at"]) == ("CI", ["read"], None)
    assert row["last_used_at"] is not None
    assert "hash" not in listed.body.decode()
    assert [daemon.call("DELETE", path).status for _ in range(2)] == [204, 204]
    assert daemon.get("/api/v1/brands", **_bearer(key)).status == 401


@pytest.mark.parametrize(
    ("scopes", "statuses"),
    [
        ([READ], (200, 403, 403)),
        ([WRITE], (403, 201, 403)),  # it may bring work and see nothing
        ([READ, WRITE], (200, 201, 403)),
        ([READ, WRITE, ADMIN], (200, 201, 201)),
    ],
)
def test_what_a_scope_lacks_is_refused(
    daemon: LocalDaemon, scopes: list[Permission], statuses: tuple[int, ...]
) -> None:
    bearer = _bearer(a_key(daemon.services, LOCAL_PRINCIPAL, *scopes))
    answers = (
        daemon.get("/api/v1/brands", **bearer),
        daemon.post("/api/v1/brandspaces", {"name": "Mine"}, **bearer),
        daemon.post("/api/v1/keys", {"name": "x", "scopes": ["read"]}, **bearer),
    )
    assert tuple(answer.status for answer in answers) == statuses


def test_a_key_cant_make_a_greater_one(daemon: LocalDaemon) -> None:
    bearer = _bearer(a_key(daemon.services, LOCAL_PRINCIPAL, WRITE, ADMIN))
    answer = daemon.post("/api/v1/keys", {"name": "x", "scopes": ["read"]}, **bearer)
    assert (answer.status, answer.error["code"]) == (403, "not_allowed")


def test_a_key_expires_as_the_clock_moves(start_daemon: StartDaemon) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    with time_machine.travel(now, tick=True) as clock:
        daemon = start_daemon()
        body = {"name": "CI", "scopes": ["read"], "expires_at": "2026-05-02T12:00:00Z"}
        key = daemon.post("/api/v1/keys", body).json["key"]
        clock.move_to(now + timedelta(hours=23))
        assert daemon.get("/api/v1/brands", **_bearer(key)).status == 200
        clock.move_to(now + timedelta(hours=24))
        answer = daemon.get("/api/v1/brands", **_bearer(key))
    assert (answer.status, answer.error["code"]) == (401, "sign_in")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x"}, 422),
        ({"name": "x", "scopes": []}, 422),
        ({"name": "x", "scopes": ["root"]}, 422),
        ({"name": "a\0b", "scopes": ["read"]}, 422),
        ({"name": "   ", "scopes": ["read"]}, 400),
        ({"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, 400),
        ({"name": "x", "scopes": ["read"], "expires_at": "9999-12-31T23:59:59-14:00"}, 400),
        ({"name": "x", "scopes": ["read"], "expires_at": "2030-01-01T00:00:00"}, 422),  # of which place?
        ({"name": "x", "scopes": ["read"], "expires_at": 2_000_000_000}, 422),
    ],
)
def test_a_wrong_key_is_refused_with_the_field(daemon: LocalDaemon, body: Any, status: int) -> None:
    assert daemon.post("/api/v1/keys", body).status == status


# --- users --------------------------------------------------------------------------------------------


def test_an_invited_user_comes_in_by_a_link(daemon: LocalDaemon) -> None:
    user = _invite(daemon)
    assert (user["email"], user["role"], user["disabled_at"]) == ("ann@acme.example", "analyst", None)
    assert user in daemon.get("/api/v1/users").json["items"]
    link = daemon.post(f"/api/v1/users/{user['user_id']}/sign-in-link", {})
    address = urlsplit(link.json["url"])
    workbench = daemon.services.settings.workbench_address
    assert (link.status, f"{address.scheme}://{address.netloc}", address.path) == (201, workbench, "/sign-in")
    (token,) = parse_qs(address.query)["token"]
    session = sign_in_by_link(daemon.services.database, token, now=datetime.now(UTC), hours=1)
    account = daemon.get("/api/v1/account", Cookie=f"{SESSION_COOKIE}={session}").json
    assert account["actor"] == f"user:{user['user_id']}"


def test_an_address_that_is_taken_anywhere_is_409_and_tells_not_where(daemon: LocalDaemon) -> None:
    database = daemon.services.database
    a_user(database, email="theirs@acme.example", of=an_organisation(database, "theirs"))
    _invite(daemon, "ours@acme.example")
    theirs, ours = (daemon.post("/api/v1/users", {"email": f"{name}@acme.example"}) for name in ("theirs", "ours"))
    assert (theirs.status, ours.status) == (409, 409)
    assert theirs.error["message"].replace("theirs", "ours") == ours.error["message"]


def test_role_and_access_change_together_or_not_at_all(daemon: LocalDaemon) -> None:
    owner = _invite(daemon, "owner@acme.example", "owner")
    answer = _patch(daemon, owner["user_id"], {"role": "viewer"})
    assert (answer.status, answer.error["code"]) == (409, "conflict")
    second = _invite(daemon, "second@acme.example", "owner")
    changed = _patch(daemon, second["user_id"], {"role": "viewer", "disabled": True}).json
    assert (changed["role"], changed["disabled_at"] is None) == ("viewer", False)
    assert _patch(daemon, owner["user_id"], {"role": "owner", "disabled": True}).status == 409
    assert [row.action for row in audit_trail(daemon.services.database, LOCAL_PRINCIPAL).items][:3] == [
        "user.disable",
        "user.role",
        "user.invite",
    ]
    assert _patch(daemon, second["user_id"], {"disabled": False}).json["disabled_at"] is None


def test_a_disabled_user_is_out_with_the_next_call(daemon: LocalDaemon) -> None:
    a_user(daemon.services.database)
    viewer = a_user(daemon.services.database, Role.VIEWER)
    cookie = _cookie(daemon, viewer)
    assert daemon.get("/api/v1/account", **cookie).status == 200
    assert _patch(daemon, str(viewer.user_id), {"disabled": True}).status == 200
    assert daemon.get("/api/v1/account", **cookie).status == 401


@pytest.mark.parametrize("change", [{}, {"role": "king"}, {"disabled": "yes"}, {"email": "x@y.example"}, []])
def test_a_change_of_another_shape_is_422(daemon: LocalDaemon, change: Any) -> None:
    assert _patch(daemon, "someone", change).status == 422


def test_users_of_another_organisation_are_404(daemon: LocalDaemon) -> None:
    database = daemon.services.database
    theirs = a_user(database, of=an_organisation(database, "theirs"))
    a_session(database, theirs, now=datetime.now(UTC))
    assert _patch(daemon, str(theirs.user_id), {"role": "viewer"}).status == 404
    for action in ("sign-in-link", "sign-out"):
        assert daemon.post(f"/api/v1/users/{theirs.user_id}/{action}", {}).status == 404
    assert daemon.get("/api/v1/sessions").json["items"] == []


# --- sessions -----------------------------------------------------------------------------------------


def test_a_viewer_may_leave_and_ends_nobody_elses_session(daemon: LocalDaemon) -> None:
    owner, viewer = a_user(daemon.services.database), a_user(daemon.services.database, Role.VIEWER)
    theirs, ours = _cookie(daemon, owner), _cookie(daemon, viewer)
    other = _cookie(daemon, viewer)
    ids = {row["email"]: row["session_id"] for row in daemon.get("/api/v1/sessions", **theirs).json["items"]}
    mine = daemon.get("/api/v1/sessions", **ours).json["items"]
    assert [row["email"] for row in mine] == ["viewer@local.example"] * 2
    assert daemon.call("DELETE", f"/api/v1/sessions/{ids['owner@local.example']}", **ours).status == 404
    assert daemon.post(f"/api/v1/users/{owner.user_id}/sign-out", {}, **ours).status == 403
    assert daemon.call("DELETE", f"/api/v1/sessions/{mine[0]['session_id']}", **ours).status == 204
    left = [cookie for cookie in (ours, other) if daemon.get("/api/v1/account", **cookie).status == 200]
    assert daemon.post(f"/api/v1/users/{viewer.user_id}/sign-out", {}, **left[0]).json == {"sessions": 1}
    assert daemon.get("/api/v1/account", **left[0]).status == 401
    assert daemon.get("/api/v1/account", **theirs).status == 200


def test_a_key_that_reads_has_no_session_to_see_or_end(daemon: LocalDaemon) -> None:
    owner = a_user(daemon.services.database)
    cookie, bearer = _cookie(daemon, owner), _bearer(a_key(daemon.services, LOCAL_PRINCIPAL, READ))
    (row,) = daemon.get("/api/v1/sessions", **cookie).json["items"]
    assert daemon.get("/api/v1/sessions", **bearer).json["items"] == []
    assert daemon.call("DELETE", f"/api/v1/sessions/{row['session_id']}", **bearer).status == 404
    assert daemon.post(f"/api/v1/users/{owner.user_id}/sign-out", {}, **bearer).status == 403


# --- audit --------------------------------------------------------------------------------------------


def test_the_trail_tells_of_a_change_with_the_id_of_its_request(daemon: LocalDaemon) -> None:
    made = daemon.post("/api/v1/keys", {"name": "CI", "scopes": ["read"]}, X_Request_Id="abc-1")
    (row,) = daemon.get("/api/v1/audit?limit=1").json["items"]
    assert (row["action"], row["subject"], row["trace_id"]) == ("key.create", made.json["key_id"], "abc-1")
    assert row["details"] == {"name": "CI", "scopes": ["read"]}
    narrowed = daemon.get(f"/api/v1/audit?actor={row['actor']}&action=key.create&since=2026-01-01T00:00:00Z")
    assert narrowed.json["items"] == [row]


@pytest.mark.parametrize("query", ["since=yesterday", "since=1700000000", "action=a'b", "actor=%00", "limit=0"])
def test_a_malformed_question_is_refused(daemon: LocalDaemon, query: str) -> None:
    assert daemon.get(f"/api/v1/audit?{query}").status in (400, 422)


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_time_are_no_error(daemon: LocalDaemon, since: str) -> None:
    assert daemon.get(f"/api/v1/audit?since={since}").status == 200


def test_no_secret_reaches_the_log_or_the_trail(daemon: LocalDaemon, written: io.StringIO) -> None:
    user = _invite(daemon)
    key = daemon.post("/api/v1/keys", {"name": "CI", "scopes": ["read"]}).json["key"]
    secrets = [
        key.split("_", 2)[2],
        daemon.post(f"/api/v1/users/{user['user_id']}/sign-in-link", {}).json["url"].rpartition("=")[2],
    ]
    daemon.get("/api/v1/brands", **_bearer(key))
    daemon.get("/api/v1/brands", **_bearer(key + "x"))
    trail = daemon.get("/api/v1/audit").body.decode()
    assert "http request" in written.getvalue()
    for secret in secrets:
        assert secret not in written.getvalue() + trail
