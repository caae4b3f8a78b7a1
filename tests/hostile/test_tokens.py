"""Every way to lie with a token, over HTTP, for every way to sign one: the status, and a body that tells nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from litestar.types import ASGIApp

from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from tests.service.engines import OracleEngine, row
from tests.web.client import FACETS, RELOAD, SECRET, Answer, ask

pytestmark = pytest.mark.anyio

NOW: Final = 1_800_000_000
OLD_SECRET: Final = "the secret before it, thirty-two bytes or more"
CLAIMS: Final[dict[str, Any]] = {"sub": "ada", "exp": NOW + 600, "orgs": ["acme"]}

FINE: Final = (200, None)
REFUSED: Final = (401, "authentication_error")
EXPIRED: Final = (401, "expired_token_error")
FORBIDDEN: Final = (403, "forbidden_error")
Verdict = tuple[int, str | None]

BODIES: Final = {
    REFUSED: b'{"code":401,"detail":"The token is missing or invalid.","type":"authentication_error"}',
    EXPIRED: b'{"code":401,"detail":"The token has expired.","type":"expired_token_error"}',
    FORBIDDEN: b'{"code":403,"detail":"The token is not for this organization.","type":"forbidden_error"}',
}
"""The detail of each refusal: the same for every cause."""


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@dataclass(frozen=True)
class Scheme:
    """A way to sign, and the settings that accept it; `signature` signs bytes as the service will verify them."""

    name: str
    algorithm: str
    settings: dict[str, Any]
    signature: Callable[[bytes], bytes]
    public: tuple[bytes, ...] = ()
    header: dict[str, Any] = field(default_factory=dict)

    def token(
        self, claims: Any = CLAIMS, header: Any = None, *, signature: Callable[[bytes], bytes] | None = None
    ) -> str:
        """Return a token of any header and any payload, bytes as they are, that is signed all the same."""
        whole = {"alg": self.algorithm, "typ": "JWT", **self.header} if header is None else header
        signing = f"{encoded(as_bytes(whole))}.{encoded(as_bytes(claims))}"
        return f"{signing}.{encoded((signature or self.signature)(signing.encode()))}"

    def with_header(self, **members: Any) -> str:
        return self.token(header={"alg": self.algorithm, "typ": "JWT", **self.header, **members})

    def with_claims(self, **claims: Any) -> str:
        return self.token({name: value for name, value in {**CLAIMS, **claims}.items() if value is not ...})


def hmac_by(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda signing: hmac.new(secret, signing, hashlib.sha256).digest()


RSA_KEY: Final = rsa.generate_private_key(65537, 2048)
EC_KEY: Final = ec.generate_private_key(ec.SECP256R1())
ED_KEY: Final = ed25519.Ed25519PrivateKey.generate()


def by_rsa(signing: bytes) -> bytes:
    return RSA_KEY.sign(signing, padding.PKCS1v15(), SHA256())


def by_ec(signing: bytes) -> bytes:
    numbers = decode_dss_signature(EC_KEY.sign(signing, ec.ECDSA(SHA256())))
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def public_forms(key: Any, algorithm: str) -> tuple[bytes, ...]:
    """Every way in which a public key is written down, and might be taken for a secret."""
    public = key.public_key()
    pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return (
        pem,
        pem.strip(),
        pem.replace(b"\n", b"\\n"),
        der,
        json.dumps(jwk).encode(),
        json.dumps({"keys": [jwk]}).encode(),
    )


def schemes(folder: Path) -> Iterator[Scheme]:
    yield Scheme("HS256", "HS256", {"jwt_secret": SECRET}, hmac_by(SECRET.encode()))
    for algorithm, key, signature in (
        ("RS256", RSA_KEY, by_rsa),
        ("ES256", EC_KEY, by_ec),
        ("EdDSA", ED_KEY, ED_KEY.sign),
    ):
        public = public_forms(key, algorithm)
        settings = {"jwt_algorithm": algorithm, "jwt_public_key": public[0].decode()}
        yield Scheme(algorithm, algorithm, settings, signature, public)
        path = folder / f"{algorithm}.json"
        path.write_bytes(json.dumps({"keys": [{**json.loads(public[4]), "kid": "k1"}]}).encode())
        settings = {"jwt_algorithm": algorithm, "jwt_jwks": str(path)}
        yield Scheme(f"{algorithm} by JWKS", algorithm, settings, signature, public, {"kid": "k1"})


NAMES: Final = ("HS256", "RS256", "RS256 by JWKS", "ES256", "ES256 by JWKS", "EdDSA", "EdDSA by JWKS")


@pytest.fixture(params=NAMES)
def scheme(request: pytest.FixtureRequest, tmp_path: Path) -> Scheme:
    return {scheme.name: scheme for scheme in schemes(tmp_path)}[request.param]


class Door:
    """The service behind some settings, asked with one `Authorization` header or several."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.asked: Counter[Verdict] = Counter()

    async def ask(self, *authorizations: str, target: str = FACETS, method: str = "GET") -> Verdict:
        answer = await ask(self._app, target, *(("Authorization", value) for value in authorizations), method=method)
        verdict = self._verdict(answer)
        self.asked[verdict] += 1
        return verdict

    def _verdict(self, answer: Answer) -> Verdict:
        if answer.status == 200:
            return FINE
        verdict = answer.error
        assert answer.body == BODIES[verdict]
        assert ("www-authenticate" in answer.headers) == (answer.status == 401)
        return verdict


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Door]:
    engine = OracleEngine([row("acme", "one")])
    service = FacetService(
        current_id=lambda: engine.snapshot_id,
        open_engine=lambda _: engine,
        poll_seconds=3600,
        concurrency=1,
        queue=8,
        deadline_seconds=60,  # a busy machine must not look like a verdict
    )
    async with service.running():
        yield Door(create_app_for(service, settings))


