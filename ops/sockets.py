"""Where a server's Unix socket lies: beside its data, or in a short folder when that path is too long."""

import hashlib
import os
import re
from pathlib import Path

from ops.problem import Problem

# sun_path holds 108 bytes on Linux and 104 on macOS, with the closing zero.
LONGEST = 103
# PostgreSQL reads its socket folder as a comma-separated list with quotes of its own.
PLAIN = re.compile(r"[\w./+@:-]+", re.ASCII)


def socket_folder(data: Path, name: str, *, owner: int) -> Path:
    """The folder for the socket `name` of the server with this data folder, private to `owner` (a uid)."""
    if len(os.fsencode(data / name)) <= LONGEST and PLAIN.fullmatch(str(data)):
        return data
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") if owner == os.geteuid() else Path("/tmp")  # noqa: S108
    short = base / f"kv-{owner}-{hashlib.sha256(os.fsencode(data)).hexdigest()[:12]}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid not in (owner, os.geteuid()):
        raise Problem(
            f"{short} 폴더가 다른 사용자의 것입니다. 지우거나 KV_HOME을 더 짧은 경로로 바꾸세요.",
            f"{short} belongs to somebody else: remove it, or give KV_HOME a shorter path.",
        )
    if os.geteuid() == 0:
        os.chown(short, owner, -1)
    return short
