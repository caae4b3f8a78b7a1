from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from facets_svc.errors import Forbidden, SettingsError, TokenExpired, Unauthenticated
from facets_svc.settings import Settings
from facets_svc.web import auth
from facets_svc.web.auth import Authenticator, Caller
from facets_svc.web.keys import FixedKeys

NOW = 1_800_000_000
SECRET = "a secret of the tests, thirty-two bytes or more"
OLD_SECRET = "the secret before it, thirty-two bytes or more"
CLAIMS: dict[str, Any] = {"sub": "ada", "exp": NOW + 60, "orgs": ["acme"]}
ACME = Caller("ada", frozenset({"acme"}))

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def authenticator(**settings: Any) -> Authenticator:
    return Authenticator.of(Settings(**{"jwt_secret": SECRET, **settings}))


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: Any, claims: Any, secret: str = SECRET) -> str:
    """An HS256 token of any header and claims, also of bytes that no library would sign."""
    signing = f"{part(header)}.{part(claims)}"
    return f"{signing}.{part(hmac.new(secret.encode(), signing.encode(), hashlib.sha256).digest())}"


HS256 = {"alg": "HS256", "typ": "JWT"}


def ask(token: str, *, now: float = NOW, **settings: Any) -> Caller:
    return authenticator(**settings).authenticate([f"Bearer {token}".encode("latin-1")], now)


def refused(token: str, **settings: Any) -> bool:
    with pytest.raises(Unauthenticated) as refusal:
        ask(token, **settings)
    return type(refusal.value) is Unauthenticated and str(refusal.value) == "The token is missing or invalid."


def with_claims(**claims: Any) -> str:
    return signed(HS256, {name: value for name, value in {**CLAIMS, **claims}.items() if value is not Ellipsis})


def test_a_token_names_its_subject_and_its_orgs() -> None:
    assert ask(with_claims()) == ACME
    assert ask(with_claims(orgs=["acme", "b", "acme"])) == Caller("ada", frozenset({"acme", "b"}))
    assert ask(with_claims(orgs="*")) == Caller("ada", is_operator=True)
    assert ask(with_claims(orgs=[])) == Caller("ada")


def test_what_is_no_slug_in_the_list_of_orgs_matches_nothing() -> None:
    assert ask(with_claims(orgs=["*", "", " acme", 1, None, ["acme"], {"acme": 1}, "a" * 97])) == Caller("ada")


def test_unknown_claims_and_headers_are_ignored() -> None:
    header = {**HS256, "jku": "https://evil.example/keys", "x5u": "https://evil.example/x", "jwk": {"kty": "oct"}}
    assert ask(signed({**header, "kid": "../../dev/null"}, {**CLAIMS, "extras": "x", "scope": None})) == ACME


def test_a_member_may_see_their_org_and_an_operator_every_org() -> None:
    ACME.require_org("acme")
    Caller("root", is_operator=True).require_org("acme")
    Caller("root", is_operator=True).require_operator()
    for org in ("rival", "ACME", "*"):
        with pytest.raises(Forbidden):
            ACME.require_org(org)
    with pytest.raises(Forbidden):
        ACME.require_operator()


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["{token}"],
        ["Basic {token}"],
        ["Token {token}"],
        ["Bearer"],
        ["Bearer "],
        ["Bearer{token}"],
        ["Bearer\t{token}"],
        ["Bearer {token} {token}"],
        ["Bearer {token},Bearer {token}"],
        ["Bearer {token}", "Bearer {token}"],
        ["Bearer {token}", "Basic x"],
        ["Bearer \xff"],
        [" Bearer {token}"],
        ["Bearer {token}\n"],
    ],
)
def test_anything_but_one_bearer_token_is_refused(headers: list[str]) -> None:
    values = [header.format(token=with_claims()).encode("latin-1") for header in headers]
    with pytest.raises(Unauthenticated):
        authenticator().authenticate(values, NOW)


