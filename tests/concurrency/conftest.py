"""Threads on real connections, all let go at the same instant."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.db import db
from tests import invariant


@pytest.fixture
def together(committed):
    """Run functions at once, each in a thread with an application context and a connection of its own.

    Returns in their order what each returned or raised.
    """

    def run(*jobs):
        start = threading.Barrier(len(jobs), timeout=30)

        def one(job):
            with committed.app_context():
                start.wait()
                try:
                    return job()
                except Exception as error:
                    return error
                finally:
                    db.session.remove()

        # The caller's own session gives its connection back first: it may hold locks or an old picture.
        db.session.rollback()
        with ThreadPoolExecutor(len(jobs)) as pool:
            return list(pool.map(one, jobs))

    return run


@pytest.fixture
def books(committed, sandbox):
    """Our books beside the gateways', from here on: `books.check()` (tests/invariant.py)."""
    return invariant.Books(sandbox)
