from __future__ import annotations

import pytest

from facets_svc.errors import LakeError, SettingsError
from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from facets_svc.web.server import serve
from tests.web.client import SECRET


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(jwt_algorithm="EdDSA", jwt_secret=SECRET),
        Settings(jwt_secret=SECRET, require_tls=True, trusted_proxies=("proxy.example",)),
    ],
    ids=["no key", "a key of another kind", "a proxy without an address"],
)
def test_wrong_settings_are_refused_before_anything_starts(settings: Settings) -> None:
    with pytest.raises(SettingsError):
        create_app_with_settings(settings)
    with pytest.raises(SettingsError):
        serve(settings)


def test_a_lake_of_a_kind_that_there_is_not_is_refused() -> None:
    with pytest.raises(LakeError):
        create_app_with_settings(Settings(jwt_secret=SECRET, lake="gopher://lake"))