def test_the_scheme_may_be_written_in_any_case_and_padded() -> None:
    for value in ("bearer {}", "BEARER {}", "Bearer  {} "):
        assert authenticator().authenticate([value.format(with_claims()).encode()], NOW) == ACME


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": ""},
        {"alg": None},
        {"alg": ["HS256"]},
        {"alg": {"HS256": 1}},
        {"alg": "HS384"},
        {"alg": "RS256"},
        {"alg": "hs256"},
        {},
        [],
        "HS256",
        None,
        b"{",
        b"\xff",
        b'{"alg":' + b"[" * 9000,
        {**HS256, "kid": 1},
        {**HS256, "kid": None},
        {**HS256, "kid": ["a"]},
        {**HS256, "crit": ["b64"], "b64": True},
        {**HS256, "crit": ["b64"], "b64": False},
        {**HS256, "crit": ["exp"], "exp": 1},
        {**HS256, "crit": []},
        {**HS256, "crit": "b64"},
        {**HS256, "crit": None},
        {**HS256, "b64": False},
        {**HS256, "b64": True},
    ],
    ids=repr,
)
def test_a_header_that_is_not_what_the_settings_say_is_refused(header: Any) -> None:
    assert refused(signed(header, CLAIMS))


def test_an_unsigned_token_is_refused() -> None:
    unsigned = f"{part({'alg': 'none'})}.{part(CLAIMS)}."
    assert refused(unsigned)
    assert refused(f"{part(HS256)}.{part(CLAIMS)}.")


def test_a_token_with_a_detached_or_raw_payload_is_refused() -> None:
    header = part({**HS256, "b64": False, "crit": ["b64"]})
    signature = part(hmac.new(SECRET.encode(), f"{header}.".encode(), hashlib.sha256).digest())
    assert refused(f"{header}..{signature}")


@pytest.mark.parametrize("name", ["sub", "exp", "orgs"])
def test_a_claim_that_must_be_there_and_is_not_is_refused(name: str) -> None:
    assert refused(with_claims(**{name: ...}))


WRONG: dict[str, list[Any]] = {
    "sub": [None, 1, 1.5, True, "", ["ada"], {}],
    "time": [None, True, False, "1800000060", "", [], {}, [NOW], "NaN"],
    "orgs": [None, True, 1, {}, {"acme": 1}, "acme", "", "**", " *", "[]", '["acme"]'],
    "exp": [10**12, 10**30, 1e300],
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sub", "sub"), ("exp", "time"), ("iat", "time"), ("nbf", "time"), ("orgs", "orgs"), ("exp", "exp")],
)
def test_a_claim_of_another_type_or_beyond_all_times_is_refused(name: str, kind: str) -> None:
    for value in WRONG[kind]:
        assert refused(with_claims(**{name: value})), value


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"9" * 5000, b"0x7f", b"01", b"1_0"])
@pytest.mark.parametrize("name", [b"exp", b"iat", b"nbf"])
def test_numbers_that_json_does_not_have_are_refused(name: bytes, number: bytes) -> None:
    claims = b'{"sub":"ada","orgs":["acme"],"exp":1800000060,"' + name + b'":' + number + b"}"
    assert refused(signed(HS256, claims))


@pytest.mark.parametrize(
    "claims",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"sub":"\\ud800","exp":1800000060,"orgs":["acme"]}',
        b'{"sub":"ada","exp":1800000060,"orgs":' + b"[" * 8000 + b"]" * 8000 + b"}",
        b'{"sub":"ada","exp":1800000060,"orgs":[],"x":' + b"[" * 8000 + b"]" * 8000 + b"}",
    ],
    ids=lambda claims: repr(claims[:40]),
)
def test_a_payload_that_is_no_json_object_is_refused(claims: bytes) -> None:
    assert refused(signed(HS256, claims))


def test_a_token_over_the_limit_is_refused_unread() -> None:
    assert refused(with_claims(orgs=["acme"] * 9000))


def test_a_token_of_many_orgs_is_fine() -> None:
    orgs = [f"org-{number}" for number in range(900)]
    assert ask(with_claims(orgs=orgs)).orgs == frozenset(orgs)


