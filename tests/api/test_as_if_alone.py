"""What an organisation reads is the same to the byte whether others are there or not.

Left out: the moment of an answer and of the links it signs, and the time of a call's own key. Ids of events, deliveries
and audit rows come from sequences that all share: whoever compares ids that he gets later learns how much others do,
and nothing else.
"""

from __future__ import annotations

from tests.api.calls import operations, read, readings
from tests.api.customers import Customer, a_customer, a_shared_market, asking
from tests.daemon.conftest import StartDaemon
from tests.daemon.exporting import Exports
from tests.daemon.support import LocalDaemon, subscribe

OFTEN = {"rate_limit": "1000000/second", "rate_limit_writes": "1000000/second"}


def everything(daemon: LocalDaemon, customer: Customer) -> dict[str, tuple[int, str]]:
    ask = asking(daemon, Authorization=customer.key)
    return {one.address: read(one.answer) for one in readings(ask, operations(daemon), customer)}


def exported(daemon: LocalDaemon, customer: Customer, written_as: str) -> bytes:
    """The file of a new export of all."""
    ask = asking(daemon, Authorization=customer.key)
    request_id = ask("POST", "/exports", {"brandspace": "all", "format": written_as}).json["request_id"]
    Exports(daemon).work()
    return ask("GET", f"/exports/{request_id}/content").body


def test_everything_reads_as_if_nobody_else_were_there(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(**OFTEN)
    a_shared_market(daemon.services)
    ours = a_customer(daemon, "ours", "heron")
    files = {written_as: exported(daemon, ours, written_as) for written_as in ("csv", "ndjson")}
    told, position = subscribe(daemon.connect(Authorization=ours.key), "all")
    alone = everything(daemon, ours)

    a_customer(daemon, "theirs", "quokka")

    together = everything(daemon, ours)
    assert together.keys() == alone.keys()
    assert {address: (alone[address], now) for address, now in together.items() if now != alone[address]} == {}
    assert {status for status, _ in alone.values()} == {
        200,
        404,
    }  # an import has no file, and an archived brandspace can't be asked
    assert subscribe(daemon.connect(Authorization=ours.key), "all") == (told, position)
    assert {written_as: exported(daemon, ours, written_as) for written_as in files} == files
    assert min(map(len, files.values())) > 1_000
