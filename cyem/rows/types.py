"""What public arguments and results are, for type checkers and editors, which read this; nothing imports it to run."""

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Reals: TypeAlias = NDArray[np.floating[Any]]  # of the data's precision
Integers: TypeAlias = NDArray[np.intp]
Booleans: TypeAlias = NDArray[np.bool_]

FileName: TypeAlias = str | PathLike[str]
Feature: TypeAlias = int | str
Features: TypeAlias = Feature | Sequence[Feature] | NDArray[np.integer[Any]]
RandomState: TypeAlias = int | np.random.RandomState | np.random.Generator | None
Progress: TypeAlias = bool | Callable[[int, int, float], object] | None


class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class _Streamed(Protocol):  # what `cyem.scan` returns
    def in_memory(self, name: str) -> Any: ...


class _Dataset(Protocol):
    def get_fragments(self) -> Iterator[Any]: ...


Source: TypeAlias = (  # of rows that are read block by block, as `rows/sources.py` recognises them
    FileName | Sequence[FileName] | _ArrowStream | _Dataset | Iterator[Any] | Callable[[], Iterator[Any]]
    | np.memmap[Any, Any]
)
Rows: TypeAlias = ArrayLike | Source | _Streamed
