"""What ADOLOGY_QUEUE_URL may say."""

from __future__ import annotations

import pytest

from core.adapters.sqs_address import SqsAddress
from core.errors import BadInputError
from core.settings import load_settings


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("sqs://eu-west-1", SqsAddress("eu-west-1")),
        ("sqs://eu-west-1/", SqsAddress("eu-west-1")),
        ("sqs://us-gov-east-1/adology-prod-", SqsAddress("us-gov-east-1", "adology-prod-")),
        ("sqs://eu-west-1/a_?endpoint=http://127.0.0.1:9324", SqsAddress("eu-west-1", "a_", "http://127.0.0.1:9324")),
        ("sqs://eu-west-1?endpoint=https://sqs.example", SqsAddress("eu-west-1", "", "https://sqs.example")),
    ],
)
def test_an_address_names_region_prefix_and_endpoint(url: str, address: SqsAddress) -> None:
    assert SqsAddress.parse(url) == address
    assert load_settings(queue_url=url).queue_url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://sqs.eu-west-1.amazonaws.com", "region"),
        ("sqs://", "region"),
        ("sqs://europe", "region"),
        ("sqs://key:secret@eu-west-1", "region"),  # credentials don't belong here
        ("sqs://eu-west-1/a/b", "prefix"),
        ("sqs://eu-west-1/a.fifo", "prefix"),
        ("sqs://eu-west-1/" + "x" * 60, "prefix"),  # SQS names have 80 characters, ours up to 34
        ("sqs://eu-west-1?visibility=3", "visibility"),
        ("sqs://eu-west-1?endpoint=127.0.0.1:9324", "endpoint"),
    ],
)
def test_a_wrong_address_is_refused_with_its_variable_named(url: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        SqsAddress.parse(url)
    with pytest.raises(BadInputError, match=f"^ADOLOGY_QUEUE_URL: .*{said}") as caught:
        load_settings(queue_url=url)
    assert "secret" not in str(caught.value)
    assert str(caught.value).count("ADOLOGY_QUEUE_URL") == 1


@pytest.mark.parametrize(
    ("endpoint", "is_local"),
    [
        ("http://127.0.0.1:9324", True),
        ("http://[::1]:9324", True),
        ("http://localhost:1", True),
        ("https://sqs.example", False),
        ("http://10.0.0.1", False),
        (None, False),
    ],
)
def test_only_a_server_on_this_machine_is_asked_without_credentials(endpoint: str | None, is_local: bool) -> None:
    assert SqsAddress("eu-west-1", "", endpoint).is_on_this_machine is is_local


def test_sqs_wants_five_receives() -> None:
    with pytest.raises(BadInputError, match="ADOLOGY_QUEUE_MAX_RECEIVE_COUNT must be 5"):
        load_settings(queue_url="sqs://eu-west-1", queue_max_receive_count=4)
    assert load_settings(queue_max_receive_count=4).queue_max_receive_count == 4
