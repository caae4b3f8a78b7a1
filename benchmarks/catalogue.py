"""A catalogue of any size that is the same on every machine: `python -m benchmarks.catalogue MODELS FILE`.

It is shaped like a public model hub: orgs and tags follow Zipf's law, seven models in ten are public, and a tenth to a
third of the single-valued facets are missing. Rows are made in blocks, each from a random generator of its own, so that
memory is bounded and no row depends on how many are written at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BLOCK_ROWS: Final = 16_384
SEED: Final = 20_261_124


def _words(text: str) -> list[str]:
    return text.split()


FAMILIES: Final = _words("""
    llama qwen mistral gemma phi bert roberta t5 whisper vit resnet gpt falcon deepseek yi mixtral clip sdxl flux bge e5
    nomic stable-diffusion wav2vec2 deberta electra mpt olmo granite command
""")
PARTS: Final = _words("""
    instruct chat base gguf awq gptq lora ft distill merged v1 v2 v3 small large mini code math vision multilingual
    uncensored dpo sft rlhf int4 fp8 7b 8b 13b 70b 1b 3b 32k 128k
""")
WORDS: Final = _words("""
    fine tuned on curated dataset for dialogue summarization retrieval embeddings classification of biomedical legal
    text with long context and improved reasoning speech images low latency inference quantized weights
""")
TAGS: Final = _words("""
    transformers safetensors pytorch region:us en conversational endpoints_compatible text-generation-inference gguf
    autotrain_compatible zh fr de es ja
