"""Where rows may come from besides arrays and frames: files, Arrow streams, functions. Each gives chunks of rows.

A source knows what it is in `words`, what its columns are called (`names`, or None), whether it can be read `again`,
and gives, each time that `chunks(rows)` is called, an iterator over all of it from its beginning: a matrix or frame,
weights or None, and in words where this is. It may cut them to so many rows; what needs other cuts makes these itself.
Optional libraries are imported where they are used.
"""

import os
from itertools import chain
from pathlib import Path

import numpy as np

PARQUET, ARROW = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")
FILES = "Files of these kinds are read by pyarrow, which is not installed: pip install 'cyem[files]'."


def source(X, columns=None, weights=None):
    """The source that X is, or None where it is something else, such as an array or a frame.

    Parameters
    ----------
    X : object
    columns : list of str, optional
        Those to take, of what has names.
    weights : str, optional
        The column with the weights.

    Raises
    ------
    TypeError, ValueError
        For a file of another kind, or names where there are none.
    OSError
        For a file that cannot be read.
    ImportError
        Where the library is missing that reads such files.
    """
    found = _recognised(X)
    if columns is None and weights is None:
        return found
    if found is None or not hasattr(found, "take"):
        raise TypeError(f"columns and weights are names of columns, and {type(X).__name__} has none to choose from: "
                        "give a Parquet or Arrow file, a data set of pyarrow, or a relation of DuckDB.")
    return found.take(columns, weights)


def _recognised(X):
    kind = type(X)
    if isinstance(X, np.memmap):
        return Mapped(X)
    if isinstance(X, (str, os.PathLike)):
        return _file(Path(X))
    if isinstance(X, (list, tuple)) and X and all(isinstance(each, (str, os.PathLike)) for each in X):
        return Dataset(_dataset([Path(each) for each in X]))
    if kind.__module__.startswith("pyarrow._dataset") and hasattr(kind, "get_fragments"):
        return Dataset(X)
    if hasattr(kind, "__next__"):  # a reader of record batches too is a place in a stream
        return Once(X)
    if hasattr(kind, "__arrow_c_stream__") and not _frame(kind):
        return Stream(X)
    if callable(X) and not isinstance(X, type) and not hasattr(kind, "__array__") and not hasattr(kind, "__len__"):
        return Function(X)
    return None


def _frame(kind):
    """Whether such objects are frames, which have all their rows at hand; a relation of DuckDB has not."""
    return "duckdb" not in kind.__module__ and any(hasattr(kind, name) for name in ("columns", "column_names"))


def _file(path):
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return Npy(path)
    if path.is_dir() or suffix in PARQUET + ARROW:
        return Dataset(_dataset(path))
    path.stat()  # the error of the system for one that is not there
    raise ValueError(f"X is the file {str(path)!r}, and files are read here that end in .npy, "
                     f"{', '.join(PARQUET + ARROW)}, and folders of these. Read it into an array first.")


def _dataset(paths):
    """The data set of pyarrow that a file, a folder or several files are."""
    several = isinstance(paths, list)
    for path in paths if several else [paths]:
        path.stat()
    found = sorted(p for p in paths.rglob("*") if p.is_file()) if not several and paths.is_dir() else None
    files = paths if several else [paths] if found is None else found
    formats = {"parquet" if file.suffix.lower() in PARQUET else "ipc" if file.suffix.lower() in ARROW else file.suffix
               for file in files}
    if not files or not formats <= {"parquet", "ipc"} or len(formats) > 1:
        raise ValueError(f"X is {str(paths)!r}, which has {' and '.join(sorted(formats)) or 'no'} files: give Parquet "
                         "or Arrow IPC files, all of one kind.")
    try:
        import pyarrow.dataset
    except ImportError as error:
        raise ImportError(FILES) from error
    try:
        return pyarrow.dataset.dataset([str(file) for file in files], format=formats.pop())
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{str(paths)!r} cannot be read: {error}") from error


class Npy:
    """A matrix in NumPy's own file format."""

    again = fresh = True  # fresh: no chunk is in memory that somebody else may write to
    names = None

    def __init__(self, path):
        self.path, self.words = path, f"the file {str(path)!r}"
        with open(path, "rb") as file:
            try:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                self.shape, turned, self.dtype = read(file)
            except ValueError as error:
                raise ValueError(f"{str(path)!r} is no .npy file: {error}") from error
            self.offset = file.tell()
        if len(self.shape) != 2 or self.dtype.kind not in "biuf":
            raise ValueError(f"{str(path)!r} holds an array of shape {self.shape} and dtype {self.dtype}: give a "
                             "matrix of numbers, samples x features.")
        if turned and self.shape[1] > 1:
            raise ValueError(f"{str(path)!r} is stored column by column, and rows are read from it one after the "
                             "other: save it with numpy.ascontiguousarray.")

    def chunks(self, rows):
        n, d = self.shape
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            for begin in range(0, n, rows):
                size = min(rows, n - begin)
                block = np.fromfile(file, self.dtype, size * d)
                if len(block) < size * d:
                    raise ValueError(f"{str(self.path)!r} ends at row {begin + len(block) // d}, and its header tells "
                                     f"of {n} rows: it was cut short.")
                yield block.reshape(size, d), None, str(self.path)


