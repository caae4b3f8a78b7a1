"""Writes values as text, in the same way for every text format."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any

import msgspec


def duration(interval: tuple[int, int, int]) -> str:
    """Return an interval of months, days and nanoseconds as an ISO 8601 duration.

    >>> duration((1, 2, 3_500_000_000))
    'P1M2DT3.5S'
    """
    months, days, nanoseconds = interval
    return f"P{months}M{days}DT{Decimal(nanoseconds).scaleb(-9).normalize():f}S"


json_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
"""Encodes values as JSON: times by RFC 3339, decimals as numbers, bytes in base64, NaN and infinities as null."""


def text_of(value: Any) -> str:
    """Return `value`, which is not None, as text: lists and structs as JSON, times by RFC 3339.

    >>> [text_of(value) for value in (True, 1.0, ["a", None], Decimal("0.50"))]
    ['true', '1.0', '["a",null]', '0.50']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)
    encoded = json_encoder.encode(value).decode()
    # Times and bytes are JSON strings without escapes.
    return encoded[1:-1] if encoded.startswith('"') else encoded


def on_one_line(text: str) -> str:
    r"""Return `text` for one line of a terminal, without characters that move the cursor or change the direction.

    >>> on_one_line("two\nlines \x1b[31m")
    'two⏎lines �[31m'
    """
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\n":
        return "⏎"
    if character in "\t\r":
        return " "
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        # Emoji and some scripts need the two joiners, which do not move the cursor.
        return character if character in "\u200c\u200d" else "\ufffd"
    return character
