"""The one way in which the launcher gives up: a sentence that says what is wrong and what to do."""


class Problem(Exception):
    """Something that the person at the terminal can put right.

    Both texts name the cause and the remedy; they are printed in place of a traceback.
    """

    def __init__(self, korean: str, english: str) -> None:
        super().__init__(f"{korean}\n  ({english})")
        self.korean = korean
        self.english = english
