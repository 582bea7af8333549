"""Measure in turn, compare in pairs, report."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ROUNDS = 5
SLICE_SECONDS = 2.0

Side = Callable[[], float]
"""Works for one slice and answers the seconds that one unit of its work took."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is compared with what, and the ratio that is promised.

    `at least`: how many times faster ours is (theirs ÷ ours). `at most`: how many times theirs ours may
    take (ours ÷ theirs). A claim without a bar only informs; one that does not bind is an aim, reported but
    without a say in the exit code.
    """

    name: str
    what: str
    against: str
    bar: float | None = None
    direction: Literal["at least", "at most"] = "at least"
    binding: bool = False
    unit: Literal["seconds", "megabytes"] = "seconds"


@dataclass(frozen=True, kw_only=True)
class Result:
    claim: Claim
    ours: list[float]
    theirs: list[float]

    @property
    def ratios(self) -> list[float]:
        pairs = zip(self.ours, self.theirs, strict=True)
        if self.claim.direction == "at most":
            return [ours / theirs for ours, theirs in pairs]
        return [theirs / ours for ours, theirs in pairs]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def holds(self) -> bool:
        bar = self.claim.bar
        if bar is None:
            return True
        return self.ratio <= bar if self.claim.direction == "at most" else self.ratio >= bar

    def as_json(self) -> dict[str, Any]:
        """Times in seconds for one unit of work, or what `unit` says."""
        claim = self.claim
        return {
            "name": claim.name,
            "what": claim.what,
            "ours": statistics.median(self.ours),
            "against": claim.against,
            "theirs": statistics.median(self.theirs),
            "ratio": round(self.ratio, 3),
            "bar": claim.bar,
            "direction": claim.direction,
            "holds": self.holds,
            "binding": claim.binding,
            "unit": claim.unit,
            "rounds": len(self.ours),
            "ratios": [round(ratio, 3) for ratio in self.ratios],
        }


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No collection of garbage in the middle of what is measured."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def timed(work: Callable[[], Any]) -> float:
    """Seconds of one piece of work."""
    with _undisturbed():
        began = time.perf_counter()
        work()
        return time.perf_counter() - began


def per_call(call: Callable[[], Any], *, seconds: float = SLICE_SECONDS) -> float:
    """Call again and again until the slice is over; the mean of a call."""
    calls, passed = 0, 0.0
    with _undisturbed():
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            call()
            calls += 1
    return passed / calls


def in_turn(*sides: Side, rounds: int = ROUNDS) -> list[list[float]]:
    """Each side once unmeasured, then A, B, … A, B, …: one list for each side."""
    for side in sides:
        side()
    measured: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for times, side in zip(measured, sides, strict=True):
            times.append(side())
    return measured


def write(results: Sequence[Result], path: Path) -> None:
    text = json.dumps([result.as_json() for result in results], ensure_ascii=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8")


def table(results: Sequence[Result]) -> str:
    rows = [("entry", "ours", "theirs", "ratio (spread)", "bar", "")]
    rows += [_row(result) for result in results]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    claims = [result.claim for result in results]
    notes = [f"{claim.name}: {claim.what}; against {claim.against}" for claim in claims]
    return "\n".join([*(line.rstrip() for line in lines), "", *notes])


def _row(result: Result) -> tuple[str, ...]:
    claim, ratios = result.claim, result.ratios
    bar = "-" if claim.bar is None else f"{'<=' if claim.direction == 'at most' else '>='} {claim.bar:g}"
    verdict = "" if claim.bar is None else "holds" if result.holds else "FAILS"
    if verdict and not claim.binding:
        verdict += " (aim)"
    return (
        claim.name,
        _amount(statistics.median(result.ours), claim),
        _amount(statistics.median(result.theirs), claim),
        f"{result.ratio:.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
        bar,
        verdict,
    )


def _amount(value: float, claim: Claim) -> str:
    if claim.unit == "megabytes":
        return f"{value:.2f} MB"
    return f"{value:.3f} s" if value >= 1 else f"{value * 1000:.2f} ms"
