"""What was typed on a step of the sign-up that could not be finished yet, beside the answers (R-JOIN-8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.models.companies import Signup

_DRAFTS = "drafts"


def of(signup: Signup, step: str, /) -> dict[str, Any]:
    return dict(signup.answers.get(_DRAFTS, {}).get(step, {}))


def with_draft(answers: Mapping[str, Any], step: str, typed: Mapping[str, Any]) -> dict[str, Any]:
    return {**answers, _DRAFTS: {**answers.get(_DRAFTS, {}), step: dict(typed)}}


def without(answers: Mapping[str, Any], step: str) -> dict[str, Any]:
    """The step is done: what was left unfinished on it counts no more."""
    drafts = {key: typed for key, typed in answers.get(_DRAFTS, {}).items() if key != step}
    return {key: value for key, value in answers.items() if key != _DRAFTS} | (
        {_DRAFTS: drafts} if drafts else {}
    )