""")
LICENCES: Final = _words("apache-2.0 mit llama3 cc-by-nc-4.0 openrail")
TASKS: Final = _words("text-generation text-classification image-classification automatic-speech-recognition")
FRAMEWORKS: Final = _words("safetensors pytorch onnx gguf")
SIZES: Final = _words("<100M 100M-500M 500M-1B 1B-3B 3B-8B 8B-15B 15B-40B 40B-80B 80B-200B >200B")

SCHEMA: Final = pa.schema(
    {
        "id": pa.string(),
        "org": pa.string(),
        "name": pa.string(),
        "description": pa.string(),
        "tags": pa.list_(pa.string()),
        "license": pa.string(),
        "task_categories": pa.list_(pa.string()),
        "framework": pa.string(),
        "size_category": pa.string(),
        "is_public": pa.bool_(),
        "created_at": pa.timestamp("us", "UTC"),
        "updated_at": pa.timestamp("us", "UTC"),
        "size_bytes": pa.int64(),
        "parameters": pa.int64(),
        "downloads": pa.int64(),
    }
)

Codes = npt.NDArray[np.int64]


class _Zipf:
    """Draws places 0 to before `count`, the k-th with a weight of (k + 1) to the power of -`exponent`."""

    def __init__(self, count: int, exponent: float) -> None:
        weights = 1.0 / np.arange(1, count + 1) ** exponent
        self._bounds = np.cumsum(weights / weights.sum())[:-1]

    def draw(self, rng: np.random.Generator, size: int) -> Codes:
        return np.searchsorted(self._bounds, rng.random(size)).astype(np.int64)


class Catalogue:
    """The rows of a catalogue of so many models, in blocks."""

    def __init__(self, models: int, *, seed: int = SEED) -> None:
        self._models = models
        self._seed = seed
        self._orgs = _Zipf(max(4, models // 15), 0.85)
        tags = max(200, min(20_000, models // 100))
        self._tags = (pa.array(_numbered("tag", TAGS, tags)), _Zipf(tags, 1.0))
        self._tasks = (pa.array(_numbered("task", TASKS, 50)), _Zipf(50, 1.0))
        self._licences = (pa.array(_numbered("license", LICENCES, 60)), _Zipf(60, 1.2))
        self._frameworks = (pa.array(_numbered("framework", FRAMEWORKS, 25)), _Zipf(25, 1.1))
        self._sizes = (pa.array(SIZES), _Zipf(len(SIZES), 0.4))
        self._families = (pa.array(FAMILIES), _Zipf(len(FAMILIES), 0.9))

    def blocks(self) -> Iterator[pa.Table]:
        """Yield the rows in order, at most `BLOCK_ROWS` at a time."""
        for first in range(0, self._models, BLOCK_ROWS):
            yield self._block(first, min(BLOCK_ROWS, self._models - first))

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """Yield the rows in order, `rows` at a time, and what remains."""
        held: list[pa.Table] = []
        count = 0
        for block in self.blocks():
            held.append(block)
            count += block.num_rows
            while count >= rows:
                joined = pa.concat_tables(held)
                yield joined.slice(0, rows)
                held, count = [joined.slice(rows)], count - rows
        if count:
            yield pa.concat_tables(held)

    def _block(self, first: int, rows: int) -> pa.Table:
        rng = np.random.default_rng([self._seed, first // BLOCK_ROWS])
        numbers = pa.array([f"{number:07d}" for number in range(first, first + rows)])
        family = _taken(self._families, rng, rows)
        parts = [pa.array(PARTS).take(pa.array(rng.integers(0, len(PARTS), rows))) for _ in range(3)]
        words = [pa.array(WORDS).take(pa.array(rng.integers(0, len(WORDS), rows))) for _ in range(12)]
        created = rng.integers(1_640_995_200, 1_795_000_000, rows) * 1_000_000
        columns = {
            "id": _joined("-", "00000000", "0000", "4000", "8000", _joined("", "00000", numbers)),
            "org": pa.array([f"org-{org:06d}" for org in self._orgs.draw(rng, rows).tolist()]),
            "name": _joined("-", family, *parts, numbers),
            "description": _joined(" ", "A", family, *words),
            "tags": _lists(self._tags, rng, rows, longest=12),
            "license": _taken(self._licences, rng, rows, missing=0.3),
            "task_categories": _lists(self._tasks, rng, rows, longest=3),
            "framework": _taken(self._frameworks, rng, rows, missing=0.1),
            "size_category": _taken(self._sizes, rng, rows, missing=0.15),
            "is_public": pa.array(rng.random(rows) < 0.7),
            "created_at": pa.array(created, pa.timestamp("us", "UTC")),
            "updated_at": pa.array(created + rng.integers(0, 10**13, rows), pa.timestamp("us", "UTC")),
            "size_bytes": pa.array((10 ** rng.uniform(6, 11.5, rows)).astype(np.int64)),
            "parameters": pa.array((10 ** rng.uniform(6, 11, rows)).astype(np.int64), mask=rng.random(rows) < 0.1),
            "downloads": pa.array((10 ** rng.uniform(0, 7, rows)).astype(np.int64)),
        }
        return pa.table(columns, schema=SCHEMA)


def write(path: Path, models: int, *, seed: int = SEED, chunk_rows: int = 8 * BLOCK_ROWS) -> None:
    """Write a catalogue as Parquet, a row group a chunk. The file appears when it is whole."""
    unfinished = path.with_suffix(".tmp")
    with pq.ParquetWriter(unfinished, SCHEMA, compression="zstd") as writer:
        for chunk in Catalogue(models, seed=seed).chunks(chunk_rows):
            writer.write_table(chunk, row_group_size=chunk_rows)
    unfinished.replace(path)


def _numbered(prefix: str, first: Sequence[str], count: int) -> list[str]:
    digits = len(str(count - 1))
    return [first[place] if place < len(first) else f"{prefix}-{place:0{digits}d}" for place in range(count)]


def _joined(separator: str, *parts: Any) -> pa.Array:
    return pc.binary_join_element_wise(*parts, separator)


def _taken(vocabulary: tuple[pa.Array, _Zipf], rng: np.random.Generator, rows: int, missing: float = 0.0) -> pa.Array:
    values, zipf = vocabulary
    codes = zipf.draw(rng, rows)
    return values.take(pa.array(codes, mask=rng.random(rows) < missing))


def _lists(vocabulary: tuple[pa.Array, _Zipf], rng: np.random.Generator, rows: int, *, longest: int) -> pa.Array:
    values, zipf = vocabulary
    lengths = rng.integers(0, longest + 1, rows)
    # A value stands once in a row: what is drawn twice is dropped.
    keys = np.unique(np.repeat(np.arange(rows), lengths) * len(values) + zipf.draw(rng, int(lengths.sum())))
    ends = np.cumsum(np.bincount(keys // len(values), minlength=rows))
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values.take(pa.array(keys % len(values))))


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[1]))
