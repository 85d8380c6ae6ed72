"""What people write in their own words, of which lines and any script are part."""

from __future__ import annotations

import unicodedata

_LINES = "\n\t"


def as_written(text: str) -> str:
    """The text without space around it, its line ends of one character each: a browser counts them so and sends two."""
    return text.replace("\r\n", "\n").strip()


def is_prose(text: str) -> bool:
    """
    Whether a text can be kept and shown: no control characters but line ends and tabs, and no halves of characters. What
    merely does not show, such as the wide space of Chinese or what joins two emoji, is as good as a letter.
    """
    return all(each in _LINES or unicodedata.category(each) not in ("Cc", "Cs") for each in text)


def is_prose_of(text: str, *, most: int, least: int = 0) -> bool:
    """Whether a text that is as it is kept has so many characters, and can be shown."""
    return least <= len(text) <= most and is_prose(text)
