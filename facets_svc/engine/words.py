"""The words that many public models share, and what tells quickly which texts cannot hold a fragment."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc.engine.index import Mask, Rows
from facets_svc.lake.snapshot import Snapshot

Bits = npt.NDArray[np.uint8]
"""Masks, a bit a row, a line each."""

_GRAM: Final = 3
_KINDS: Final = 256
_BATCH_ROWS: Final = 65_536


class Words:
    """Which public models hold each of the words that many of them hold.

    A search term has no white space in it, so that it lies within a word: it is looked for in the few words, not in the
    many texts, which are left without them.
    """

    def __init__(self, snapshot: Snapshot, public: Rows) -> None:
        self._words: list[str] = []
        bits: list[Bits] = []
        with pq.ParquetFile(snapshot.index_file("words_public"), read_dictionary=["word"]) as file:
            mask = np.zeros(len(public), np.bool_)
            for batch in file.iter_batches():
                column = batch.column("word")
                rows = batch.column("rid").to_numpy()
                places = column.indices.to_numpy()
                # Sorted by word, then by row id: a word ends where the next begins, which may be in a later batch.
                for start, end in _runs(places):
                    word = column.dictionary[int(places[start])].as_py()
                    if not self._words or word != self._words[-1]:
                        if self._words:
                            bits.append(np.packbits(mask))
                            mask[:] = False
                        self._words.append(word)
                    mask[rows[start:end]] = True
            if self._words:
                bits.append(np.packbits(mask))
        self._bits = np.array(bits, np.uint8).reshape(len(bits), (len(public) + 7) // 8)

    def holding(self, term: str, rows: Rows) -> Mask:
        """Return which of `rows`, public models, hold a word that a term is part of."""
        held = [place for place, word in enumerate(self._words) if term in word]
        return _mask(np.bitwise_or.reduce(self._bits[held, _bytes_of(rows)], axis=0), rows)


class Grams:
    """Which texts may hold a fragment: those that hold each kind of three bytes that it holds.

    Three bytes are one of `_KINDS` kinds, by a hash. A text that lacks one of a fragment's cannot hold the fragment;
    one that has them all may, and has to be read.
    """

    def __init__(self, texts: pa.ChunkedArray) -> None:
        self._bits = np.zeros((_KINDS, (len(texts) + 7) // 8), np.uint8)
        for first in range(0, len(texts), _BATCH_ROWS):
            bits = _kinds_in(texts.slice(first, _BATCH_ROWS).combine_chunks())
            self._bits[:, first // 8 : first // 8 + bits.shape[1]] = bits

    def may_hold(self, fragment: str, rows: Rows) -> Mask:
        """Return which texts of `rows` may hold a fragment; all, if it is shorter than three bytes."""
        kinds = np.unique(_kinds(np.frombuffer(fragment.encode(), np.uint8)))
        if not len(kinds):
            return np.ones(len(rows), np.bool_)
        return _mask(np.bitwise_and.reduce(self._bits[kinds, _bytes_of(rows)], axis=0), rows)


def _kinds_in(texts: pa.StringArray) -> Bits:
    """Return, a line for each kind, which of some texts hold it."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    joined = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    kinds = _kinds(joined)
    rows = np.repeat(np.arange(len(texts)), np.diff(offsets))
    # What begins in one text and ends in the next is none.
    whole = rows[: len(kinds)] == rows[_GRAM - 1 :]
    held = np.zeros((_KINDS, len(texts)), np.bool_)
    held[kinds[whole], rows[: len(kinds)][whole]] = True
    return np.packbits(held, axis=1)


def _kinds(text: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Return the kind of each three bytes that follow one another."""
    wide = text.astype(np.uint32)
    factors = (np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35))
    first, second, third = (
        wide[place : len(wide) - _GRAM + 1 + place] * factor for place, factor in enumerate(factors)
    )
    kinds: npt.NDArray[np.uint32] = (first + second + third) >> np.uint32(24)
    return kinds


def _runs(places: npt.NDArray[np.integer]) -> list[tuple[int, int]]:
    """Return from where to where the same number follows itself."""
    bounds = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(places)]
    return [(start, end) for start, end in itertools.pairwise(bounds) if start < end]


def _bytes_of(rows: Rows) -> slice:
    """Return where the bits of some rows stand in a line."""
    return slice(rows.first // 8, (rows.end + 7) // 8)


def _mask(bits: Bits, rows: Rows) -> Mask:
    """Return the flags of some rows, given the bytes that hold their bits."""
    flags: Mask = np.unpackbits(bits).view(np.bool_)
    return flags[rows.first % 8 :][: len(rows)]