@pytest.fixture
async def door(scheme: Scheme, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    async with opened(Settings(**scheme.settings)) as door:
        yield door


async def expect(door: Door, verdict: Verdict, tokens: Iterable[str]) -> None:
    for token in tokens:
        assert await door.ask(f"Bearer {token}") == verdict, token[:2000]


async def test_a_good_token_is_good_and_one_of_another_org_is_for_another_org(scheme: Scheme, door: Door) -> None:
    assert await door.ask(f"Bearer {scheme.token()}") == FINE
    assert await door.ask(f"Bearer {scheme.with_claims(orgs=['rival'])}") == FORBIDDEN


def lying_headers(scheme: Scheme) -> Iterator[str]:
    """Tokens whose header is not what the settings say, under a signature that would hold."""
    algorithms = (
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        " ",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "PS256",
        "ES256",
    )
    more = ("ES384", "ES256K", "EdDSA", "Ed25519", "EDDSA", "hs256", "A128KW", "dir", scheme.algorithm + " ")
    for algorithm in (*algorithms, *more, None, True, 0, 256, [scheme.algorithm], {scheme.algorithm: 1}):
        if algorithm != scheme.algorithm:
            yield scheme.with_header(alg=algorithm)
    lies: tuple[dict[str, Any], ...] = (
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": None},
        {"crit": "b64"},
        {"b64": False},
        {"b64": None},
        {"kid": 1},
        {"kid": None},
        {"kid": ["k1"]},
        {"kid": {"k1": 1}},
    )
    for members in lies:
        yield scheme.with_header(**members)
    own = scheme.algorithm.encode()
    for header in (
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"{",
        b"{}",
        b"\xff",
        b'\xef\xbb\xbf{"alg":"%s"}' % own,
        b'{"alg":"%s"}}' % own,
        b'{"alg":"%s","alg":"none"}' % own,
        b'{"alg":"%s","x":' % own + b"[" * 9000,
        b'{"alg":"%s","x":' % own + b"[" * 4000 + b"]" * 4000 + b"",
        b"{'alg':'%s'}" % own,
        json.dumps({"alg": scheme.algorithm}).encode("utf-16"),
    ):
        yield scheme.token(header=header)


async def test_a_header_that_is_not_what_the_settings_say_is_refused(scheme: Scheme, door: Door) -> None:
    await expect(door, REFUSED, lying_headers(scheme))


async def test_where_a_header_says_that_the_key_is_does_not_matter(scheme: Scheme, door: Door) -> None:
    for members in (
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "oct", "k": encoded(b"evil" * 8)}},
        {"cty": "JWT", "typ": "at+jwt", "zip": "DEF"},
    ):
        assert await door.ask(f"Bearer {scheme.with_header(**members)}") == FINE
        evil = scheme.token(
            header={"alg": scheme.algorithm, **scheme.header, **members}, signature=hmac_by(b"evil" * 8)
        )
        assert await door.ask(f"Bearer {evil}") == REFUSED