@pytest.mark.parametrize("second", [NOW, NOW + 0.5, NOW + 0.999])
class TestTheLeeway:
    def test_a_token_is_good_for_29_seconds_after_it_expired(self, second: float) -> None:
        assert ask(with_claims(exp=NOW - 29), now=second) == ACME
        assert ask(with_claims(exp=NOW - 29.0), now=second) == ACME

    def test_a_token_is_expired_31_seconds_after(self, second: float) -> None:
        for expiry in (NOW - 31, NOW - 31.5, 0, -1, -1e300):
            with pytest.raises(TokenExpired):
                ask(with_claims(exp=expiry), now=second)

    @pytest.mark.parametrize("name", ["iat", "nbf"])
    def test_a_token_may_begin_29_seconds_from_now_but_not_31(self, second: float, name: str) -> None:
        assert ask(with_claims(**{name: NOW + 29}), now=second) == ACME
        assert refused(with_claims(**{name: NOW + 31}))


def test_a_token_is_expired_only_if_all_else_is_well() -> None:
    past = {"exp": NOW - 100}
    with pytest.raises(TokenExpired):
        ask(with_claims(**past))
    assert refused(with_claims(**past, orgs="acme"))
    assert refused(with_claims(**past, nbf=NOW + 100))
    assert refused(with_claims(**past, sub=1))
    assert refused(with_claims(**past), jwt_issuer="us")
    assert refused(signed(HS256, {**CLAIMS, **past}, secret=OLD_SECRET))


def test_an_issuer_is_checked_if_the_settings_name_one() -> None:
    assert ask(with_claims(iss=1)) == ACME
    assert ask(with_claims(iss="us"), jwt_issuer="us") == ACME
    for issuer in (..., "them", None, 1, ["us"], {"us": 1}, "US"):
        assert refused(with_claims(iss=issuer), jwt_issuer="us")


def test_an_audience_is_checked_if_the_settings_name_one() -> None:
    assert ask(with_claims(aud={"a": 1})) == ACME
    assert ask(with_claims(aud="facets"), jwt_audience="facets") == ACME
    assert ask(with_claims(aud=["x", "facets"]), jwt_audience="facets") == ACME
    for audience in (..., "x", [], ["x"], None, 1, ["facets", 1], {"facets": 1}, "facets,x"):
        assert refused(with_claims(aud=audience), jwt_audience="facets")


def test_two_secrets_hold_during_a_rotation() -> None:
    old = signed(HS256, CLAIMS, secret=OLD_SECRET)
    assert ask(with_claims(), jwt_secret_previous=OLD_SECRET) == ACME
    assert ask(old, jwt_secret_previous=OLD_SECRET) == ACME
    assert refused(old)


def pem(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


KEYS = [("RS256", RSA_KEY), ("ES256", EC_KEY), ("EdDSA", ED_KEY)]


@pytest.mark.parametrize(("algorithm", "key"), KEYS)
def test_a_public_key_as_text_or_file_verifies_its_algorithm(algorithm: str, key: Any, tmp_path: Path) -> None:
    token = jwt.encode(CLAIMS, key, algorithm=algorithm)
    file = tmp_path / "key.pem"
    file.write_text(pem(key))

    for value in (pem(key), pem(key).replace("\n", "\\n"), str(file)):
        assert ask(token, jwt_algorithm=algorithm, jwt_public_key=value) == ACME
    assert refused(token)


@pytest.mark.parametrize(("algorithm", "key"), KEYS)
def test_a_public_key_is_no_shared_secret(algorithm: str, key: Any) -> None:
    confused = signed(HS256, CLAIMS, secret=pem(key))
    lying = signed({"alg": algorithm}, CLAIMS, secret=pem(key))
    for token in (confused, lying):
        assert refused(token, jwt_algorithm=algorithm, jwt_public_key=pem(key))


@pytest.mark.parametrize(("algorithm", "key"), KEYS)
def test_a_public_key_verifies_no_other_ones_tokens(algorithm: str, key: Any) -> None:
    other: Any = {
        "RS256": lambda: rsa.generate_private_key(65537, 2048),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }[algorithm]()
    token = jwt.encode(CLAIMS, other, algorithm=algorithm)
    assert refused(token, jwt_algorithm=algorithm, jwt_public_key=pem(key))


def jwk(key: Any, algorithm: str, **members: Any) -> dict[str, Any]:
    encoded = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**encoded, **members}


