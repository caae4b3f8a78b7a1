"""The rows of a query over a lake in a bucket: its files are copied, and go with their snapshot."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from facets_svc.lake import BucketLake
from facets_svc.sandbox.extract import Extracts
from tests.catalogues import model, sync, write_catalogue


def test_the_files_of_a_bucket_are_copied_for_queries_and_removed_later(lake: BucketLake, tmp_path: Path) -> None:
    rows = [model(1), model(2, is_public=False), model(3, "rival", is_public=False)]
    reader = BucketLake(lake.objects, tmp_path / "reader")
    extracts = Extracts(reader, tmp_path / "cache")
    ids = []
    for number in range(4):
        source = write_catalogue(tmp_path / "models.jsonl", [*rows, model(9 + number)])
        ids.append(sync(source, lake).snapshot_id)
        present = extracts.present(ids[-1], "acme")
        found = [sorted(pq.read_table(file)["id"].to_pylist()) for file in present.files]
        assert found == [sorted(["m1", f"m{9 + number}"]), ["m2"]]
        assert all(file.startswith(str(extracts.folder)) for file in present.files)
    earlier = extracts.earlier(ids[-1], "acme", ids[1])
    assert [pq.read_table(file)["id"].to_pylist() for file in earlier.files] == [["m1"], ["m2"]]
    with lake.writing() as writer:
        for gone in ids[:3]:
            writer.remove(gone)
    ids.append(sync(write_catalogue(tmp_path / "models.jsonl", rows), lake).snapshot_id)
    extracts.present(ids[-1], "acme")
    assert {path.name for path in (extracts.folder / "copies").iterdir()} == {ids[3], ids[4]}
