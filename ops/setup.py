"""`make setup`: run by the system's Python, so nothing but the standard library, and no new syntax up here.

python3 -m ops.setup            what `make run` needs
python3 -m ops.setup check      and what checks the code
python3 -m ops.setup tests      and what the browser tests need
python3 -m ops.setup bench      and the peers that the benchmarks measure against
"""

import os
import shutil
import sys

MINIMUM = (3, 11)
NEWER = ("python3.11", "python3.12", "python3.13", "python3.14")


def run_under_newer_python() -> int:
    """Hand over to a newer Python of this machine when `python3` itself is too old."""
    for name in NEWER:
        path = shutil.which(name)
        if path:
            os.execv(path, [path, "-m", "ops.setup"] + sys.argv[1:])  # noqa: S606
    found = ".".join(str(number) for number in sys.version_info[:3])
    sys.stderr.write(
        f"Python 3.11 이상이 필요합니다(지금: {found}). 설치한 뒤 `make PYTHON=python3.11 …`로 쓰세요.\n"
        f"  (Python 3.11 or newer is needed, this is {found}: install one, `make PYTHON=python3.11 ...`.)\n"
    )
    return 1


def main() -> int:
    if sys.version_info < MINIMUM:
        return run_under_newer_python()
    from ops.install import install  # only now: it is written for Python 3.11

    return install(set(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