def jwks(path: Path, *keys: dict[str, Any]) -> str:
    path.write_text(json.dumps({"keys": keys}))
    return str(path)


def test_a_key_set_is_searched_by_key_id(tmp_path: Path) -> None:
    second = rsa.generate_private_key(65537, 2048)
    path = jwks(
        tmp_path / "jwks.json",
        jwk(RSA_KEY, "RS256", kid="a", use="sig", alg="RS256"),
        jwk(second, "RS256", kid="b", key_ops=["verify"]),
        jwk(EC_KEY, "ES256", kid="a"),
        {"kty": "oct", "k": part(SECRET.encode()), "kid": "secret"},
        {"kty": "AKP", "alg": "ML-DSA-44", "kid": "a"},
        {"kty": "OKP", "crv": "X25519", "x": part(b"x" * 32), "kid": "a"},
        {"kty": "RSA", "kid": "a"},
        {"kid": "a"},
    )
    settings: dict[str, Any] = {"jwt_algorithm": "RS256", "jwt_jwks": path}

    assert ask(jwt.encode(CLAIMS, RSA_KEY, "RS256", {"kid": "a"}), **settings) == ACME
    assert ask(jwt.encode(CLAIMS, second, "RS256", {"kid": "b"}), **settings) == ACME
    assert refused(jwt.encode(CLAIMS, second, "RS256", {"kid": "a"}), **settings)
    assert refused(jwt.encode(CLAIMS, RSA_KEY, "RS256", {"kid": "c"}), **settings)
    assert refused(jwt.encode(CLAIMS, RSA_KEY, "RS256"), **settings)
    assert refused(jwt.encode(CLAIMS, EC_KEY, "ES256", {"kid": "a"}), **settings)
    assert refused(signed({**HS256, "kid": "secret"}, CLAIMS), **settings)


@pytest.mark.parametrize(("algorithm", "key"), KEYS)
def test_a_set_of_one_key_needs_no_key_id(algorithm: str, key: Any, tmp_path: Path) -> None:
    path = jwks(tmp_path / "jwks.json", jwk(key, algorithm))
    assert ask(jwt.encode(CLAIMS, key, algorithm), jwt_algorithm=algorithm, jwt_jwks=path) == ACME


