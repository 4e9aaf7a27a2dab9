"""Secrets in one encrypted file under the home folder.

The key lies beside it, so this protects copies and backups of the one file and keeps values out of plain
sight; whoever can read the whole folder can read the secrets. Production uses a secrets service.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from core.errors import NotFoundError, TerminalError
from core.observability.logs import get_logger
from core.observability.redaction import register_secret

_SECRET_BYTES = 32
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_log = get_logger(__name__)


class FileSecretStore:
    """Named secrets, safe for several threads and processes of one user. Raises TerminalError on a damaged file."""

    def __init__(self, home: Path) -> None:
        """The files lie in ``home/secrets``, which only this user may enter."""
        self._folder = home / "secrets"
        self._key_file = self._folder / "key"
        self._secrets_file = self._folder / "secrets.encrypted"
        self._folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        _tighten(self._folder, _FOLDER_MODE)

    def get(self, name: str) -> str:
        """Raises NotFoundError."""
        with self._locked():
            values = self._read()
        if name not in values:
            raise NotFoundError(f"there is no secret named {name!r}; store it first")
        return _never_logged(values[name])

    def put(self, name: str, value: str) -> None:
        """Create or replace."""
        _never_logged(value)
        with self._locked():
            self._write({**self._read(), name: value})

    def delete(self, name: str) -> None:
        """Forget the secret; no error if there is none."""
        with self._locked():
            values = self._read()
            if values.pop(name, None) is not None:
                self._write(values)

    def get_or_create(self, name: str) -> str:
        """The secret, or a new random one of 256 bits, stored under that name."""
        with self._locked():
            values = self._read()
            if name not in values:
                values[name] = secrets.token_urlsafe(_SECRET_BYTES)
                self._write(values)
        return _never_logged(values[name])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)  # gives the lock back

    def _read(self) -> dict[str, str]:
        if not self._secrets_file.exists():
            return {}
        _tighten(self._secrets_file, _FILE_MODE)
        try:
            values: dict[str, str] = json.loads(self._cipher().decrypt(self._secrets_file.read_bytes()))
        except (InvalidToken, ValueError):  # the cause could quote what was decrypted
            raise TerminalError(
                f"{self._secrets_file} is damaged or {self._key_file.name!r} beside it is not its key; restore both "
                "from a backup, or delete both and enter the secrets again"
            ) from None
        return values

    def _write(self, values: dict[str, str]) -> None:
        if not self._key_file.exists():  # and no secrets either: they were read before this
            _replace(self._key_file, Fernet.generate_key())
        _replace(self._secrets_file, self._cipher().encrypt(json.dumps(values).encode()))

    def _cipher(self) -> Fernet:
        try:
            _tighten(self._key_file, _FILE_MODE)
            return Fernet(self._key_file.read_bytes())
        except FileNotFoundError:
            raise TerminalError(
                f"{self._key_file} is missing, and {self._secrets_file.name!r} can't be read without it; restore it "
                "from a backup, or delete both and enter the secrets again"
            ) from None


def _never_logged(value: str) -> str:
    register_secret(value)
    return value


def _tighten(path: Path, mode: int) -> None:
    """Take rights away from everyone but the owner. Raises TerminalError where we aren't the owner."""
    if stat.S_IMODE(path.stat().st_mode) & ~mode == 0:
        return
    try:
        path.chmod(mode)
    except PermissionError:
        raise TerminalError(f"others may read {path}, which belongs to another user; chmod it to {mode:o}") from None
    _log.warning("permissions of secrets tightened", path=str(path), mode=f"{mode:o}", next="renew secrets others saw")


def _replace(path: Path, content: bytes) -> None:
    """Write whole and durably, or not at all; mkstemp's files are 0600 from the start."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
