"""What a lake needs of a bucket, asked of a real server."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facets_svc.errors import LakeError, SettingsError, SnapshotCorrupt
from facets_svc.lake import Lake
from facets_svc.lake import objects as objects_module
from facets_svc.lake.objects import Objects, Taken, Unreachable
from tests.bucket.proxy import Proxy
from tests.bucket.seaweed import ACCESS_KEY, SECRET_KEY


def won(objects: Objects, key: str, content: bytes, version: objects_module.Version | None) -> bool:
    try:
        objects.put_if(key, content, version)
    except Taken:
        return False
    return True


def test_an_object_is_written_on_the_condition_that_it_is_not_there_or_is_the_one_that_was_read(
    objects: Objects,
) -> None:
    assert objects.get("key") is None
    first = objects.put_if("key", b"1", None)
    assert objects.get("key") == (b"1", first)
    with pytest.raises(Taken):
        objects.put_if("key", b"2", None)
    second = objects.put_if("key", b"2", first)
    with pytest.raises(Taken):
        objects.put_if("key", b"3", first)
    with pytest.raises(Taken):
        objects.put_if("another", b"3", first)
    assert objects.get("key") == (b"2", second)
    objects.delete(["key", "never"])
    assert objects.keys("") == []


def test_of_writers_that_race_exactly_one_wins(objects: Objects) -> None:
    with ThreadPoolExecutor(6) as threads:
        for round_ in range(2):
            made = threads.map(lambda n: won(objects, f"new-{round_}", b"%d" % n, None), range(6))  # noqa: B023
            assert sum(made) == 1
        version = objects.put_if("one", b"start", None)
        for round_ in range(2):
            contents = [b"%d-%d" % (round_, n) for n in range(6)]
            swapped = list(threads.map(lambda content: won(objects, "one", content, version), contents))  # noqa: B023
            assert sum(swapped) == 1
            found = objects.get("one")
            assert found is not None
            assert found[0] == contents[swapped.index(True)]
            version = found[1]


def test_a_write_whose_answer_is_lost_is_found_to_have_happened(objects: Objects, proxy: Proxy) -> None:
    through = Objects(objects.location)
    version = through.put_if("key", b"before", None)
    proxy.cut_after("down", 0)
    with pytest.raises(Unreachable):
        through.put_if("key", b"after", version)
    proxy.cut_after("down", None)
    found = objects.get("key")
    assert found is not None
    assert found[0] == b"after"
    assert through.put_if("key", b"after", version) == found[1]


def test_a_large_file_goes_up_and_down_in_parts(objects: Objects, tmp_path: Path) -> None:
    path, copy = tmp_path / "file", tmp_path / "copy"
    path.write_bytes(random.Random(3).randbytes(2 * objects_module.PART_BYTES + 12_345))  # noqa: S311 - any bytes
    size = path.stat().st_size
    objects.upload("folder/file", path)
    objects.download("folder/file", copy, size)
    assert copy.read_bytes() == path.read_bytes()
    with pytest.raises(SnapshotCorrupt, match=rf"folder/file has {size} bytes instead of {size + 1}"):
        objects.sha256("folder/file", size + 1)
    with pytest.raises(SnapshotCorrupt, match="folder/other is missing"):
        objects.sha256("folder/other", 1)


def test_names_are_listed_below_a_prefix(objects: Objects) -> None:
    for key in ("a/1/x", "a/1/y", "a/2/x", "ab/3", "b"):
        objects.put(key, b"")
    assert objects.keys("a/") == ["a/1/x", "a/1/y", "a/2/x"]
    assert objects.folders("a/") == ["1", "2"]


def test_errors_say_what_is_wrong_and_no_credential(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, proxy: Proxy
) -> None:
    told = []
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    with pytest.raises(Unreachable, match=r"403 Forbidden, SignatureDoesNotMatch") as wrong:
        Objects(objects.location).get("key")
    told.append(wrong.value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    with pytest.raises(Unreachable, match=r"The bucket of the lake s3://no-such-bucket/x does not exist") as nowhere:
        Objects("s3://no-such-bucket/x").get("key")
    told.append(nowhere.value)
    proxy.mode = "refuse"
    with pytest.raises(Unreachable, match=rf"The lake {objects.location} cannot be reached: ") as refused:
        Objects(objects.location).get("key")
    told.append(refused.value)
    proxy.mode = "stall"
    monkeypatch.setattr(objects_module, "SMALL_SECONDS", 0.2)
    with pytest.raises(Unreachable, match="it did not answer in time") as stalled:
        Objects(objects.location).get("key")
    told.append(stalled.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unreachable, match="there is no connection") as closed:
        Objects(objects.location).get("key")
    told.append(closed.value)
    for error in told:
        assert ACCESS_KEY not in repr(error)
        assert "secret" not in repr(error)
        assert error.__cause__ is None


def test_credentials_may_come_from_a_profile(objects: Objects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        f"[nightly]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    )
    (tmp_path / "config").write_text(
        f"[profile nightly]\nregion = us-east-1\nendpoint_url = {os.environ['AWS_ENDPOINT_URL']}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "nightly")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    through = Objects(objects.location)
    through.put("key", b"1")
    assert objects.keys("") == ["key"]


def test_a_location_with_credentials_is_refused_and_not_told() -> None:
    with pytest.raises(SettingsError, match="must not contain credentials") as refused:
        Lake.open("s3://key:hunter2@bucket/prefix")
    assert "hunter2" not in repr(refused.value)


@pytest.mark.parametrize("location", ["s3://", "s3:///prefix", "s3://bucket?x=1"])
def test_a_location_without_a_bucket_is_refused(location: str) -> None:
    with pytest.raises(SettingsError, match=r"has the form s3://bucket/prefix"):
        Lake.open(location)


def test_without_the_extra_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_module, "_INSTALLED", False)
    with pytest.raises(SettingsError, match=r"pip install 'facets-svc\[s3\]'"):
        Lake.open("s3://bucket/prefix")


@pytest.mark.parametrize("location", ["gs://bucket/prefix", "az://container/prefix"])
def test_other_buckets_open_or_say_what_they_need(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    try:
        assert Lake.open(location).location == location
    except LakeError as error:
        pytest.fail(str(error))