def test_a_key_set_that_changes_is_read_again_and_one_that_breaks_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "jwks.json"
    jwks(path, jwk(EC_KEY, "ES256", kid="old"))
    second = ec.generate_private_key(ec.SECP256R1())
    asked = authenticator(jwt_algorithm="ES256", jwt_jwks=str(path))
    token = [b"Bearer " + jwt.encode(CLAIMS, second, "ES256", {"kid": "newer"}).encode()]
    with pytest.raises(Unauthenticated):
        asked.authenticate(token, NOW)

    jwks(path, jwk(second, "ES256", kid="newer"))
    assert asked.authenticate(token, NOW) == ACME

    path.write_text("{")
    os.utime(path, ns=(0, 0))
    assert asked.authenticate(token, NOW) == ACME
    path.unlink()
    assert asked.authenticate(token, NOW) == ACME
    assert (
        caplog.messages == ["The previous keys stay in use: FACETS_JWT_JWKS is not a file with a JSON Web Key Set."] * 2
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "FACETS_JWT_SECRET is not set. Set it to verify tokens."),
        (
            {"jwt_algorithm": "RS256", "jwt_secret": SECRET},
            "FACETS_JWT_PUBLIC_KEY or FACETS_JWT_JWKS must be set to verify RS256 tokens.",
        ),
        (
            {"jwt_algorithm": "RS256", "jwt_public_key": "x", "jwt_jwks": "y"},
            "FACETS_JWT_PUBLIC_KEY and FACETS_JWT_JWKS are both set. Set only one of them.",
        ),
        (
            {"jwt_algorithm": "RS256", "jwt_public_key": "/nowhere/key.pem"},
            "FACETS_JWT_PUBLIC_KEY is neither PEM text nor a readable file.",
        ),
        (
            {"jwt_algorithm": "RS256", "jwt_public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
            (
                "FACETS_JWT_PUBLIC_KEY has no public key or certificate in PEM: it begins with "
                "-----BEGIN PUBLIC KEY-----."
            ),
        ),
        ({"jwt_algorithm": "ES256", "jwt_public_key": pem(RSA_KEY)}, "FACETS_JWT_PUBLIC_KEY is not a key for ES256."),
        ({"jwt_algorithm": "RS256", "jwt_public_key": pem(ED_KEY)}, "FACETS_JWT_PUBLIC_KEY is not a key for RS256."),
        (
            {"jwt_algorithm": "ES256", "jwt_public_key": pem(ec.generate_private_key(ec.SECP384R1()))},
            "FACETS_JWT_PUBLIC_KEY is not a key for ES256.",
        ),
        (
            {"jwt_algorithm": "RS256", "jwt_jwks": "/nowhere/jwks.json"},
            "FACETS_JWT_JWKS is not a file with a JSON Web Key Set.",
        ),
    ],
)
def test_settings_without_a_usable_key_are_refused(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Authenticator.of(Settings(**settings))  # type: ignore[arg-type]
    assert str(refusal.value) == sentence


def certificate(key: Any) -> str:
    """Return a certificate that the key has signed for itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, datetime(2020, 1, 1), datetime(2021, 1, 1))  # noqa: DTZ001
    signed = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", RSA_KEY), ("ES256", EC_KEY), ("EdDSA", ED_KEY)])
def test_the_key_of_a_certificate_is_used(algorithm: str, key: Any, tmp_path: Path) -> None:
    (tmp_path / "issuer.crt").write_text(certificate(key), encoding="utf-8")
    token = jwt.encode(CLAIMS, key, algorithm)
    for certified in (certificate(key), str(tmp_path / "issuer.crt")):
        assert ask(token, jwt_algorithm=algorithm, jwt_public_key=certified) == ACME
    damaged = Settings(
        jwt_algorithm=algorithm, jwt_public_key="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    )
    with pytest.raises(SettingsError, match=r"begins with -----BEGIN CERTIFICATE-----\."):
        Authenticator.of(damaged)


@pytest.mark.parametrize("bad", [{"kid": 5}, {"kty": 1}, 5, None, "text", [], {"kty": "RSA", "n": 1, "e": {}}])
def test_a_bad_member_of_a_key_set_is_passed_over_and_logged(
    bad: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = jwks(tmp_path / "jwks.json", bad, jwk(RSA_KEY, "RS256", kid="a"))
    token = jwt.encode(CLAIMS, RSA_KEY, "RS256", {"kid": "a"})
    assert ask(token, jwt_algorithm="RS256", jwt_jwks=path) == ACME
    assert all("member 1 of the set" in message for message in caplog.messages)


def test_a_private_key_is_not_taken_for_a_public_one() -> None:
    private = EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(SettingsError, match="it begins with -----BEGIN PRIVATE KEY-----"):
        Authenticator.of(Settings(jwt_algorithm="ES256", jwt_public_key=private))


def test_a_key_set_without_a_key_for_the_algorithm_is_refused(tmp_path: Path) -> None:
    for keys in ([], [jwk(EC_KEY, "ES256")], [jwk(RSA_KEY, "RS256", use="enc")], [jwk(RSA_KEY, "RS256", alg="RS512")]):
        path = jwks(tmp_path / "jwks.json", *keys)
        with pytest.raises(SettingsError, match="has no public key for RS256"):
            Authenticator.of(Settings(jwt_algorithm="RS256", jwt_jwks=path))


class _Counting(FixedKeys):
    """Counts how often a signature is verified; its version can be set."""

    verified = 0
    number = 0

    def candidates(self, kid: str | None) -> Sequence[Any]:
        self.verified += 1
        return super().candidates(kid)

    def version(self) -> int:
        return self.number


class TestWhatIsRemembered:
    @pytest.fixture
    def keys(self) -> _Counting:
        return _Counting(SECRET.encode())

    @pytest.fixture
    def check(self, keys: _Counting) -> Callable[[str, float], Caller]:
        authenticator = Authenticator(keys, algorithm="HS256")
        return lambda token, now: authenticator.authenticate([f"Bearer {token}".encode()], now)

    def test_a_signature_is_verified_once(self, keys: _Counting, check: Callable[[str, float], Caller]) -> None:
        assert [check(with_claims(), NOW) for _ in range(3)] == [ACME] * 3
        assert keys.verified == 1

    def test_another_token_is_another_one_however_alike(self, check: Callable[[str, float], Caller]) -> None:
        token = with_claims()
        assert check(token, NOW) == ACME
        for other in (token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), token + "A", token.upper(), token[:-1]):
            with pytest.raises(Unauthenticated):
                check(other, NOW)
        assert check(with_claims(orgs=["b"]), NOW) == Caller("ada", frozenset({"b"}))

    def test_the_time_is_looked_at_each_time(self, check: Callable[[str, float], Caller]) -> None:
        token = with_claims(nbf=NOW, iat=NOW)
        assert check(token, NOW + 90) == ACME
        with pytest.raises(TokenExpired):
            check(token, NOW + 91)
        with pytest.raises(Unauthenticated):
            check(token, NOW - 31)
        assert check(token, NOW - 30) == ACME

    def test_nothing_outlives_the_keys_that_verified_it(
        self, keys: _Counting, check: Callable[[str, float], Caller]
    ) -> None:
        assert check(with_claims(), NOW) == ACME
        keys.number += 1
        keys._keys = (OLD_SECRET.encode(),)
        with pytest.raises(Unauthenticated):
            check(with_claims(), NOW)

    def test_a_key_that_leaves_a_set_takes_its_tokens_along(self, tmp_path: Path) -> None:
        path = jwks(tmp_path / "jwks.json", jwk(ED_KEY, "EdDSA", kid="a"))
        checking = Authenticator.of(Settings(jwt_algorithm="EdDSA", jwt_jwks=path))
        header = [f"Bearer {jwt.encode(CLAIMS, ED_KEY, algorithm='EdDSA', headers={'kid': 'a'})}".encode()]
        assert [checking.authenticate(header, NOW) for _ in range(2)] == [ACME] * 2

        jwks(tmp_path / "jwks.json", jwk(ed25519.Ed25519PrivateKey.generate(), "EdDSA", kid="another"))

        with pytest.raises(Unauthenticated):
            checking.authenticate(header, NOW)

    def test_what_is_refused_is_not_remembered(self, keys: _Counting, check: Callable[[str, float], Caller]) -> None:
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                check(signed(HS256, CLAIMS, OLD_SECRET), NOW)
        assert keys.verified == 3

    def test_it_is_bounded_in_number_and_in_length(self, keys: _Counting, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(auth, "MAX_REMEMBERED", 2)
        authenticator = Authenticator(keys, algorithm="HS256")

        def check(token: str, now: float) -> Caller:
            return authenticator.authenticate([f"Bearer {token}".encode()], now)

        for subject in ("a", "b", "a", "c", "a", "b"):  # b is the one that was not seen for longest when c comes
            check(with_claims(sub=subject), NOW)
        assert keys.verified == 4
        for _ in range(2):
            check(with_claims(orgs=["x" * 90] * 30), NOW)
        assert keys.verified == 6


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.binary() | st.from_regex(rb"\A[Bb]earer [A-Za-z0-9_.-]*\Z"), max_size=3))
def test_no_header_whatever_crashes(values: list[bytes]) -> None:
    with pytest.raises(Unauthenticated):
        authenticator().authenticate(values, NOW)


@given(
    st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jku", "cty"]), JSON),
    st.dictionaries(st.sampled_from(["sub", "exp", "iat", "nbf", "iss", "aud", "orgs"]), JSON),
)
def test_no_signed_token_whatever_crashes(header: dict[str, Any], claims: dict[str, Any]) -> None:
    for token in (signed(HS256 | header, CLAIMS | claims), signed(HS256, CLAIMS | claims), signed(header, CLAIMS)):
        try:
            caller = ask(token, jwt_issuer="us", jwt_audience="facets")
        except Unauthenticated:
            continue
        assert isinstance(caller, Caller)
