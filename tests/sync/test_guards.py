from __future__ import annotations

from fractions import Fraction

import pytest

from facets_svc.sync.guards import Found, Guards, percentage, refusal, share


def found(read: int, rejected: int, before: int | None = None, unreadable: str | None = None) -> Found:
    reasons = {"bad_slug": rejected} if rejected else {}
    return Found(
        source="models.csv",
        rows_read=read,
        rejected=reasons,
        models=read - rejected,
        models_before=before,
        unreadable=unreadable,
    )


@pytest.mark.parametrize(
    "harmless",
    [found(100, 1), found(10_000, 100, before=19_800), found(1, 0, before=2), found(2, 0, before=0)],
)
def test_as_much_as_is_allowed_is_published(harmless: Found) -> None:
    assert list(Guards().objections(harmless)) == []


@pytest.mark.parametrize(
    ("odd", "sentences"),
    [
        (
            found(199, 2),
            [
                (
                    "2 of the 199 rows of models.csv were rejected, more than 1% (--max-rejects; 199 rows were read, "
                    "rejected: 2 bad_slug)."
                )
            ],
        ),
        (found(1, 0, before=3), ["The catalogue would shrink from 3 models to 1, by more than 50% (--max-shrink)."]),
        (
            found(3, 1, before=5),
            [
                (
                    "1 of the 3 rows of models.csv were rejected, more than 1% (--max-rejects; 3 rows were read, "
                    "rejected: 1 bad_slug)."
                ),
                "The catalogue would shrink from 5 models to 2, by more than 50% (--max-shrink).",
            ],
        ),
        (found(2, 2), ["models.csv has no usable row (2 rows were read, rejected: 2 bad_slug)."]),
        (found(0, 0), ["models.csv has no usable row (0 rows were read)."]),
        (
            found(1, 0, unreadable="It is torn."),
            ["models.csv cannot be compared with the current snapshot: It is torn."],
        ),
    ],
)
def test_more_is_refused(odd: Found, sentences: list[str]) -> None:
    objections = list(Guards().objections(odd))
    assert [objection.sentence for objection in objections] == sentences
    assert str(refusal(objections, "Look there.")) == " ".join(
        [*sentences, "Nothing was published. --force overrides this. Look there."]
    )


@pytest.mark.parametrize(
    ("odd", "guards"),
    [
        (found(2, 2, unreadable="It is torn --max-shrink."), ("no_rows", "unreadable")),
        (found(3, 1, before=5), ("rejects", "shrink")),
    ],
)
def test_the_guards_that_refused_are_named(odd: Found, guards: tuple[str, ...]) -> None:
    assert refusal(list(Guards().objections(odd)), "").guards == guards


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1%", Fraction(1, 100)),
        ("0.01", Fraction(1, 100)),
        (" 12.5 % ", Fraction(1, 8)),
        ("0", Fraction()),
        ("1", Fraction(1)),
    ],
)
def test_a_share_is_a_number_or_a_percentage(text: str, part: Fraction) -> None:
    assert share(text) == part


@pytest.mark.parametrize("text", ["", "%", "2", "101%", "-1%", "one", "1%%", "nan"])
def test_nothing_else_is_a_share(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        share(text)


def test_a_share_is_written_without_needless_digits() -> None:
    assert [percentage(Fraction(*part)) for part in [(1, 100), (1, 2), (1, 3), (0, 1), (1, 1)]] == [
        "1%",
        "50%",
        "33.33%",
        "0%",
        "100%",
    ]
