"""Webhooks: told of what becomes of requests, signed, at least once, by nobody's leave but an administrator's."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from core.adapters.postgres.housekeeping import forget_what_is_over
from core.adapters.postgres.request_store import insert_request
from core.adapters.webhook_post import GuardedWebhookSender
from core.domain.principal import Permission, Principal
from core.webhooks.deliver import RETRY_SECONDS
from tests.daemon.conftest import StartDaemon
from tests.daemon.exporting import KilledError, killed_at
from tests.daemon.hooking import Hooks
from tests.daemon.support import a_key
from tests.fakes.webhook_receiver import Receiver, Request, answering, webhook_receiver

OTHER = Principal("other")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as running:
        yield running


@pytest.fixture
def hooks(start_daemon: StartDaemon, receiver: Receiver) -> Hooks:
    return Hooks(start_daemon(fetch_allow_hosts=receiver.host), receiver)


def rows(hooks: Hooks, statement: str) -> list[Any]:
    with hooks.daemon.services.database.machinery() as connection:
        return list(connection.execute(text(statement)))


# --- what is sent -------------------------------------------------------------------------------------


def test_a_delivery_is_the_event_and_says_of_which_webhook_it_is(hooks: Hooks) -> None:
    webhook_id = hooks.made()
    request_id = hooks.tell("completed", {"ads": 3, "name": "Größe"})

    hooks.deliver()

    (received,) = hooks.receiver.received
    about = received.json.pop("webhook")
    assert hooks.verified(received, webhook_id) == received.json
    assert {name: received.json[name] for name in ("request_id", "status", "result")} == {
        "request_id": request_id,
        "status": "completed",
        "result": {"ads": 3, "name": "Größe"},
    }
    assert (about["webhook_id"], f"msg_{about['delivery_id']}") == (webhook_id, received.message_id)
    assert received.headers["content-type"] == "application/json"
    (delivery,) = hooks.deliveries(webhook_id)
    assert (delivery["state"], delivery["attempts"], delivery["answer_status"]) == ("delivered", 1, 204)


def test_the_signature_covers_body_id_and_time(hooks: Hooks) -> None:
    webhook_id = hooks.made()
    hooks.tell()
    hooks.deliver()
    (received,) = hooks.receiver.received

    own = Webhook(hooks.secrets[webhook_id])
    for headers, body in (
        (received.headers, received.body + b" "),
        ({**received.headers, "webhook-id": "msg_0"}, received.body),
        ({**received.headers, "webhook-timestamp": str(int(received.headers["webhook-timestamp"]) + 1)}, received.body),
    ):
        with pytest.raises(WebhookVerificationError):
            own.verify(body, headers)


def test_only_the_statuses_chosen_are_told(hooks: Hooks) -> None:
    failures, over = hooks.made("/failures", statuses=["failed"]), hooks.made("/over")
    for status in ("processing", "completed", "failed"):
        hooks.tell(status)

    hooks.deliver()

    assert [item.json["status"] for item in hooks.receiver.to("/failures")] == ["failed"]
    assert [item.json["status"] for item in hooks.receiver.to("/over")] == ["completed", "failed"]
    assert hooks.hook(failures)["statuses"] == ["failed"]
    assert hooks.hook(over)["statuses"] == ["completed", "failed", "cancelled"]


def test_what_the_api_itself_does_is_told_too(hooks: Hooks) -> None:
    hooks.made(statuses=["queued", "cancelled"])
    request_id = hooks.daemon.post("/api/v1/exports", {"brandspace": "all"}).json["request_id"]
    hooks.daemon.post(f"/api/v1/requests/{request_id}/cancel", {})

    hooks.deliver()

    assert [item.json["status"] for item in hooks.receiver.received] == ["queued", "cancelled"]


def test_an_event_that_is_rolled_back_is_told_to_nobody(hooks: Hooks) -> None:
    hooks.made(statuses=["queued"])
    database, ours = hooks.daemon.services.database, Principal("local")
    with contextlib.suppress(ZeroDivisionError), database.together(ours) as connection:
        insert_request(connection, ours, kind="import", params={})
        raise ZeroDivisionError

    hooks.deliver()

    assert hooks.receiver.received == []
    assert rows(hooks, "SELECT 1 FROM webhook_delivery") == []


# --- at least once ------------------------------------------------------------------------------------


def test_a_delivery_is_tried_eight_times_over_a_day_under_one_id(hooks: Hooks) -> None:
    hooks.receiver.routes["/hook"] = answering(500)
    webhook_id = hooks.made()
    hooks.tell()

    for seconds in (0, *RETRY_SECONDS):
        hooks.clock.ahead += timedelta(seconds=seconds)
        hooks.deliver()
        hooks.deliver()  # nothing is due yet

    (delivery,) = hooks.deliveries(webhook_id)
    assert (delivery["state"], delivery["attempts"], delivery["answer_status"]) == ("failed", 8, 500)
    assert delivery["error"] == "it answered 500"
    assert len(hooks.receiver.received) == 8
    assert len({(item.message_id, item.body) for item in hooks.receiver.received}) == 1
    times = [int(item.headers["webhook-timestamp"]) for item in hooks.receiver.received]
    assert all(late > early for early, late in pairwise(times))  # each attempt is signed anew
    assert 24 * 3600 < sum(RETRY_SECONDS) < 30 * 3600
    hooks.clock.ahead += timedelta(days=2)
    hooks.deliver()
    assert len(hooks.receiver.received) == 8


def test_a_receiver_that_comes_back_gets_it(hooks: Hooks) -> None:
    hooks.receiver.routes["/hook"] = answering(503)
    webhook_id = hooks.made()
    hooks.tell()
    hooks.deliver()
    assert hooks.hook(webhook_id)["failures"] == 1

    del hooks.receiver.routes["/hook"]
    hooks.clock.ahead += timedelta(seconds=6)
    hooks.deliver()

    assert hooks.deliveries(webhook_id)[0]["state"] == "delivered"
    assert (hooks.hook(webhook_id)["failures"], hooks.hook(webhook_id)["failing_since"]) == (0, None)


@pytest.mark.parametrize(("asked", "waited"), [("90", 90), ("999999", 3_600), ("1", 5)])
def test_retry_after_is_honoured_up_to_an_hour(hooks: Hooks, asked: str, waited: int) -> None:
    hooks.receiver.routes["/hook"] = answering(429, Retry_After=asked)
    webhook_id = hooks.made()
    hooks.tell()
    before = hooks.clock.now()

    hooks.deliver()

    (delivery,) = hooks.deliveries(webhook_id)
    due = datetime.fromisoformat(delivery["due_at"])
    assert timedelta(0) <= due - before - timedelta(seconds=waited) < timedelta(seconds=5)


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_not_followed(hooks: Hooks, status: int) -> None:
    hooks.receiver.routes["/hook"] = answering(status, Location=hooks.receiver.url("/elsewhere"))
    webhook_id = hooks.made()
    hooks.tell()

    hooks.deliver()

    assert [item.path for item in hooks.receiver.received] == ["/hook"]
    assert hooks.deliveries(webhook_id)[0]["error"] == f"it answered {status}; redirects are not followed"


def test_what_was_sent_and_not_settled_is_sent_again_under_its_id(hooks: Hooks) -> None:
    webhook_id = hooks.made()
    hooks.tell()
    deliverer = hooks.deliverer()
    delivery = deliverer._claim()
    assert delivery is not None
    with killed_at("webhook.sent"), pytest.raises(KilledError):
        deliverer._deliver(delivery)
    hooks.deliver()  # its hold stands
    assert len(hooks.receiver.received) == 1

    hooks.clock.ahead += timedelta(seconds=61)
    hooks.deliver()

    first, second = hooks.receiver.received
    assert first.message_id == second.message_id
    assert (hooks.deliveries(webhook_id)[0]["state"], hooks.deliveries(webhook_id)[0]["attempts"]) == ("delivered", 2)


def test_two_schedulers_send_each_delivery_once_and_one_at_a_time_to_a_webhook(hooks: Hooks) -> None:
    paths = [f"/{number}" for number in range(4)]
    for path in paths:
        hooks.made(path)
    for _ in range(12):
        hooks.tell()
    schedulers = [hooks.deliverer(threads=4) for _ in range(2)]

    while rows(hooks, "SELECT 1 FROM webhook_delivery WHERE state = 'pending' LIMIT 1"):
        for scheduler in schedulers:
            scheduler.deliver_due()
    for scheduler in schedulers:
        scheduler.close()

    sent = Counter(item.message_id for item in hooks.receiver.received)
    assert (len(sent), set(sent.values())) == (48, {1})
    assert {hooks.receiver.most_at_once[path] for path in paths} == {1}


def test_a_slow_receiver_delays_nobody_but_itself(hooks: Hooks) -> None:
    def slowly(request: Request) -> None:
        hooks.receiver.stopping.wait(10)
        answering(204)(request)

    hooks.receiver.routes["/slow"] = slowly
    hooks.made("/slow")
    hooks.made("/hook")
    deliverer = hooks.deliverer(threads=2)
    for _ in range(5):
        hooks.tell()

    deliverer.deliver_due()
    hooks.receiver.wait_for(5)

    assert len(hooks.receiver.to("/slow")) == 1
    hooks.receiver.stopping.set()
    deliverer.close()


# --- enough is enough ---------------------------------------------------------------------------------


def test_a_receiver_that_is_gone_is_sent_nothing_more(hooks: Hooks) -> None:
    hooks.receiver.routes["/hook"] = answering(410)
    webhook_id = hooks.made()
    hooks.tell()
    hooks.tell()

    hooks.deliver()
    hooks.tell()
    hooks.clock.ahead += timedelta(days=1)
    hooks.deliver()

    assert len(hooks.receiver.received) == 1
    hook = hooks.hook(webhook_id)
    assert hook["disabled_at"] is not None
    assert hook["disabled_reason"] == "its receiver answered 410: it wants nothing any more"
    assert [item["error"] for item in hooks.deliveries(webhook_id)] == ["its webhook was disabled"] * 2
    assert rows(hooks, "SELECT context ->> 'webhook', text FROM notice") == [(webhook_id, hook["disabled_reason"])]
    trail = hooks.daemon.get("/api/v1/audit?action=webhook.disable").json["items"]
    assert [(row["actor"], row["subject"]) for row in trail] == [("system", webhook_id)]


def test_a_webhook_is_disabled_when_nothing_arrived_for_five_days(hooks: Hooks) -> None:
    hooks.receiver.routes["/hook"] = answering(500)
    webhook_id = hooks.made()
    for _ in range(4):
        hooks.tell()
    hooks.deliver()
    hooks.clock.ahead = timedelta(days=4, hours=23)
    hooks.deliver()
    assert hooks.hook(webhook_id)["disabled_at"] is None  # failed eight times, but not for five days

    hooks.clock.ahead = timedelta(days=5, minutes=10)
    hooks.deliver()

    assert hooks.hook(webhook_id)["disabled_reason"].startswith("nothing has arrived since ")
    answer = hooks.daemon.call(
        "PATCH", f"/api/v1/webhooks/{webhook_id}", b'{"enabled": true}', Content_Type="application/json"
    )
    assert (answer.json["disabled_at"], answer.json["failures"]) == (None, 0)


def test_deliveries_are_forgotten_a_week_after_they_were_settled(hooks: Hooks) -> None:
    webhook_id = hooks.made()
    hooks.tell()
    hooks.deliver()
    hooks.tell()  # and one that waits
    now = hooks.clock.now()

    for days, left in ((6, 2), (8, 1)):
        with hooks.daemon.services.database.machinery() as connection:
            forget_what_is_over(connection, now=now + timedelta(days=days))
        assert len(hooks.deliveries(webhook_id)) == left


# --- the guard ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.215.14/hook",  # not https; tests/unit/adapters/test_webhook_post.py has the rest
        "https://127.0.0.1/hook",
        "https://169.254.169.254/latest/meta-data/",
        "https://user:password@93.184.215.14/hook",
    ],
)
def test_an_address_inside_is_refused_when_it_is_given(hooks: Hooks, url: str) -> None:
    webhook_id = hooks.made()

    created = hooks.daemon.post("/api/v1/webhooks", {"url": url})
    body = json.dumps({"url": url}).encode()
    changed = hooks.daemon.call("PATCH", f"/api/v1/webhooks/{webhook_id}", body, Content_Type="application/json")

    assert (created.status, created.error["code"]) == (400, "bad_input")
    assert changed.status == 400
    assert hooks.hook(webhook_id)["url"] == hooks.receiver.url()


def test_an_address_that_leads_inside_later_is_refused_when_it_is_sent_to(hooks: Hooks) -> None:
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])
    sender = GuardedWebhookSender(resolver=lambda host, port: next(answers))
    vars(hooks.daemon.services).update(webhook_sender=sender)
    answer = hooks.daemon.post("/api/v1/webhooks", {"url": "https://hooks.example/hook?token=verysecret"})
    hooks.tell()

    hooks.deliver()

    assert hooks.receiver.received == []
    (delivery,) = hooks.deliveries(answer.json["webhook_id"])
    assert delivery["error"] == "hooks.example is not a public address"
    assert delivery["state"] == "pending"  # the name may be set right


# --- who may ------------------------------------------------------------------------------------------


def calls(webhook_id: str) -> list[tuple[str, str, bytes | None]]:
    one = f"/api/v1/webhooks/{webhook_id}"
    return [
        ("GET", one, None),
        ("PATCH", one, b"{}"),
        ("DELETE", one, None),
        ("POST", f"{one}/secret", b""),
        ("POST", f"{one}/test", b""),
        ("GET", f"{one}/deliveries", None),
        ("POST", f"{one}/deliveries/1/retry", b""),
    ]


def test_another_organisation_finds_no_webhook_of_ours_and_hears_nothing(hooks: Hooks) -> None:
    webhook_id = hooks.made()
    hooks.tell("completed", organisation="other")
    theirs = {"Authorization": f"Bearer {a_key(hooks.daemon.services, OTHER)}", "Content_Type": "application/json"}

    for method, path, body in calls(webhook_id):
        assert hooks.daemon.call(method, path, body, **theirs).status == 404, path
    assert hooks.daemon.get("/api/v1/webhooks", **theirs).json == []
    hooks.deliver()
    assert hooks.receiver.received == []
    assert hooks.hook(webhook_id)["webhook_id"] == webhook_id


def test_webhooks_are_for_administrators(hooks: Hooks) -> None:
    webhook_id = hooks.made()
    key = a_key(hooks.daemon.services, Principal("local"), Permission.READ, Permission.WRITE)
    headers = {"Authorization": f"Bearer {key}", "Content_Type": "application/json"}

    for method, path, body in [("GET", "/api/v1/webhooks", None), *calls(webhook_id)]:
        assert hooks.daemon.call(method, path, body, **headers).status == 403, path
    made = hooks.daemon.post("/api/v1/webhooks", {"url": hooks.receiver.url()}, Authorization=f"Bearer {key}")
    assert made.status == 403


def test_the_secret_is_shown_once_and_stands_in_no_row_and_no_log(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    webhook_id = hooks.made()
    hooks.tell()
    hooks.deliver()
    secret = hooks.secrets[webhook_id]

    assert secret.startswith("whsec_")
    tables = rows(hooks, "SELECT w::text || d::text FROM webhook w JOIN webhook_delivery d USING (webhook_id)")
    shown = str([hooks.hook(webhook_id), hooks.deliveries(webhook_id), tables, caplog.text])
    shown += hooks.daemon.get("/api/v1/audit").body.decode()
    assert webhook_id in shown
    assert secret.removeprefix("whsec_") not in shown


def test_a_rotated_secret_signs_from_then_on(hooks: Hooks) -> None:
    webhook_id = hooks.made()
    old = Webhook(hooks.secrets[webhook_id])
    answer = hooks.daemon.post(f"/api/v1/webhooks/{webhook_id}/secret", {})
    hooks.secrets[webhook_id] = answer.json["secret"]
    hooks.tell()

    hooks.deliver()

    (received,) = hooks.receiver.received
    hooks.verified(received, webhook_id)
    with pytest.raises(WebhookVerificationError):
        old.verify(received.body, received.headers)


def test_a_receiver_can_be_tried(hooks: Hooks) -> None:
    webhook_id = hooks.made(statuses=["failed"])

    answer = hooks.daemon.post(f"/api/v1/webhooks/{webhook_id}/test", {})
    hooks.deliver()

    assert (answer.status, answer.json["state"]) == (202, "pending")
    (received,) = hooks.receiver.received
    assert hooks.verified(received, webhook_id)["status"] == "test"


def test_a_delivery_that_is_over_is_sent_again_by_hand(hooks: Hooks) -> None:
    webhook_id = hooks.made()
    hooks.tell()
    path = f"/api/v1/webhooks/{webhook_id}/deliveries"
    delivery_id = hooks.deliveries(webhook_id)[0]["delivery_id"]
    assert hooks.daemon.post(f"{path}/{delivery_id}/retry", {}).status == 409  # on its way
    hooks.deliver()

    answer = hooks.daemon.post(f"{path}/{delivery_id}/retry", {})
    hooks.deliver()

    assert (answer.status, answer.json["attempts"]) == (202, 0)
    first, second = hooks.receiver.received
    assert (first.message_id, first.body) == (second.message_id, second.body)
    assert hooks.daemon.post(f"{path}/999999/retry", {}).status == 404


def test_a_webhook_that_is_switched_off_is_sent_nothing_until_it_is_on(hooks: Hooks) -> None:
    webhook_id = hooks.made()
    path, as_json = f"/api/v1/webhooks/{webhook_id}", {"Content_Type": "application/json"}

    off = hooks.daemon.call("PATCH", path, b'{"enabled": false}', **as_json)
    hooks.tell()
    hooks.deliver()
    assert off.json["disabled_reason"] == "switched off"
    assert hooks.daemon.post(f"{path}/test", {}).status == 409
    hooks.daemon.call("PATCH", path, b'{"enabled": true, "statuses": ["failed"]}', **as_json)
    hooks.tell("failed")
    hooks.deliver()

    assert [item.json["status"] for item in hooks.receiver.received] == ["failed"]


def test_a_deleted_webhook_is_gone_with_its_deliveries_and_its_secret(hooks: Hooks) -> None:
    webhook_id = hooks.made()
    hooks.tell()
    deliverer = hooks.deliverer()
    delivery = deliverer._claim()

    assert hooks.daemon.call("DELETE", f"/api/v1/webhooks/{webhook_id}").status == 204

    assert delivery is not None
    deliverer._deliver(delivery)  # what was on its way settles nothing
    assert rows(hooks, "SELECT 1 FROM webhook_delivery") == []
    assert hooks.daemon.get(f"/api/v1/webhooks/{webhook_id}").status == 404
    assert hooks.receiver.received == []  # without its secret it can't be signed


def test_an_organisation_has_ten_webhooks_at_most_however_many_are_made_at_once(hooks: Hooks) -> None:
    for _ in range(8):
        hooks.made()
    found: list[int] = []

    def make() -> None:
        found.append(hooks.daemon.post("/api/v1/webhooks", {"url": hooks.receiver.url()}).status)

    makers = [threading.Thread(target=make) for _ in range(5)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    assert sorted(found) == [201, 201, 409, 409, 409]


@pytest.mark.parametrize("statuses", [[], ["completed", "done"]])
def test_statuses_are_those_of_requests(hooks: Hooks, statuses: Any) -> None:
    answer = hooks.daemon.post("/api/v1/webhooks", {"url": hooks.receiver.url(), "statuses": statuses})

    assert answer.status == 422