async def test_a_key_id_is_no_path_no_statement_and_no_other_key(scheme: Scheme, door: Door) -> None:
    for kid in ("../../dev/null", "/dev/null", "' UNION SELECT 'x", "k2", "", "K1", "k1\0", "k1 "):
        by_id = "kid" in scheme.header
        assert await door.ask(f"Bearer {scheme.with_header(kid=kid)}") == (REFUSED if by_id else FINE), kid
        empty = scheme.token(header={"alg": scheme.algorithm, "kid": kid}, signature=hmac_by(b""))
        assert await door.ask(f"Bearer {empty}") == REFUSED


async def test_a_public_key_is_no_secret_however_it_is_written(scheme: Scheme, door: Door) -> None:
    for secret in (*scheme.public, b"", b"secret", OLD_SECRET.encode()):
        for algorithm in ("HS256", scheme.algorithm):
            header = {"alg": algorithm, **scheme.header}
            assert await door.ask(f"Bearer {scheme.token(header=header, signature=hmac_by(secret))}") == REFUSED


def broken(scheme: Scheme) -> Iterator[str]:
    """What is no token any more, made of a good one."""
    good = scheme.token()
    header, claims, signature = good.split(".")
    middle = len(claims) // 2
    yield from ("", ".", "..", "...", "a", "a.b", "a.b.c", "null", "undefined", "é.é.é", "%20", "\x7f")
    yield from (f"{header}.{claims}", f"{header}.{claims}.", f"{header}..{signature}", f".{claims}.{signature}")
    yield from (
        f"{good}.",
        f".{good}",
        f"{good}.{signature}",
        f"{header}.{header}.{claims}.{signature}.x",
    )  # a JWE has five
    yield from (f"{good}=", f"{good}==", f"{header}=.{claims}.{signature}", f"{header}.{claims}=.{signature}")
    for odd in ("~", "+", "/", "=", "%3D", " ", "\t", "\n", "\r\n ", "\0", "é", ",", ";", '"'):
        yield f"{header}.{claims}.{signature[:20]}{odd}{signature[20:]}"
        yield f"{header}.{claims[:middle]}{odd}{claims[middle:]}.{signature}"
    yield f"{header}.{claims}.{signature[:-1]}"
    yield f"{header}.{claims}.{signature}AAAA"
    yield f"{header}.{claims}.{signature[::-1]}"
    yield f"{header}.{encoded(as_bytes({**CLAIMS, 'orgs': '*'}))}.{signature}"
    yield good.upper()
    yield good.swapcase()
    yield f"{good} {good}"
    yield f"{good},{good}"
    yield '"' + good + '"'
    yield scheme.token(signature=lambda _: b"")
    yield scheme.token(signature=lambda signing: b"\0" * len(scheme.signature(signing)))
    yield scheme.token(signature=lambda signing: scheme.signature(signing) + b"\0")
    yield scheme.token(signature=lambda signing: scheme.signature(signing)[1:])
    yield scheme.token(good.encode())  # a token in a token
    yield scheme.token(as_bytes(good))


