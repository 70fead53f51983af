"""Rows that are read again for each pass, from their source: in blocks of equal size, however the source cuts them."""

from __future__ import annotations

import numbers
from _thread import start_new_thread
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from . import data
from .blockwise import Blockwise
from .chunks import Chunks
from .sources import source
from .streamed import Streamed
from .survey import Survey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .types import Source

HELD = 1 << 25  # bytes of rows that are taken into memory at once, where they are no more
BLOCK = 1 << 23  # bytes of a block: a pass over it takes longer than its calls, and a few of them are little memory
WHOLE = 1536  # rows that a block has a multiple of: whole tiles of samples, in whole groups
PART = 1 << 24  # bytes of the random part that starts are looked for in
LEAST = 2000  # rows that this has at least
KEPT = 1 << 24  # bytes of sums over whole blocks that are kept
NAMED = 5  # columns that are named where a scan is printed
AHEAD = 2  # blocks that are read before they are asked for


def scan(X: Source, *, columns: Sequence[str] | None = None, weights: str | None = None, memory: int = HELD) -> Scan:
    """Rows that stay where they are: each pass of a fit reads them again, and memory holds a few blocks of them.

    Estimators take the same sources as X directly; this is for those who choose columns, or the memory.

    A Dask array or dataframe needs no scan: it is taken as it is, and stays on the workers of the cluster.

    Parameters
    ----------
    X : path, list of paths, or object
        A ``.npy`` file, or a memory map; a Parquet or Arrow IPC file, a folder of these, a list of files, a
        `pyarrow.dataset.Dataset`; an object with ``__arrow_c_stream__``, such as a relation of DuckDB; a function
        without arguments that returns a new iterator over chunks of rows, X or (X, weights), whenever it is called; an
        iterator, which can be read once and so must fit into memory.
    columns : list of str, default=None
        The features, of what has named columns, in this order; None: all but the weights, and an index that
        pandas has written.
    weights : str, default=None
        The column that says how often each row counts.
    memory : int, default=2**25
        Bytes up to which rows are taken into memory at once, where fits go faster.

    Returns
    -------
    Scan
        What `fit`, `score`, `predict`, `select` and others take as X.

    Raises
    ------
    TypeError, ValueError
        For what is no such source, and columns that do not exist.
    OSError
        For a file that cannot be read.
    ImportError
        Where the library is missing that reads such files.

    See Also
    --------
    GaussianMixture.fit : Takes what this gives, and sources as they are.
    GaussianMixture.partial_fit : For rows that can be read only once.

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import GaussianMixture, scan
    >>> def chunks():
    ...     rng = np.random.default_rng(0)  # the same rows each time
    ...     for centre in [-4.0, 4.0] * 50:
    ...         yield rng.normal(centre, 1.0, (200, 1))
    >>> model = GaussianMixture(2, random_state=0).fit(scan(chunks, memory=0))
    >>> np.sort(model.means_.round(1).ravel())
    array([-4.,  4.])
    """
    if not isinstance(memory, numbers.Real) or not memory >= 0:
        raise ValueError(f"memory must be a number of bytes >= 0, got {memory!r}.")
    found = source(X, columns, weights)
    if found is None:
        raise TypeError(f"X is a {type(X).__name__}, which is no source of rows that are read block by block: give a "
                        "path, a memory map, a data set of pyarrow, an Arrow stream, or a function that returns an "
                        "iterator over chunks.")
    return Scan(found, memory)


class Block(NamedTuple):
    """Some rows on their way."""

    X: np.ndarray
    weights: np.ndarray | None
    begin: int  # rows before


class First(NamedTuple):
    """What the first rows show of all of them."""

    names: np.ndarray | None
    width: int
    dtype: np.dtype
    weighted: bool  # whether the source gives weights


