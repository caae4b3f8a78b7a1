from __future__ import annotations

import os
import re
from pathlib import Path

from click.testing import CliRunner

from facets_svc.cli import main
from scripts import generate_docs

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_settings_table_is_that_of_the_code() -> None:
    assert generate_docs.readme(README) == README, "run `make docs`"


def test_the_command_reference_is_the_help_of_the_commands() -> None:
    committed = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

    assert committed == generate_docs.cli_reference(), "run `make docs`"


def test_the_data_dictionary_is_that_of_the_views() -> None:
    committed = (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")

    assert committed == generate_docs.data_dictionary(), "run `make docs`"


def test_the_cookbook_in_the_document_for_analysts_is_that_of_the_queries() -> None:
    committed = (ROOT / "docs" / "analysts.md").read_text(encoding="utf-8")

    assert committed == generate_docs.analysts(committed), "run `make docs`"


def test_the_exit_codes_of_the_readme_are_those_of_the_help() -> None:
    in_readme = re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE)
    in_help = re.search(
        r"Exit codes: (.*?)\.\s*$", CliRunner().invoke(main, ["--help"]).output, re.DOTALL | re.MULTILINE
    )

    assert in_help
    assert re.findall(r"\d+", in_help[1]) == in_readme


def test_every_link_between_documents_leads_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("data/*.md")]
    links = [
        (document, target)
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    ]

    assert links
    assert [f"{document.name}: {target}" for document, target in links if not (document.parent / target).exists()] == []


def test_every_command_of_the_readme_is_one() -> None:
    targets = re.findall(r"^([a-z][\w.-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    used = set(re.findall(r"\bmake ([a-z][a-z-]*)", README)) | set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE))
    commands = set(re.findall(r"(?:^|`)facets-svc ([a-z]+)", README, flags=re.MULTILINE))

    assert used
    assert used - set(targets) == set()
    assert commands - set(main.commands) == set()


def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"

    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"
    assert os.access(script, os.X_OK)


def test_every_decision_has_a_number_of_its_own_and_says_it() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    titles = [path.read_text(encoding="utf-8").partition("\n")[0] for path in decisions]

    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    assert [title[2:6] for title in titles] == [path.name[:4] for path in decisions]
