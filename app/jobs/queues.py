"""The queues of RQ, with the JSON serializer: jobs take ids and strings, nothing else."""

from __future__ import annotations

from functools import lru_cache

from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

TICKS = "ticks"
"""What the schedule wakes: short, and skipped when it is still waiting."""
WORK = "work"
"""What a person waits for."""
NAMES = (TICKS, WORK)


def connection(app: Flask) -> Redis:
    return _connected(app.config["REDIS_URL"])


@lru_cache
def _connected(url: str) -> Redis:
    """One pool for the process: RQ keeps every client that ever enqueued, and with it its connections."""
    return Redis.from_url(url)


def queue(app: Flask, name: str) -> Queue:
    return Queue(name, connection=connection(app), serializer=JSONSerializer)
