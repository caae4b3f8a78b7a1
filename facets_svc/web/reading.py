"""Reads the parameters of a query string one by one, and keeps everything that is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

from facets_svc.catalogue import Facet
from facets_svc.errors import InvalidField

T = TypeVar("T")

_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}")


class Reading:
    """The parameters of one request, and what was found wrong with those that were read.

    A scalar given twice counts once, the last one. What is wrong is read as if it were not there.
    """

    def __init__(self, sent: Iterable[tuple[str, str]]) -> None:
        self.wrong: list[InvalidField] = []
        self._values: dict[str, list[str]] = {}
        for name, value in sent:
            self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        """Return every value of a parameter, in order."""
        return self._values.get(name, [])

    def last(self, name: str) -> str | None:
        """Return the value that counts of a scalar; None if it is not given."""
        values = self._values.get(name)
        return values[-1] if values else None

    def boolean(self, name: str) -> bool:
        """Return whether a parameter is true; it is not if it is not given."""
        text = self.last(name)
        if text is None:
            return False
        value = _BOOLEANS.get(text.lower())
        if value is None:
            self.refuse(name, "Should be true, false, 1 or 0.", "bool_parsing")
        return bool(value)

    def whole_number(self, name: str, default: T, minimum: int, maximum: int) -> int | T:
        """Return a whole number from `minimum` to `maximum`."""
        text = self.last(name)
        if text is None:
            return default
        number = self.number(name, text, minimum, maximum)
        return default if number is None else number

    def number(self, name: str, text: str, minimum: int, maximum: int, of: str = "") -> int | None:
        """Return the number that a text of a parameter is, or None for a wrong one; `of` says where it stands."""
        if not _WHOLE_NUMBER.fullmatch(text):
            self.refuse(name, f"Should be {of}a whole number.", "int_parsing")
            return None
        if not minimum <= int(text) <= maximum:
            self.refuse(name, f"Should be {of}between {minimum} and {maximum}.", "out_of_range")
            return None
        return int(text)

    def time(self, name: str) -> datetime | None:
        """Return a time in UTC, which it is taken to be without an offset."""
        text = self.last(name)
        if text is None:
            return None
        try:
            read = datetime.fromisoformat(text)
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        except (ValueError, OverflowError):
            message = "Should be a time in ISO 8601, such as 2026-11-24T02:00:00Z (an offset's + is sent as %2B)."
            self.refuse(name, message, "datetime_parsing")
            return None

    def choice(self, name: str, choices: Mapping[str, T], default: T) -> T:
        """Return what a parameter chooses by name."""
        text = self.last(name)
        return default if text is None else self._chosen(name, text, choices, default)

    def names(self, name: str, choices: Mapping[str, T]) -> list[T] | None:
        """Return what the names in lists parted by commas stand for, empty ones too; None if there is none."""
        texts = self.all(name)
        if not texts:
            return None
        return self._known(name, [part for text in texts if text for part in text.split(",")], choices)

    def listed(self, name: str, choices: Mapping[str, T]) -> list[T]:
        """Return what the names of a parameter stand for that is repeated, or a list parted by commas, or both."""
        return self._known(name, [part for text in self.all(name) for part in text.split(",") if part], choices)

    def repeated(self, name: str, choices: Mapping[str, T]) -> list[T]:
        """Return what the values of a repeated parameter stand for."""
        return self._known(name, self.all(name), choices)

    def by_facet(self, name: str, facets: Mapping[str, Facet], of: str) -> Iterator[tuple[Facet, str]]:
        """Yield the values of a repeated parameter of the form `facet:value`, which is parted at the first colon.

        `of` names what stands after the colon.
        """
        for text in self.all(name):
            key, colon, value = text.partition(":")
            if key not in facets or not colon:
                self._refuse_name(name, facets, f"facet:{of}, and the facet")
                return
            yield facets[key], value

    def check_text(self, name: str, texts: Iterable[str], longest: int) -> None:
        """Find texts wrong that are too long or hold NUL."""
        if any(len(text) > longest for text in texts):
            self.refuse(name, f"Should have at most {longest} characters.", "too_long")
        if any("\0" in text for text in texts):
            self.refuse(name, "Should not hold NUL.", "nul")

    def refuse(self, name: str, message: str, kind: str) -> None:
        """Find a parameter wrong."""
        self.wrong.append(InvalidField(("query", name), message, kind))

    def _chosen(self, name: str, text: str, choices: Mapping[str, T], default: T) -> T:
        if text not in choices:
            self._refuse_name(name, choices)
            return default
        return choices[text]

    def _known(self, name: str, texts: Iterable[str], choices: Mapping[str, T]) -> list[T]:
        if any(text not in choices for text in texts):
            self._refuse_name(name, choices)
        return [choices[text] for text in texts if text in choices]

    def _refuse_name(self, name: str, choices: Collection[str], form: str = "") -> None:
        self.refuse(name, f"Should be {form + ' ' if form else ''}one of {', '.join(choices)}.", "enum")
