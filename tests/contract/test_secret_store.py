"""What every secret store promises. A further home is added as a parameter of ``secret_store``."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.adapters.file_secrets import FileSecretStore
from core.errors import NotFoundError
from core.ports import SecretStore


@pytest.fixture(params=["file"])
def secret_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecretStore]:
    homes = {"file": lambda: FileSecretStore(tmp_path)}
    return homes[request.param]()


@pytest.mark.parametrize("value", ["plain", "", "ключ 🔑 \n\0 \"'", "x" * 20_000])
def test_a_secret_comes_back_as_it_was_put(secret_store: SecretStore, value: str) -> None:
    secret_store.put("meta/token", value)

    assert secret_store.get("meta/token") == value


def test_an_unknown_secret_is_not_found(secret_store: SecretStore) -> None:
    with pytest.raises(NotFoundError, match="meta/token"):
        secret_store.get("meta/token")


def test_putting_again_replaces_one_secret_and_keeps_the_others(secret_store: SecretStore) -> None:
    secret_store.put("a", "old-a")
    secret_store.put("b", "b-value")
    secret_store.put("a", "new-a")

    assert (secret_store.get("a"), secret_store.get("b")) == ("new-a", "b-value")


def test_a_created_secret_has_256_bits_and_stays(secret_store: SecretStore) -> None:
    first = secret_store.get_or_create("link-key")

    assert len(first) >= 43  # 32 bytes in base 64
    assert secret_store.get_or_create("link-key") == first == secret_store.get("link-key")
    assert secret_store.get_or_create("other-key") != first


def test_what_was_put_is_not_created_anew(secret_store: SecretStore) -> None:
    secret_store.put("link-key", "given")

    assert secret_store.get_or_create("link-key") == "given"


def test_writers_at_once_lose_nothing(secret_store: SecretStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: secret_store.put(f"name-{number}", str(number)), range(40)))

    assert [secret_store.get(f"name-{number}") for number in range(40)] == [str(number) for number in range(40)]


def test_a_deleted_secret_is_gone_and_the_others_stay(secret_store: SecretStore) -> None:
    secret_store.put("a", "a-value")
    secret_store.put("b", "b-value")

    secret_store.delete("a")
    secret_store.delete("a")

    with pytest.raises(NotFoundError):
        secret_store.get("a")
    assert secret_store.get("b") == "b-value"
