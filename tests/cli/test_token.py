from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from tests.cli.conftest import Run

SECRET = "a secret that is long enough for it"


def claims_of(token: str, **options: Any) -> dict[str, Any]:
    return jwt.decode(token.strip(), SECRET, algorithms=["HS256"], **options)


def test_a_token_names_its_orgs_and_ends_when_it_should(run: Run) -> None:
    before = int(time.time())
    result = run("token", "--org", "acme", "--org", "globex", "--ttl", "60", "--sub", "ann", FACETS_JWT_SECRET=SECRET)
    after = int(time.time())

    assert (result.exit_code, result.stderr) == (0, "")
    claims = claims_of(result.stdout)
    assert before <= claims["iat"] <= after
    assert claims == {"sub": "ann", "orgs": ["acme", "globex"], "iat": claims["iat"], "exp": claims["iat"] + 60}


def test_a_token_for_every_org_says_so_with_a_star(run: Run) -> None:
    result = run("token", "--all-orgs", FACETS_JWT_SECRET=SECRET)

    assert claims_of(result.stdout)["orgs"] == "*"


def test_a_token_carries_the_issuer_and_the_audience_of_the_settings(run: Run) -> None:
    result = run(
        "token", "--org", "acme", FACETS_JWT_SECRET=SECRET, FACETS_JWT_ISSUER="us", FACETS_JWT_AUDIENCE="facets"
    )

    claims = claims_of(result.stdout, audience="facets", issuer="us")
    assert (claims["iss"], claims["aud"]) == ("us", "facets")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Pass --org or --all-orgs."),
        (["--org", "acme", "--all-orgs"], "Pass --org or --all-orgs."),
        (["--org", "a/b"], "'a/b' is not the slug of an org."),
        (["--org", "*"], "'*' is not the slug of an org."),
        (["--org", "acme", "--ttl", "0"], "0 is not in the range 1<=x<=315360000."),
        (["--org", "acme", "--sub", " "], "Invalid value for --sub: The name is empty."),
    ],
)
def test_a_token_that_would_open_nothing_is_not_made(run: Run, arguments: list[str], sentence: str) -> None:
    result = run("token", *arguments, FACETS_JWT_SECRET=SECRET)

    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_without_a_secret_there_is_nothing_to_sign_with(run: Run) -> None:
    result = run("token", "--org", "acme")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "FACETS_JWT_SECRET is not set. Set it to sign a token.\n"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_only_the_holder_of_a_private_key_signs_with_it(run: Run, algorithm: str) -> None:
    result = run("token", "--org", "acme", FACETS_JWT_ALGORITHM=algorithm, FACETS_JWT_SECRET=SECRET)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"FACETS_JWT_ALGORITHM is {algorithm}, and this command has no private key")


def test_a_secret_that_is_too_short_is_refused_and_not_shown(run: Run) -> None:
    result = run("token", "--org", "acme", FACETS_JWT_SECRET="tiny")

    assert result.exit_code == 2
    assert result.stderr == "FACETS_JWT_SECRET is shorter than 32 bytes. Make a longer one.\n"


def test_a_misspelt_setting_is_reported(run: Run) -> None:
    result = run("token", "--org", "acme", FACETS_JWT_SECRETS=SECRET)

    assert result.exit_code == 2
    assert result.stderr == "Unknown setting: FACETS_JWT_SECRETS. The README lists all settings.\n"