class Mapped:
    """A memory map. Each part is mapped anew, so that what was read does not stay in the memory of this process."""

    again = fresh = True
    names = None
    words = "the memory map"

    def __init__(self, X):
        self.X = X

    def chunks(self, rows):
        X = self.X
        if X.ndim != 2:
            raise ValueError(f"Expected a 2D array, but X is a memory map of shape {X.shape}: give samples x features.")
        root = X
        while isinstance(root.base, np.ndarray):
            root = root.base
        whole = X.flags.c_contiguous and X.filename is not None and X.mode != "c"  # whose changes are in no file
        offset = root.offset + X.ctypes.data - root.ctypes.data if whole else 0
        step = X.strides[0]
        for begin in range(0, len(X), rows):
            size = min(rows, len(X) - begin)
            part = X[begin : begin + size]
            if whole:
                part = np.memmap(X.filename, X.dtype, "r", offset + begin * step, part.shape)
            yield np.array(part), None, self.words


class Dataset:
    """A data set of pyarrow: files, or parts of these that are read one after the other."""

    again = True

    def __init__(self, dataset, columns=None, weights=None):
        self.dataset, self.weights = dataset, weights
        self.names = _chosen(dataset.schema, columns, weights)
        files = getattr(dataset, "files", None) or ["the data set"]
        self.words = f"the file {files[0]!r}" if len(files) == 1 else f"{len(files)} files from {files[0]!r} on"

    def take(self, columns, weights):
        return Dataset(self.dataset, columns, weights)

    def chunks(self, rows):
        wanted = [*self.names, *([self.weights] if self.weights else [])]
        for fragment in self.dataset.get_fragments():
            path = getattr(fragment, "path", "the data set")
            parts = fragment.split_by_row_group() if hasattr(fragment, "split_by_row_group") else [fragment]
            for i, part in enumerate(parts):
                where = f"{path}, row group {i}" if len(parts) > 1 else path
                # with few batches on their way, as the next ones are asked for while these are summed
                for batch in part.to_batches(columns=wanted, batch_size=rows, batch_readahead=1, fragment_readahead=1):
                    yield *_split(batch, self.names, self.weights), where


class Stream:
    """Anything that gives an Arrow stream of its rows whenever it is asked, such as a relation of DuckDB."""

    again = True

    def __init__(self, X, columns=None, weights=None):
        self.X, self.weights = X, weights
        self.names = _chosen(self._reader().schema, columns, weights)
        self.words = f"the {type(X).__name__}"

    def take(self, columns, weights):
        return Stream(self.X, columns, weights)

    def _reader(self):
        try:
            import pyarrow
        except ImportError as error:
            raise ImportError("Arrow streams are read by pyarrow, which is not installed: pip install 'cyem[files]'."
                              ) from error
        return pyarrow.RecordBatchReader.from_stream(self.X)

    def chunks(self, rows):
        for batch in self._reader():
            for begin in range(0, batch.num_rows, rows):
                yield *_split(batch.slice(begin, rows), self.names, self.weights), self.words


class Function:
    """A function without arguments that returns an iterator over chunks, each X or (X, weights)."""

    again = True
    names = None

    def __init__(self, function):
        self.function = function
        self.words = f"the function {getattr(function, '__name__', function)!s}"

    def chunks(self, rows):
        try:
            chunks = iter(self.function())
        except TypeError as error:
            raise TypeError(f"X is {self.function!r}, which must be a function without arguments that returns a new "
                            "iterator over chunks of rows, X or (X, weights), whenever it is called: "
                            f"{error}") from error
        yield from _numbered(chunks)


class Once:
    """An iterator over chunks: it comes to its end, and then there is nothing left to ask."""

    again = False
    names = None
    words = "an iterator"

    def __init__(self, iterator):
        self.numbered = _numbered(iterator)

    def chunks(self, rows):
        while (chunk := next(self.numbered, None)) is not None:  # `yield from` would end it with this look at it
            yield chunk

    def put_back(self, chunk):
        """Have a chunk come once more."""
        self.numbered = chain([chunk], self.numbered)


def _numbered(chunks):
    """Chunks (X, weights, where) of X or (X, weights)."""
    for i, chunk in enumerate(chunks):
        if isinstance(chunk, tuple):
            if len(chunk) != 2:
                raise ValueError(f"Chunk {i}, counted from 0, is a tuple of {len(chunk)}: give X, or (X, weights).")
            yield *chunk, f"chunk {i}"
        else:
            yield chunk, None, f"chunk {i}"


def _chosen(schema, columns, weights):
    """The names of the columns that are features: of those that pandas has written, not the index."""
    there, index = schema.names, (schema.pandas_metadata or {}).get("index_columns", ())
    if isinstance(columns, str):
        raise TypeError(f"columns={columns!r} must be a list of names: [{columns!r}].")
    wanted = list(columns) if columns is not None else [name for name in there if name != weights and name not in index]
    missing = [name for name in chain(wanted, [weights] if weights else []) if name not in there]
    if missing:
        raise ValueError(f"There is no column {missing[0]!r}; there are {', '.join(map(repr, there))}.")
    if not wanted:
        raise ValueError("X has no columns: name one at least.")
    return wanted


def _split(batch, names, weights):
    """A record batch as features and weights."""
    w = None if weights is None else batch.column(weights).to_numpy(zero_copy_only=False)
    return (batch if batch.schema.names == names else batch.select(names)), w
