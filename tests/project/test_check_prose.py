from __future__ import annotations

import ast

import pytest

from scripts.check_prose import messages, problems


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The current snapshot.", []),
        ("# Title\n\nThe snapshot in\nforce.", [(3, "'in force': current")]),
        ("Whoever asks.", [(1, "'Whoever': name the subject")]),
        ("`in_force` and ```\nin force\n```", []),
        ("investigates", []),
        (f"One.\n\n{'word ' * 41}.", [(3, f"a sentence of 42 words: {'word ' * 12!r}…")]),
        (f"- {'word ' * 20}\n- {'word ' * 20}\n\n| {'cell ' * 30} | {'cell ' * 30} |", []),
    ],
)  # fmt: skip
def test_banned_words_and_long_sentences_are_found_in_prose_only(text: str, found: list[tuple[int, str]]) -> None:
    assert [(line, problem) for line, problem in problems(text)] == found


def test_messages_are_the_strings_that_are_sentences_and_no_docstrings() -> None:
    module = ast.parse('''
"""The module does this."""
raise Error(f"The lake {lake} is empty.")
_logger.info(
    "Loaded snapshot %s in %d ms", "two words"
)
''')

    assert list(messages(module)) == [(3, "The lake x is empty."), (5, "Loaded snapshot %s in %d ms")]
