"""Search of the catalogue (R-CAT-2): by index on syllables and their pairs, then re-checked word by word.

Of longer words the index alone answers too much ("가나" and "나다" also match "가나 나다" for "가나다"); the
re-check with ILIKE makes the answer exactly that of ILIKE.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, and_, case, cast, func, literal, true

from app.models.catalogue import Offering

# The letters of grams: those of the database's functions, and their capitals.
_PLAIN = re.compile("[0-9A-Za-z가-힣一-龥]+")
MAX_LETTERS = 100
MAX_WORDS = 8


def clean(text: str) -> str:
    """One line in composed form, without control characters: a zero byte would be an error in SQL."""
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(" " if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in composed)
    return " ".join(kept.split())


def search_text(*, name: str, company: str, keywords: Sequence[str]) -> str:
    """What a service is found by."""
    return clean(" ".join([name, company, *keywords]))


def words(query: str) -> list[str]:
    """The words of a query; what is too long or too many is cut off, since nobody types it by hand."""
    return list(dict.fromkeys(clean(query)[:MAX_LETTERS].split()))[:MAX_WORDS]


def _escape(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def matching(query: str) -> ColumnElement[bool]:
    """The condition that every word of the query stands in the service's text; true for an empty query.

    Words without any letter or digit ("++") have no grams and are found by ILIKE alone; of a word that is
    itself a gram, as most Korean words that are searched for, the index says all there is to say.
    """
    wanted = words(query)
    if not wanted:
        return true()
    return and_(
        Offering.search_grams.contains(_grams(wanted)),
        *[
            Offering.search_text.ilike(f"%{_escape(word)}%", escape="\\")
            for word in wanted
            if not _is_gram(word)
        ],
    )


def _is_gram(word: str) -> bool:
    return len(word) <= 2 and _PLAIN.fullmatch(word) is not None


def _grams(wanted: Sequence[str]) -> ColumnElement[Any]:
    """As the function `query_grams` makes them, which is asked only where lower case is no matter of ASCII:
    what is known before the statement is planned, it need not work out at each planning."""
    if not all(_PLAIN.fullmatch(word) for word in wanted):
        return func.public.query_grams(" ".join(wanted))
    pairs = [word[start : start + 2].lower() for word in wanted for start in range(max(len(word) - 1, 1))]
    return cast(literal(sorted(set(pairs)), ARRAY(Text)), ARRAY(Text))


def name_first(query: str) -> ColumnElement[int]:
    """0 where the name begins with the query, 1 where it holds it, else 2: to sort by."""
    phrase = _escape(" ".join(words(query)))
    return case(
        (Offering.name.ilike(f"{phrase}%", escape="\\"), 0),
        (Offering.name.ilike(f"%{phrase}%", escape="\\"), 1),
        else_=2,
    )
