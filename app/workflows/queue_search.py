"""What is searched for in the queue: name, representative, business number, receipt number (R-SCR-3).

A word that few companies hold is looked up in the index of letters and their pairs (two letters are most
Korean searches, and indexes of three cannot serve them); a word that very many hold is met soon enough on the
way along the queue. Which it is, the planner's own estimate says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from app.db import db
from app.models.numbers import digits
from app.workflows import search

FEW, MANY = 3_000, 20_000
"""Companies up to which all are looked up at once, and from which on the indexes are left alone."""

# What `query_grams` makes grams of; a query without any would have the index answer everything.
_LETTER = re.compile(r"[0-9a-z가-힣一-龥]")
_NUMBER = re.compile(r"[0-9]{1,10}")
_SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "\\%_"})
_ESTIMATE = text("""
EXPLAIN (FORMAT JSON) SELECT 1 FROM company
 WHERE grams @> public.query_grams(:phrase) OR business_number BETWEEN :first_number AND :last_number
""")


@dataclass(frozen=True)
class Search:
    """What was typed, cleaned: every word must stand in the name or in the representative's, or the whole
    begins a business number or is a receipt number."""

    typed: str
    words: tuple[str, ...]

    @classmethod
    def read(cls, typed: str) -> Search:
        return cls(search.clean(typed)[: search.MAX_LETTERS], tuple(search.words(typed)))

    @property
    def has_letters(self) -> bool:
        """Whether the index knows anything of it."""
        return _LETTER.search(" ".join(self.words).lower()) is not None

    @property
    def has_number(self) -> bool:
        """Whether it may begin a business number, with or without hyphens."""
        return _NUMBER.fullmatch(digits(self.typed)) is not None

    def values(self) -> dict[str, Any]:
        """Parameters of a statement of this search."""
        number = digits(self.typed) if self.has_number else ""
        patterns = {f"word_{n}": f"%{word.translate(_SIGNS)}%" for n, word in enumerate(self.words)}
        numbers = {
            "first_number": number.ljust(10, "0"),
            "last_number": number.ljust(10, "9") if number else "",
        }
        return {"typed": self.typed, "phrase": " ".join(self.words), **patterns, **numbers}

    def estimate(self) -> int:
        """How many companies may match. Signs alone are rare; they take one pass of the table."""
        if not self.has_letters:
            return 0
        values = self.values()
        given = {name: values[name] for name in ("phrase", "first_number", "last_number")}
        plan = db.session.execute(_ESTIMATE, given).scalar_one()
        return int(plan[0]["Plan"]["Plan Rows"])
