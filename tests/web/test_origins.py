"""Origins in the settings: as browsers send them, or refused at the start."""

from __future__ import annotations

import pytest

from facets_svc.errors import SettingsError
from facets_svc.settings import Settings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://app.example.org/", ("https://app.example.org",)),
        ("HTTPS://App.Example.ORG:443, https://app.example.org", ("https://app.example.org",)),
        ("http://localhost:3000,http://localhost:80", ("http://localhost:3000", "http://localhost")),
        ("http://[::1]:8080/", ("http://[::1]:8080",)),
        ("*", ("*",)),
        ("", ()),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(written: str, meant: tuple[str, ...]) -> None:
    assert Settings.from_env({"FACETS_CORS_ORIGINS": written}).cors_origins == meant


@pytest.mark.parametrize(
    "written",
    [
        *(
            "app.example.org",
            "https://",
            "https://a.example/path",
            "https://a.example?q",
            "https://a.example#f",
            "https://user@a.example",
            "ftp://a",
        ),
        *(
            "null",
            "https://*.example.org",
            "https://a.example:99999",
            "https://a.example b",
            "https://a.example//",
            "a, https://b.example",
        ),
    ],
)
def test_what_no_browser_sends_is_refused_at_the_start(written: str) -> None:
    with pytest.raises(SettingsError, match=r"FACETS_CORS_ORIGINS: .* is no origin such as https"):
        Settings.from_env({"FACETS_CORS_ORIGINS": written})
