"""The sender of webhooks against real servers on loopback, and addresses it must not reach."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from core.adapters.webhook_post import GuardedWebhookSender
from core.errors import BadInputError, RetryableError, TerminalError
from tests.fakes.webhook_receiver import Answer, Receiver, Request, answering, webhook_receiver

PUBLIC = "93.184.215.14"
_RESOLVED = {"127.1": "127.0.0.1", "0": "0.0.0.0", "2130706433": "127.0.0.1", "inside.example": "10.0.0.1"}


def resolve(host: str, port: int) -> list[str]:
    """As the system would."""
    if host == "unknown.example":
        raise OSError("no such name")
    return [_RESOLVED.get(host, PUBLIC if host.endswith(".example") else host)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as running:
        yield running


def sender_to(receiver: Receiver, seconds: float = 10.0) -> GuardedWebhookSender:
    return GuardedWebhookSender(timeout_seconds=seconds, allow_hosts=frozenset({receiver.host}), resolver=resolve)


@pytest.mark.parametrize(
    "url",
    [
        f"http://{PUBLIC}/hook",  # not https
        "http://hooks.example/hook",
        "https://127.0.0.1/hook",
        "https://127.1/hook",
        "https://0/hook",
        "https://2130706433/hook",
        "https://[::1]/hook",
        "https://[::ffff:127.0.0.1]/hook",
        "https://[64:ff9b::7f00:1]/hook",
        "https://[fd00::1]/hook",
        "https://10.0.0.1/hook",
        "https://172.16.0.1/hook",
        "https://192.168.1.1/hook",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/hook",
        "https://224.0.0.1/hook",
        "https://inside.example/hook",
        "https://unknown.example/hook",
        f"https://{PUBLIC}:8443/hook",
        f"https://user:password@{PUBLIC}/hook",
        f"https://token@{PUBLIC}/hook",
        f"ftp://{PUBLIC}/hook",
        "file:///etc/passwd",
        "javascript:alert(1)",
        f"//{PUBLIC}/hook",
        "https:///hook",
        f"https://{PUBLIC}\\@127.0.0.1/hook",
        f"https://{PUBLIC}/\r\nX-Evil: 1",
        "https://hooks.example/" + "x" * 2_000,
        "no address",
        "",
    ],
)
def test_this_address_is_refused_when_given_and_when_sent_to(url: str) -> None:
    sender = GuardedWebhookSender(resolver=resolve)

    with pytest.raises(BadInputError, match="url: ") as given:
        sender.check(url)
    with pytest.raises((TerminalError, RetryableError)):
        sender.send(url, b"{}", {})
    assert "password" not in str(given.value).replace("user name or password", "")


@pytest.mark.parametrize(
    "url", ["https://hooks.example/hook?token=1", f"https://{PUBLIC}:443/", "https://hooks.example:80"]
)
def test_a_public_https_address_is_accepted(url: str) -> None:
    GuardedWebhookSender(resolver=resolve).check(url)


def test_an_address_is_resolved_once_and_what_was_checked_is_connected_to(receiver: Receiver) -> None:
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    name = f"hooks.example:{receiver.port}"
    sender = GuardedWebhookSender(allow_hosts=frozenset({name}), resolver=resolver)

    assert sender.send(f"http://{name}/hook", b"{}", {}).status == 204
    assert (asked, receiver.received[0].headers["host"]) == (["hooks.example"], name)


@pytest.mark.parametrize("status", [200, 204, 301, 404, 500])
def test_an_answer_is_its_status(receiver: Receiver, status: int) -> None:
    receiver.routes["/hook"] = answering(status)

    answer = sender_to(receiver).send(receiver.url(), b"{}", {"webhook-id": "msg_1"})

    assert (answer.status, answer.retry_after_seconds) == (status, None)
    assert receiver.received[0].message_id == "msg_1"


def dripping(begin: bytes) -> Answer:
    def drip(request: Request) -> None:
        request.wfile.write(begin)
        while not request.server.receiver.stopping.wait(0.05):  # type: ignore[attr-defined]
            request.wfile.write(b"x")

    return drip


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_receiver_that_drips_is_left_at_the_deadline(receiver: Receiver, begin: bytes) -> None:
    receiver.routes["/hook"] = dripping(begin)
    began = time.monotonic()

    with pytest.raises(RetryableError, match=r"took longer than 0\.3 s"):
        sender_to(receiver, 0.3).send(receiver.url(), b"{}", {})

    assert time.monotonic() - began < 2


def test_an_endless_answer_has_arrived_with_its_head(receiver: Receiver) -> None:
    receiver.routes["/hook"] = dripping(b"HTTP/1.1 200 OK\r\n\r\n")

    assert sender_to(receiver, 0.3).send(receiver.url(), b"{}", {}).status == 200


def test_a_receiver_that_is_away_gave_no_answer(receiver: Receiver) -> None:
    sender = GuardedWebhookSender(allow_hosts=frozenset({"127.0.0.1:1"}))

    with pytest.raises(RetryableError, match=r"127\.0\.0\.1 gave no answer"):
        sender.send("http://127.0.0.1:1/hook?token=verysecret", b"{}", {})
