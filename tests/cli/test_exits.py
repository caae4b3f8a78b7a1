from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from facets_svc import errors
from facets_svc.cli.exits import ExitingGroup


def group_raising(error: BaseException) -> click.Group:
    @click.group(cls=ExitingGroup)
    @click.option("--debug", is_flag=True)
    def group(debug: bool) -> None:
        pass

    @group.command()
    def fail() -> None:
        raise error

    return group


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SettingsError("A sentence."), 2),
        (errors.SourceError("A sentence."), 3),
        (errors.DataRefused("A sentence."), 4),
        (errors.LakeError("A sentence."), 5),
        (errors.NoSnapshot("A sentence."), 5),
        (errors.SnapshotCorrupt("A sentence."), 5),
        (errors.LakeBusy("A sentence."), 75),
        (errors.FacetsError("A sentence."), 70),
    ],
)
def test_an_error_is_its_sentence_on_stderr_and_its_code(error: errors.FacetsError, code: int) -> None:
    result = CliRunner().invoke(group_raising(error), ["fail"])

    assert (result.exit_code, result.stdout, result.stderr) == (code, "", "A sentence.\n")


def test_an_interruption_is_one_word_and_130() -> None:
    result = CliRunner().invoke(group_raising(KeyboardInterrupt()), ["fail"])

    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "Interrupted.\n")


def test_an_unexpected_error_is_one_sentence_and_70() -> None:
    result = CliRunner().invoke(group_raising(ValueError("no\nsuch thing")), ["fail"])

    assert result.exit_code == 70
    assert (
        result.stderr == "Unexpected error (ValueError: no such thing). Run facets-svc --debug … for the traceback.\n"
    )


def test_the_traceback_of_an_unexpected_error_is_shown_on_request_only() -> None:
    group = group_raising(ValueError("no such thing"))

    by_flag = CliRunner().invoke(group, ["--debug", "fail"])
    by_level = CliRunner().invoke(group, ["fail"], env={"FACETS_LOG_LEVEL": "debug"})

    for result in (by_flag, by_level):
        assert result.exit_code == 70
        assert result.stderr.startswith("Traceback (most recent call last):")


def test_a_reader_that_has_gone_is_no_unexpected_error() -> None:
    result = CliRunner().invoke(group_raising(BrokenPipeError(32, "Broken pipe")), ["fail"])

    assert (result.exit_code, result.stderr) == (1, "")
