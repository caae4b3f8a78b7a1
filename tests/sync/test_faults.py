"""What a job survives: being stopped and killed, another job, a torn source, and catalogues of odd shapes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facets_svc.engine.duckdb import open_engine
from facets_svc.errors import FacetsError, SourceError
from facets_svc.facets.query import FacetQuery
from facets_svc.lake import FolderLake
from tests.catalogues import model, sync, write_catalogue


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path / "lake")


def started(source: Path, lake: FolderLake) -> subprocess.Popen[str]:
    """Start a sync as a process of its own."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "facets_svc", "sync", "--source", source, "--lake", lake.root],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(source: Path, lake: FolderLake) -> None:
    """Run a sync to its end, which is a good one."""
    job = started(source, lake)
    told = job.communicate()[1]
    assert job.returncode == 0, told


def until(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for something that a process does."""
    deadline = time.monotonic() + 60
    while not happened():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def at_work(lake: FolderLake, job: subprocess.Popen[str]) -> Callable[[], bool]:
    """Return a test for whether a job has begun to write."""
    return lambda: any(lake.root.glob(f"tmp-*-{job.pid}"))


def left_behind(lake: FolderLake) -> list[str]:
    return [path.name for path in lake.root.iterdir() if path.name.startswith("tmp-")]


def test_a_second_job_names_the_first_which_ends_on_a_signal_and_leaves_nothing(
    tmp_path: Path, lake: FolderLake
) -> None:
    small = write_catalogue(tmp_path / "small.jsonl", [model(1)])
    before = sync(small, lake).snapshot_id
    large = tmp_path / "large.jsonl"
    line = '{{"id": "{0}", "org": "acme", "name": "model-{0}", "is_public": true, "tags": ["a", "{0}"]}}\n'
    large.write_text("".join(map(line.format, range(300_000))), encoding="utf-8")

    first = started(large, lake)
    until(lambda: list(lake.root.glob("tmp-*/scratch/stage.parquet")), first)
    second = started(small, lake)
    told = second.communicate()[1]
    assert second.returncode == 75
    assert f"Another job holds the lake {lake.root}: process {first.pid} on " in told

    first.send_signal(signal.SIGTERM)
    *_, sentence = first.communicate()[1].splitlines()
    assert (first.returncode, sentence) == (143, "Stopped by SIGTERM. Unpublished files were removed.")
    assert (lake.current(), lake.ids(), left_behind(lake)) == (before, [before], [])
    assert sync(small, lake).rows_kept == 1


@contextmanager
def reading(lake: FolderLake) -> Iterator[Counter[str]]:
    """Verify the current snapshot again and again meanwhile; count how often, and what went wrong."""
    seen: Counter[str] = Counter()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                lake.snapshot().verify()
                seen["whole"] += 1
            except FacetsError as error:
                seen[str(error)] += 1
            done.wait(0.02)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def stopped_at_random(tmp_path: Path, lake: FolderLake, times: int, seed: int) -> str:
    """Stop and kill as many jobs at random moments, and return what became of them. The lake is whole all along."""
    chosen = random.Random(seed)  # noqa: S311 - moments, the same ones for a seed
    rows = [model(number, f"org-{number % 50}", tags=[f"t{number % 7}"]) for number in range(20_000)]
    source = write_catalogue(tmp_path / "models.jsonl", rows)
    first = started(source, lake)
    until(at_work(lake, first), first)
    begun = time.monotonic()
    assert first.wait() == 0
    first.communicate()
    seconds = time.monotonic() - begun
    ended: Counter[str] = Counter()
    with reading(lake) as seen:
        for place in range(times):
            number = (signal.SIGKILL, signal.SIGTERM)[place % 2]
            job = started(source, lake)
            if place % 5:  # the others are stopped while they start
                until(at_work(lake, job), job)
            time.sleep(chosen.uniform(0, 1.1) * seconds)
            job.send_signal(number)
            told = job.communicate()[1]
            # A job that had not begun is ended by the signal itself, one that was done by nothing.
            assert job.returncode in {signal.SIGKILL: (-9, 0), signal.SIGTERM: (143, -15, 0)}[number], told
            if job.returncode == 143:
                assert told.splitlines()[-1].startswith("Stopped by SIGTERM. ")
                assert left_behind(lake) == []
            ended[f"{number.name} {job.returncode}"] += 1
            lake.snapshot().verify()
    assert set(seen) == {"whole"}
    finished(source, lake)
    assert left_behind(lake) == []
    for snapshot_id in lake.ids():
        lake.snapshot(snapshot_id).verify()
    return f"{times} jobs stopped or killed ({dict(sorted(ended.items()))}), read {seen['whole']} times: 0 bad lakes"


def test_a_few_jobs_are_stopped_and_killed_at_random_and_the_lake_is_whole(tmp_path: Path, lake: FolderLake) -> None:
    assert stopped_at_random(tmp_path, lake, 4, seed=1).endswith("0 bad lakes")


@pytest.mark.soak
def test_a_hundred_jobs_are_stopped_and_killed_at_random_and_the_lake_is_whole(
    tmp_path: Path, lake: FolderLake, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = stopped_at_random(tmp_path, lake, 100, seed=7)
    with capsys.disabled():
        print(f"\nsync: {figures}")  # noqa: T201 - the figure is what the test is for


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_a_torn_parquet_file_publishes_nothing(tmp_path: Path, lake: FolderLake, kept: float) -> None:
    table = pa.Table.from_pylist([model(number) for number in range(5_000)])
    path = tmp_path / "models.parquet"
    pq.write_table(table, path, row_group_size=1_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(SourceError, match=r"models\.parquet is"):
        sync(path, lake)
    assert lake.current() is None


def test_a_flipped_byte_in_a_checked_parquet_file_publishes_nothing(tmp_path: Path, lake: FolderLake) -> None:
    path = tmp_path / "models.parquet"
    pq.write_table(
        pa.Table.from_pylist([model(number) for number in range(5_000)]),
        path,
        write_page_checksum=True,
        compression="none",
    )
    spoiled = bytearray(path.read_bytes())
    spoiled[len(spoiled) // 3] ^= 1
    path.write_bytes(spoiled)
    with pytest.raises(SourceError, match=r"models\.parquet is damaged"):
        sync(path, lake)
    assert (lake.current(), left_behind(lake)) == (None, [])


def totals(lake: FolderLake, *orgs: str) -> list[int]:
    engine = open_engine(lake.snapshot(), threads=1, memory_limit="512MiB")
    try:
        return [engine.answer(FacetQuery.of(org, limit=10)).total for org in orgs]
    finally:
        engine.close()


def test_ten_thousand_orgs_and_one_with_most_of_the_rows(tmp_path: Path, lake: FolderLake) -> None:
    rows = [model(number, f"org-{number}", is_public=number % 2 > 0, tags=["a"]) for number in range(10_000)]
    rows += [model(number, "large", is_public=False, tags=[f"t{number % 100}"]) for number in range(10_000, 30_000)]
    report = sync(write_catalogue(tmp_path / "models.jsonl", rows), lake)
    assert (report.orgs, report.rows_kept, report.public_models) == (10_001, 30_000, 5_000)
    assert totals(lake, "large", "org-0", "org-9999", "none") == [20_000, 1, 1, 0]


def test_a_row_with_five_thousand_tags(tmp_path: Path, lake: FolderLake) -> None:
    tags = [f"t{number:04d}" for number in range(5_000)]
    report = sync(write_catalogue(tmp_path / "models.jsonl", [model(1, tags=tags), model(2, tags=tags[:1])]), lake)
    assert report.facet_values["tags"] == 5_000
    engine = open_engine(lake.snapshot(), threads=1, memory_limit="512MiB")
    answer = engine.answer(FacetQuery.of("acme", limit=10_000))
    assert answer.facets[0].values == tuple(tags)
    engine.close()