async def test_what_is_no_token_any_more_is_refused(scheme: Scheme, door: Door) -> None:
    await expect(door, REFUSED, broken(scheme))


async def test_a_token_of_sixty_thousand_bytes_is_refused(scheme: Scheme, door: Door) -> None:
    await expect(
        door,
        REFUSED,
        (scheme.with_claims(x="x" * 45_000), "a" * 60_000, "a." * 30_000, f"{scheme.token()}{' ' * 60_000}"),
    )


async def test_there_is_one_header_of_one_scheme_and_no_second_one(scheme: Scheme, door: Door) -> None:
    good = scheme.token()
    for spelt in ("Bearer", "bearer", "BEARER", "bEaReR"):
        assert await door.ask(f"{spelt} {good}") == FINE
        assert await door.ask(f"{spelt}   {good}  ") == FINE
    for headers in (
        (),
        ("",),
        (good,),
        ("Bearer",),
        ("Bearer ",),
        (f"Bearer{good}",),
        (f"Bearer\t{good}",),
        (f"Bearer\u00a0{good}",),
        (f" Bearer {good}",),
        (f"Bearer {good}\t",),
        (f"Bearer:{good}",),
        (f"Bearer={good}",),
        (f"Bearer Bearer {good}",),
        (f"Basic {good}",),
        ("Basic " + base64.b64encode(f"x:{good}".encode()).decode(),),
        (f"Digest {good}",),
        (f"JWT {good}",),
        (f"Token {good}",),
        (f"DPoP {good}",),
        (f"Beare\u0280 {good}".encode().decode("latin-1"),),
        (f"Bearer {good}", f"Bearer {good}"),
        (f"Bearer {good}", ""),
        (f"Basic eDp4, Bearer {good}",),
        ("Basic eDp4", f"Bearer {good}"),
    ):
        assert await door.ask(*headers) == REFUSED, headers


