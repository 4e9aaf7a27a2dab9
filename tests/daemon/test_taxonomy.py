"""The taxonomy over HTTP: what labels can say, used or not."""

from __future__ import annotations

from tests.daemon.support import LocalDaemon


def test_clients_read_every_value_with_its_meaning_and_examples(daemon: LocalDaemon) -> None:
    answer = daemon.get("/api/v1/taxonomy").json
    taxonomy = daemon.services.taxonomy
    dimensions = {each["dimension"]: each for each in answer["dimensions"]}

    assert answer["version"] == taxonomy.version
    assert {name: [it["value"] for it in each["values"]] for name, each in dimensions.items()} == {
        name: list(taxonomy.values(name)) for name in taxonomy.dimensions
    }
    free_trial = next(it for it in dimensions["offer"]["values"] if it["value"] == "free_trial")
    assert free_trial["definition"] == "Try before paying."
    assert free_trial["examples"]
    assert free_trial["not_this"]
    assert dimensions["visual_shape"]["measured"]
    assert all(it["definition"] for each in answer["dimensions"] for it in each["values"])