class Scan(Streamed):
    """Rows of a source: what `scan` returns."""

    where, instead = "read block by block", ", or scan({}, memory=...) with memory enough"

    def __init__(self, source, memory=HELD):
        self.source, self.memory = source, memory
        self._first = self._survey = self._array = self._part = self._rows = None

    def __repr__(self):
        """What is known so far: nothing is read for it."""
        rows = "rows not yet counted" if self._survey is None else f"{len(self):,} rows"
        if self._first is None:
            names, more = getattr(self.source, "names", None), []
            columns = "columns not yet seen" if names is None else f"{len(names)} columns"
        else:
            names, more = self.column_names, [str(self.dtype), f"in blocks of {self.size:,} rows"]
            columns = f"{self.width} columns"
        if names is not None:
            columns += f" ({', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''})"
        return f"Scan({self.source.words}: {', '.join([rows, columns, *more])})"

    @property
    def _choose(self):
        """How columns are chosen."""
        return "scan(X, columns={})" if hasattr(self.source, "take") else "X[{}] in each chunk"

    @property
    def size(self):
        """Rows of a block: the same for the same rows, whatever source they have."""
        return max(1, BLOCK // (WHOLE * self.width * self.dtype.itemsize)) * WHOLE

    @property
    def first(self):
        if self._first is None:
            chunks = self.source.chunks(WHOLE)
            for chunk in chunks:
                if not self.source.again:
                    self.source.put_back(chunk)
                X, weights, where = chunk
                if len(X):
                    matrix = checked(X, _place(where, 0), self._choose)
                    self._first = First(data.feature_names(X), matrix.shape[1], matrix.dtype, weights is not None)
                    break
            chunks.close()
            if self._first is None:
                raise ValueError(f"X is empty: {self.source.words} gives no rows."
                                 + ("" if self.source.again else " It can be read only once: was it before?"))
        return self._first

    @property
    def survey(self):
        """What a look at all of the rows finds, which is one pass; those of weight zero are not there."""
        if self._survey is None:
            self._look()
        return self._survey

    def held(self):
        """The rows in memory, where they have a place there and no weights of their own; else None.

        Raises
        ------
        ValueError
            For rows that can be read only once, and have none.
        """
        self.survey  # noqa: B018
        return self._array

    def _look(self):
        survey, kept, bytes_kept = None, [], 0
        for X, weights, _ in self.blocks():
            one = Survey.of(X, weights)
            survey = one if survey is None else survey + one
            if kept is not None:
                kept.append(X)
                bytes_kept += X.nbytes
                if bytes_kept > self.memory or weights is not None:
                    kept = None
            if kept is None and not self.source.again:
                raise ValueError(
                    f"X is {self.source.words}, which can be read only once, and a fit reads rows again for each "
                    f"pass, unless they have no weights and are at most {self.memory} bytes. Give a function that "
                    "returns a new iterator whenever it is called, or write the rows to a file; or let them have "
                    "memory: scan(X, memory=...).")
        if survey is None:
            raise ValueError("X has no row of positive weight: at least one must be.")
        survey.check(self.column_names)
        if kept is not None:
            self._array = np.concatenate(kept)
            self.source = Array(self._array, self.column_names)
        self._survey = survey

    def blockwise(self, seen_by):
        """What evaluates the rows, from a function that gives what evaluates some of them in memory."""
        return Blockwise(seen_by)

    def map(self, function, of_rows=None):
        """What a function of rows and their weights, or None, gives for each block.

        of_rows: an array with something for each row, of which the function is given that of its own besides.
        """
        for X, weights, begin in self.blocks():
            yield function(X, weights, *(() if of_rows is None else (of_rows[begin : begin + len(X)],)))

    def blocks(self):
        """The rows, in blocks of equal size, read ahead of whoever asks for them."""
        return ahead(self._cut())

    def batches(self):
        """The rows once, in the order in which they come, as few together as are worth a step, and their weights."""
        for X, weights, _ in self.blocks():
            for begin in range(0, len(X), WHOLE):
                rows = slice(begin, begin + WHOLE)
                yield Array(X[rows], self.column_names), None if weights is None else weights[rows]

    def _cut(self):
        """Blocks, however the source cuts the rows."""
        size, dtype, begin, out, filled = self.size, self.dtype, 0, None, 0
        for X, weights in self._checked():
            place = 0
            while place < len(X):
                left = len(X) - place
                if out is None and left >= size:
                    rows = slice(place, place + size)
                    yield Block(X[rows].astype(dtype, copy=False), None if weights is None else weights[rows], begin)
                    place, begin = place + size, begin + size
                    continue
                if out is None:
                    out, filled = (np.empty((size, X.shape[1]), dtype), None if weights is None else np.empty(size)), 0
                take = min(left, size - filled)
                out[0][filled : filled + take] = X[place : place + take]
                if weights is not None:
                    out[1][filled : filled + take] = weights[place : place + take]
                place, filled = place + take, filled + take
                if filled == size:
                    yield Block(*out, begin)
                    begin, out = begin + size, None
        if out is not None:
            yield Block(out[0][:filled], None if out[1] is None else out[1][:filled], begin)

    def _checked(self):
        """Chunks of the source that are all alike, with positive weights, or None for ones."""
        first, given, row = self.first, self.sample_weight, 0
        each = isinstance(given, np.ndarray)
        for X, weights, where in self.source.chunks(self.size):
            if not len(X):
                continue
            place = _place(where, row)
            matrix = checked(X, place, self._choose)
            alike(First(data.feature_names(X), matrix.shape[1], matrix.dtype, weights is not None), first, place)
            if matrix is X and not getattr(self.source, "fresh", False):
                matrix = X.copy()  # whoever made it may write the next chunk there
            n, row = len(matrix), row + len(matrix)
            if given is not None and weights is not None:
                raise ValueError("sample_weight is given beside rows that come with weights: give one of them.")
            if each:
                if row > len(given):
                    raise ValueError(f"sample_weight.shape == {given.shape}, and X has more rows: give one weight for "
                                     "each.")
                weights = given[row - n : row]
            elif given is not None:
                weights = np.full(n, given)
            elif weights is not None:
                weights = located(data.nonnegative, place, weights, n)
            if weights is not None and not weights.all():
                matrix, weights = matrix[weights > 0], weights[weights > 0]
            if len(matrix):
                yield matrix, weights
        if each and row != len(given):
            raise ValueError(f"sample_weight.shape == {given.shape}, and X has {row} rows: give one weight for each.")
        if self._rows is not None and row != self._rows:
            raise ValueError(f"X had {self._rows} rows at first, and now has {row}: {self.source.words} must give "
                             "the same rows each time it is read.")
        self._rows = row

    def _weighted(self, sample_weight):
        return self._copy(sample_weight=sample_weight, _survey=None, _array=None, _part=None)

    def rows(self, frame, n_threads):
        """Passes over them; what blocks sum to is kept where it is little."""
        little = -(-len(self) // self.size) * (3 + self.width + self.width**2) * 8 <= KEPT
        return Chunks(self, frame, n_threads, {} if little else None)

    def double(self):
        """The same rows in double precision."""
        return self._copy(_dtype=np.dtype(np.float64), _array=None, _part=None)

    @property
    def looked(self):
        """A random part of the rows, and its weights, in memory: each row with the same chance, in their order."""
        if self._part is None:
            share = max(LEAST, PART // (self.width * self.dtype.itemsize)) / len(self)
            rng, parts = np.random.default_rng(self.seed), []
            for X, weights, _ in self.blocks():
                there = rng.random(len(X)) < share if share < 1 else slice(None)
                parts.append((X[there], None if weights is None else weights[there]))
            X, weights = zip(*parts, strict=True)
            self._part = np.concatenate(X), None if weights[0] is None else np.concatenate(weights)
        return self._part


class Array:
    """Rows in memory as a source, in the place of one that these were read from: one chunk, which has its names."""

    again = fresh = True
    words = "rows in memory"
    column_names = None  # as of a frame, which is told by its type

    def __init__(self, X, column_names):
        self.X, self.column_names = X, column_names

    def __len__(self):
        return len(self.X)

    def in_memory(self, name):
        return self.X

    def chunks(self, rows):
        yield self, None, "X"


def ahead(items):
    """What an iterator gives, made by a thread of its own that is a few items ahead of whoever asks."""
    asked, made, over = SimpleQueue(), SimpleQueue(), []

    def work():
        last = None
        try:
            while asked.get() and not over:
                item = next(items, None)
                if item is None:
                    break
                made.put((item, None))
            items.close()
        except BaseException as error:
            last = error
        made.put((None, last))

    for _ in range(AHEAD):
        asked.put(True)
    try:
        start_new_thread(work, ())
    except RuntimeError:  # the system gives no thread more: the same items, one after the other
        yield from items
        return
    try:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is None:
                return
            asked.put(True)
            yield item
    finally:
        over.append(True)
        asked.put(False)


def _place(where, row):
    """Where some rows are, in words."""
    return f"{where}, from row {row} of X on"


def checked(X, place, choose):
    """A chunk as a matrix; the place that it has in its source is in what errors say, and how columns are chosen."""
    try:
        return located(lambda: data.observed(X)[0], place)
    except (TypeError, ValueError) as error:
        numbers = data.columns_of_numbers(X)
        if not numbers or len(numbers) == X.shape[1]:
            raise
        raise type(error)(f"{error}. Choose columns of numbers: {choose.format(numbers)}.") from error


def located(check, place, *arguments):
    """What a check gives, or raises, with the place."""
    try:
        return check(*arguments)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{place}: {error}") from error


def alike(found, first, place):
    """Raise ValueError where a chunk is of another kind than the first one."""
    said = f"{place}, has"
    if found.width != first.width:
        raise ValueError(f"{said} {found.width} features, and the rows before have {first.width}: all must have the "
                         "same.")
    if (found.names is None) != (first.names is None) or not (found.names is None
                                                             or np.array_equal(found.names, first.names)):
        raise ValueError(f"{said} columns named {_names(found)}, and those of the rows before are named "
                         f"{_names(first)}: all must have the same.")
    if found.dtype != first.dtype:
        raise ValueError(f"{said} numbers of {found.dtype}, and the rows before of {first.dtype}: convert one of them.")
    if found.weighted != first.weighted:
        raise ValueError(f"{said} {'' if found.weighted else 'no '}weights, and the rows before have "
                         f"{'them' if first.weighted else 'none'}: give them for all rows, or none.")


def _names(first):
    return "nothing" if first.names is None else ", ".join(map(repr, first.names.tolist()))