WRONG_TIMES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    str(NOW + 600),
    "",
    "2099-01-01T00:00:00Z",
    [],
    [NOW],
    {},
    {"n": NOW},
)
WRONG: Final[dict[str, tuple[Any, ...]]] = {
    "sub": (..., None, "", 0, 1, 1.5, True, [], ["ada"], {}, {"sub": "ada"}),
    "exp": (..., *WRONG_TIMES, 10**12, 2**63, 2**64, 10**30, 1e300, NOW * 1000),
    "iat": (*WRONG_TIMES, 2**64, 1e300, NOW * 1000),
    "nbf": (*WRONG_TIMES, 2**64, 1e300, NOW * 1000),
    "orgs": (
        ...,
        None,
        True,
        0,
        1,
        1.5,
        "",
        "acme",
        "acme,*",
        "**",
        " *",
        "* ",
        "\uff0a",
        "all",
        {},
        {"acme": 1},
        {"*": 1},
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_claim_of_another_type_is_refused(scheme: Scheme, door: Door, name: str) -> None:
    await expect(door, REFUSED, (scheme.with_claims(**{name: value}) for value in WRONG[name]))


async def test_numbers_that_json_does_not_have_are_refused(scheme: Scheme, door: Door) -> None:
    numbers = (
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"9" * 5000,
        b"0x7f",
        b"01",
        b"1_0",
        b"+1",
        b".5",
        b"1.",
        b"nan",
    )
    for name in (b"exp", b"iat", b"nbf"):
        payloads = (b'{"sub":"ada","orgs":["acme"],"exp":1800000600,"%s":%s}' % (name, number) for number in numbers)
        await expect(door, REFUSED, map(scheme.token, payloads))


async def test_a_payload_that_is_no_json_object_is_refused(scheme: Scheme, door: Door) -> None:
    whole = as_bytes(CLAIMS)
    for payload in (
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"0",
        b"{",
        whole[:-1],
        whole + b"}",
        whole + b"\0",
        b"[" + whole + b"]",
        b"\xef\xbb\xbf" + whole,
        json.dumps(CLAIMS).encode("utf-16"),
        whole.replace(b"ada", b"\xff"),
        whole.replace(b"ada", b"\xed\xa0\x80"),
        whole.replace(b"ada", b"\\ud800"),
        whole.replace(b"ada", b"a\nb"),
        whole[:-1] + b',"x":' + b"[" * 8000,
        whole[:-1] + b',"x":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b"sub=ada&exp=1800000600&orgs=acme",
    ):
        assert await door.ask(f"Bearer {scheme.token(payload)}") == REFUSED, payload[:100]


async def test_a_claim_that_is_there_twice_counts_once_the_last_one(scheme: Scheme, door: Door) -> None:
    for second, verdict in (
        (b'"orgs":["rival"]', FORBIDDEN),
        (b'"exp":1', EXPIRED),
        (b'"sub":1', REFUSED),
        (b'"x":1,"x":2', FINE),
    ):
        assert await door.ask(f"Bearer {scheme.token(as_bytes(CLAIMS)[:-1] + b',' + second + b'}')}") == verdict, second


async def test_what_is_no_slug_names_no_org(scheme: Scheme, door: Door) -> None:
    for orgs in (
        [],
        ["*"],
        [""],
        ["acme "],
        ["ACME"],
        ["acme", "*"][1:],
        [None],
        [1],
        [["acme"]],
        [{"acme": 1}],
        ["acm\u00e9"],
    ):
        assert await door.ask(f"Bearer {scheme.with_claims(orgs=orgs)}") == FORBIDDEN, orgs
    assert await door.ask(f"Bearer {scheme.with_claims(orgs='*')}") == FINE
    assert await door.ask(f"Bearer {scheme.with_claims(orgs=['*', 1, 'acme'])}") == FINE


@pytest.mark.parametrize("fraction", [0.0, 0.25])
async def test_thirty_seconds_are_forgiven_and_no_more(scheme: Scheme, door: Door, fraction: float) -> None:
    for offset, verdict in ((-29, FINE), (-30, FINE), (-31, EXPIRED), (-3600, EXPIRED)):
        seconds = NOW + offset + fraction if fraction else NOW + offset
        expected = EXPIRED if offset == -31 and fraction else verdict
        assert await door.ask(f"Bearer {scheme.with_claims(exp=seconds)}") == expected, (offset, fraction)
    for name in ("iat", "nbf"):
        for offset, verdict in ((29, FINE), (30, FINE if not fraction else REFUSED), (31, REFUSED), (3600, REFUSED)):
            seconds = NOW + offset + fraction if fraction else NOW + offset
            assert await door.ask(f"Bearer {scheme.with_claims(**{name: seconds})}") == verdict, (
                name,
                offset,
                fraction,
            )
        for before in (0, -1, -1e300, 1e-300, NOW - 10**9):
            assert await door.ask(f"Bearer {scheme.with_claims(**{name: before})}") == FINE
    for long_ago in (0, -1, -1e300, 1e-300, -(2**63)):
        assert await door.ask(f"Bearer {scheme.with_claims(exp=long_ago)}") == EXPIRED


async def test_a_token_that_has_been_good_is_expired_when_its_time_has_come(
    scheme: Scheme, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = scheme.token()
    for seconds, verdict in ((NOW, FINE), (NOW + 630, FINE), (NOW + 631, EXPIRED), (NOW + 10**9, EXPIRED), (NOW, FINE)):
        monkeypatch.setattr(time, "time", lambda seconds=seconds: seconds)
        assert await door.ask(f"Bearer {token}") == verdict


async def test_a_token_is_expired_only_if_all_else_is_well(scheme: Scheme, door: Door) -> None:
    past = {**CLAIMS, "exp": NOW - 100}
    assert await door.ask(f"Bearer {scheme.token(past)}") == EXPIRED
    await expect(
        door,
        REFUSED,
        (
            scheme.token({**past, "orgs": "acme"}),
            scheme.token({**past, "sub": ""}),
            scheme.token({**past, "nbf": NOW + 100}),
            scheme.token(past, header={"alg": "none"}),
            scheme.token(past, signature=hmac_by(b"guess")),
            f"{scheme.token(past)}=",
        ),
    )


async def test_two_secrets_hold_while_they_rotate_and_a_third_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    new, old, other = (
        Scheme("", "HS256", {}, hmac_by(secret.encode())).token() for secret in (SECRET, OLD_SECRET, OLD_SECRET * 2)
    )
    async with opened(Settings(jwt_secret=SECRET, jwt_secret_previous=OLD_SECRET)) as during:
        assert [await during.ask(f"Bearer {token}") for token in (new, old, other)] == [FINE, FINE, REFUSED]
    async with opened(Settings(jwt_secret=SECRET)) as after:
        assert [await after.ask(f"Bearer {token}") for token in (new, old, other)] == [FINE, REFUSED, REFUSED]


async def test_who_may_ask_is_found_out_before_anything_else(scheme: Scheme, door: Door) -> None:
    for target, method in (("/nothing", "GET"), (f"{FACETS}?tags=%zz", "GET"), (FACETS, "DELETE"), (RELOAD, "POST")):
        assert await door.ask(f"Bearer {scheme.token()}=", target=target, method=method) == REFUSED
        assert await door.ask(f"Bearer {scheme.with_claims(exp=1)}", target=target, method=method) == EXPIRED


def any_json(chance: random.Random, depth: int = 0) -> Any:
    kinds: list[Callable[[], Any]] = [
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.choice([0, -1, NOW, NOW + 599, 2**31, 2**53, 2**63, 2**64, 10**30, -(10**30)]),
        lambda: chance.choice([0.5, -0.0, 1e308, 5e-324, NOW + 0.5]),
        lambda: chance.choice(["", "acme", "*", "ada", "none", "HS256", "\0", "\ud800", "\U0010ffff", "x" * 300, "k1"]),
    ]
    if depth < 3:
        kinds.append(lambda: [any_json(chance, depth + 1) for _ in range(chance.randrange(4))])
        kinds.append(
            lambda: {str(any_json(chance, 3)): any_json(chance, depth + 1) for _ in range(chance.randrange(4))}
        )
    return chance.choice(kinds)()


async def ask_at_random(door: Door, scheme: Scheme, chance: random.Random, count: int) -> None:
    """Send tokens whose members and claims are anything, some of them spoilt; each verdict has its one body."""
    for _ in range(count):
        members = {chance.choice(["alg", "kid", "crit", "b64", "typ", "jku", "cty"]): any_json(chance)}
        claims = {
            name: any_json(chance) for name in chance.sample(["sub", "exp", "iat", "nbf", "iss", "aud", "orgs", "x"], 2)
        }
        header = {"alg": scheme.algorithm, **scheme.header} | (members if chance.random() < 0.3 else {})
        token = scheme.token(CLAIMS | claims, header)
        if chance.random() < 0.2:
            place = chance.randrange(len(token))
            token = token[:place] + chance.choice("Aa0-_.=~ \xff") + token[place + chance.randrange(2) :]
        await door.ask(f"Bearer {token}")


async def test_no_signed_token_whatever_is_answered_otherwise(scheme: Scheme, door: Door) -> None:
    await ask_at_random(door, scheme, random.Random(17), 60)  # noqa: S311 - seeded on purpose
    assert set(door.asked) <= {FINE, *BODIES}


@pytest.mark.soak
async def test_ten_thousand_signed_tokens_are_answered_as_they_should(
    scheme: Scheme, door: Door, say: Callable[[str], None]
) -> None:
    await ask_at_random(door, scheme, random.Random(), 10_000)  # noqa: S311 - a soak looks elsewhere each time
    say(f"tokens, {scheme.name}: {sum(door.asked.values()):,} asked, {dict(door.asked)}")
    assert set(door.asked) <= {FINE, *BODIES}
