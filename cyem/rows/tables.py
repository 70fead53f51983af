"""Tables of numbers in files: text in whatever dialect, NumPy's .npy, and with the extra `files` what others write."""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import math
import re
import shlex
import zlib
from array import array
from collections import Counter
from itertools import chain, islice
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from . import dialect, library
from .dialect import Told
from .fields import COMMA, POINT, affixed

MOST = 20  # complaints that are told
HEAD = 1 << 18  # bytes that tell how a file is written
COMPRESSED = ((b"\x1f\x8b", gzip.decompress), (b"BZh", bz2.decompress), (b"\xfd7zXZ\0", lzma.decompress),
              (library.ZSTANDARD, library.decompressed))
NO_TABLE = (  # what files begin with that are no tables, what these are, and what to do
    (rb"\s*[\[{]\s*[\[{\"]", "JSON", "write it as CSV"),
    (rb"(?i)\s*<(!doctype|!--|\?xml|html|head|body|table|svg)", "HTML or XML", "save the table in it as CSV"),
    (rb"%PDF", "a PDF", "copy the table in it into a spreadsheet, and save it as CSV"),
    (rb"\xd0\xcf\x11\xe0", "an Excel file of the old kind (.xls)", "save it as .xlsx or CSV"),
    (rb"SQLite format 3", "a database", "export the table as CSV"),
    (rb"(?i)@relation", "ARFF", "write the rows under @data as CSV"),
    (rb"RD[AX][0-9]\n|[AXB]\n\0\0", "an R data file", "write it by write.csv"),
    (rb"\x80[\x02-\x05]", "a pickle", "which may run code when it is read; write CSV instead"),
)
MAGIC = b"\x93NUMPY"
LENGTHS = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}  # versions of .npy: bytes for the length of the header
LONGEST = 1 << 14  # bytes that it may have: that of a table has a hundred
HEADER = re.compile(  # of a table, in Python: a dict of three entries in any order
    r"""\{ (?: \s*+ (?:
        (?P<q>['"]) descr (?P=q) \s*+ : \s*+ (?P<r>['"]) (?P<kind>[<>=|]?[biuf]\d{1,2}) (?P=r)
        | (?P<s>['"]) fortran_order (?P=s) \s*+ : \s*+ (?P<turned>True|False)
        | (?P<t>['"]) shape (?P=t) \s*+ : \s*+ \( \s*+ (?P<rows>SIZE) \s*+ , \s*+ (?P<columns>SIZE) \s*+ ,? \s*+ \)
    ) \s*+ (?: , | (?=\}) ) )* \s*+ \}""".replace("SIZE", r"(?:0|[1-9]\d{0,17})L?"),
    re.VERBOSE | re.ASCII,
)


class Table(NamedTuple):
    """What was read.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_columns)
        float64, or what the .npy file holds; NaN where a value is missing.
    names : tuple of str or None
        Names of the columns of X, None without a header.
    header : tuple of str or None
        Names of all columns of the file.
    kept : dict
        Columns that were to be kept as they stand: their indices in the file, and lists of text.
    notes : tuple of str
        How the file was taken, where that is not plain.
    """

    X: np.ndarray
    names: tuple | None
    header: tuple | None
    kept: dict
    notes: tuple


class WrongTable(ValueError):
    """All that is wrong with a file.

    Attributes
    ----------
    lines : tuple of str
        Each complaint, with its cure.
    """

    def __init__(self, *lines):
        super().__init__("; also ".join(lines))
        self.lines = lines


def read(source, choose=None, told=Told()):  # noqa: B008 - which is never changed
    """Read a table of numbers.

    How a text table is written is found from its first lines (`cyem.rows.dialect`), unless it is told. Empty lines are
    skipped.

    Parameters
    ----------
    source : str or path
        File name; "-" is the standard input.
    choose : callable, optional
        Called as ``choose(names, width, other)`` with the header (a tuple of str, or None), the number of columns, and
        a dict of those that hold no numbers in the first lines: their indices, and what they hold ("text",
        "identifiers", "dates", "empty"). It returns the indices of the columns to read as numbers; or these, and those
        of columns to keep as text. By default all columns are numbers.
    told : Told
        What is known of how it is written.

    Returns
    -------
    Table

    Raises
    ------
    OSError
        If the file cannot be read.
    WrongTable
        If there are complaints about its rows.
    ValueError
        If it is no table, empty, may be read in two ways, or if `choose` does not find its columns.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from cyem.rows import tables
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "points.csv")
    ...     _ = path.write_text("x;y\\n1,5;2\\n3;4\\n")
    ...     X, names, *_ = tables.read(path)
    >>> X.tolist(), names
    ([[1.5, 2.0], [3.0, 4.0]], ('x', 'y'))
    """
    choose = choose or (lambda names, width, other: range(width))
    standard_input = str(source) == "-"
    name = "standard input" if standard_input else source
    with open(0, "rb", closefd=False) if standard_input else open(source, "rb") as file:
        try:
            return _read(file, choose, told)
        except UnicodeDecodeError as error:
            problem = (f"not {error.encoding} text ({error.reason}: {error.object[error.start : error.end][:8]!r}); "
                       "--encoding says what it is written in")
        except WrongTable as error:
            raise WrongTable(*(f"{name}: {line}" for line in error.lines)) from None
        except csv.Error as error:
            problem = f"its fields cannot be told apart: {error}; {dialect.ADVICE}"
        except ValueError as error:
            problem = error
        except OSError as error:
            error.filename = name
            raise
    raise ValueError(f"{name}: {problem}")


def _read(file, choose, told):
    start = file.peek(HEAD)[:HEAD] if hasattr(file, "peek") else b""
    for magic, decompressed in COMPRESSED:
        if start.startswith(magic):
            try:
                file = io.BytesIO(decompressed(file.read()))
            except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, OSError) as error:
                raise ValueError(f"it is damaged: {error}") from None
    if not file.seekable():
        file = io.BytesIO(file.read())
    head = file.read(HEAD)
    file.seek(0)
    if head.startswith(MAGIC):
        return _read_array(file, choose)
    frame = library.frame(head, file)
    if isinstance(frame, bytes):
        file, head, told = io.BytesIO(frame), frame[:HEAD], told._replace(separator=",", encoding="utf-8")
    elif frame is not None:
        return _of_frame(frame, choose)
    for pattern, kind, advice in NO_TABLE:
        if re.match(pattern, head):
            raise ValueError(f"this is {kind}, and no table: {advice}")
    encoding, note = dialect.encoding(head, told.encoding)
    decode = codecs.getincrementaldecoder(encoding)().decode
    whole = len(head) < HEAD
    found = dialect.found(decode(head, whole), told, whole)
    if note:
        found = found._replace(notes=(note, *found.notes))
    return _read_text(file, encoding, found, choose)


def columns(names, width, keep=(), drop=()):
    """Indices of the columns of a table that `keep` and `drop` leave.

    Parameters
    ----------
    names : tuple of str or None
        The header.
    width : int
        Number of columns.
    keep, drop : iterable of str
        Each entry is a name, a number counted from 1, a range such as "2-5", or several of these with commas between.
        Without `keep`, all columns are kept; with it, they come in its order.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If a column does not exist, if a name stands for several columns, or if none is left.

    Examples
    --------
    >>> from cyem.rows import tables
    >>> tables.columns(("a", "b", "c"), 3, drop=["b"])
    [0, 2]
    """
    kept = list(chain.from_iterable(_find(entry, names, width) for entry in keep)) if keep else range(width)
    dropped = set(chain.from_iterable(_find(entry, names, width) for entry in drop))
    left = [column for column in dict.fromkeys(kept) if column not in dropped]
    if not left:
        raise ValueError(f"no column is left of {width}: keep some")
    return left


def _find(entry, names, width):
    """Indices that one entry of `keep` or `drop` stands for; a name goes before a number."""
    named = [i for i, name in enumerate(names or ()) if name == entry]
    if len(named) > 1:
        numbers = " and ".join(str(i + 1) for i in named)
        raise ValueError(f"column {entry!r} is ambiguous: columns {numbers} have this name; give the number")
    if named:
        return named
    parts = next(csv.reader([entry], skipinitialspace=True), [])
    if len(parts) > 1:
        return list(chain.from_iterable(_find(part.strip(), names, width) for part in parts))
    first, _, last = entry.partition("-")
    if first.isdecimal() and (last.isdecimal() or entry == first):
        first, last = int(first), int(last or first)
        if 1 <= first <= last <= width:
            return list(range(first - 1, last))
    there = ", ".join([*map(repr, names[:12]), *["..."] * (width > 12)]) if names else "they have no names"
    raise ValueError(f"column {entry!r} does not exist; there are columns 1 to {width}: {there}")


def _read_array(file, choose):
    """The array of a .npy file. Its header is Python, of which no more is understood than a table needs."""
    file = file if file.seekable() else io.BytesIO(file.read())  # a pipe does not say how much there is
    version = file.read(8)[len(MAGIC) :]
    if version not in LENGTHS:
        raise ValueError(f"no .npy file, or one of a version that is not known: {version!r}")
    length = int.from_bytes(file.read(LENGTHS[version]), "little")
    header = file.read(min(length, LONGEST)).decode("latin-1").strip(" \t\r\n\f")
    found = HEADER.fullmatch(header)
    if found is None or None in found.groups() or length > LONGEST:
        raise ValueError(f"no .npy file of numbers in rows and columns: its header is {header[:200]!r}")
    kind, turned, *shape = found.group("kind", "turned", "rows", "columns")
    try:
        dtype = np.dtype(kind)
    except TypeError:
        raise ValueError(f"there is no type of numbers {kind!r}, which its header names") from None
    shape = tuple(int(size.rstrip("L")) for size in shape)
    start, end = file.tell(), file.seek(0, io.SEEK_END)
    size = math.prod(shape) * dtype.itemsize
    if not 0 < size <= end - start:
        raise ValueError(f"the file is {'truncated' if size else 'empty'}: by its header it holds {shape[0]} x "
                         f"{shape[1]} numbers, {size} bytes, and there are {end - start}")
    file.seek(start)
    X = np.frombuffer(file.read(size), dtype).reshape(shape, order="F" if turned == "True" else "C")
    chosen, kept = _chosen(choose, None, shape[1], ())
    texts = {column: list(map(repr, X[:, column].tolist())) for column in kept}
    return Table(X if chosen == list(range(shape[1])) else X[:, chosen], None, None, texts, ())


def _of_frame(frame, choose):
    """The table of a frame of Polars."""
    forms = library.columns(frame)
    chosen, kept = _chosen(choose, tuple(frame.columns), frame.width, forms)
    X = np.empty((frame.height, len(chosen)))
    for place, j in enumerate(chosen):
        name = frame.columns[j]
        values = library.column(frame[name], forms[j])
        if values is None:
            raise ValueError(f"column {j + 1} ({name}) holds text that is no number; --drop {shlex.quote(name)} leaves "
                             "it out")
        if np.isinf(values).any():
            raise ValueError(f"row {int(np.isinf(values).argmax()) + 1}, column {j + 1} ({name}) is not finite")
        X[:, place] = values
    if not frame.height:
        raise ValueError("the file is empty")
    texts = {j: ["" if value is None else str(value) for value in frame[frame.columns[j]].to_list()] for j in kept}
    return Table(X, tuple(frame.columns[j] for j in chosen), tuple(frame.columns), texts, ())


def _read_text(file, encoding, found, choose):
    """The table of a text file: by Polars, if it finds nothing wrong, else row by row, which says what."""
    chosen, kept = _chosen(choose, found.names, found.width, found.forms)
    read = library.text(file, encoding, found, chosen, kept)
    if read is None:
        file.seek(0)
        read = _row_by_row(io.TextIOWrapper(file, encoding=encoding), found, chosen, kept)
    X, texts = read
    names = tuple(found.names[column] for column in chosen) if found.names else None
    return Table(X, names, found.names, dict(zip(kept, texts, strict=True)), found.notes)


def _chosen(choose, names, width, forms):
    """The columns to read as numbers, and those to keep as text."""
    other = {j: form.kind for j, form in enumerate(forms) if form.kind != "numbers"}
    chosen = choose(names, width, other)
    chosen, kept = chosen if isinstance(chosen, tuple) else (chosen, ())
    if not (chosen := list(chosen)):
        raise ValueError("no column of numbers was chosen")
    return chosen, list(kept)


def _row_by_row(file, found, chosen, kept):
    """Numbers and texts of a text file, as Python's `csv` tells its fields apart; an error says all that is wrong."""
    reader = found.reader(found.lines(file))
    rows = ((reader.line_num, row) for row in reader if len(row) > 1 or "".join(row).strip())
    first_line = next(((line, row) for line, row in islice(rows, found.records, None)), None)
    if first_line is None:
        raise ValueError("no row of numbers under the header")
    forms = [found.forms[column] for column in chosen]
    plain = all(form.nearly_plain for form in forms)
    comma = any(form.decimal == COMMA for form in forms)
    pick = itemgetter(*chosen) if len(chosen) > 1 else lambda row: (row[chosen[0]],)
    values, texts, wrong = array("d"), [[] for _ in kept], Complaints(found, chosen)
    n = 0
    for n, (line, row) in enumerate(chain([first_line], rows), 1):
        if len(row) != found.width:
            wrong.width(n, line, len(row))
            continue
        fields = pick(row)
        try:
            sound = plain and not (comma and any(POINT in field for field in fields))
            numbers = list(map(float, [field.replace(COMMA, POINT) for field in fields] if comma else fields))
            sound = sound and math.isfinite(sum(numbers)) and "_" not in "".join(fields)
        except ValueError:
            sound = False
        if not sound:
            numbers = []
            for column, form, field in zip(chosen, forms, fields, strict=True):
                value = None if form.is_missing(field) else form.number(field)
                if (value is None or not math.isfinite(value)) and (problem := form.problem(field)):
                    wrong.field(n, line, column, field, problem)
                numbers.append(math.nan if value is None else value)
        values.fromlist(numbers)
        if kept:
            for column, text in zip(kept, texts, strict=True):
                text.append(row[column])
    wrong.tell(n)
    return np.frombuffer(values).reshape(n, len(chosen)), texts


class Complaints:
    """All that is wrong with the rows of a file, with the options that cure it."""

    def __init__(self, found, chosen):
        self.found = found
        self.ragged, self.first_ragged, self.whole = 0, "", 0  # how many, the first in words, the rows before it
        self.columns = {column: [] for column in chosen}  # the first problem, and then the fields

    def width(self, n, line, width):
        """A row of another number of columns."""
        self.ragged += 1
        if self.ragged == 1:
            self.first_ragged = f"row {n} (line {line}) has {width} columns, the first line has {self.found.width}"
            self.whole = n - 1

    def field(self, n, line, column, field, problem):
        """A field that is no number."""
        name = f" ({self.found.names[column]})" if self.found.names else ""
        if not (said := self.columns[column]):
            said.append(f"row {n} (line {line}), column {column + 1}{name}: {problem}")
        said.append(field.strip())

    def tell(self, n):
        """Raise ValueError if there is something wrong with the n rows."""
        lines = []
        if self.ragged:
            at_the_end = self.ragged > 1 and self.whole + self.ragged == n
            cure = ("--separator says what stands between columns, --skip how many lines are none" if not at_the_end
                    else "if the table ends before it, leave out what follows in the file")
            more = f", and other numbers of columns have {self.ragged - 1:,} more" if self.ragged > 1 else ""
            lines.append(f"{self.first_ragged}{more}; {cure}")
        for column, (said, *fields) in ((column, own) for column, own in self.columns.items() if own):
            more = f", nor are {len(fields) - 1:,} more" if len(fields) > 1 else ""
            lines.append(f"{said}{more}; {self._cure(column, Counter(fields))}")
        if lines[MOST:]:
            lines[MOST:] = [f"{len(lines) - MOST} more columns hold something else than numbers"]
        if lines:
            raise WrongTable(*lines)

    def _cure(self, column, fields):
        """The option that helps a column."""
        form, some = self.found.forms[column], [field for field, _ in fields.most_common(3)]
        name = self.found.names[column] if self.found.names and self.found.names[column] else str(column + 1)
        drop = f"--drop {shlex.quote(name)} leaves the column out"
        digits = any(map(str.isdigit, some[0]))
        if digits and form.decimal == "." and "," in some[0] and not form.thousands:
            return f"write decimals with a point, or --decimal , or --thousands , says what the comma is; {drop}"
        if digits and form.decimal == "," and "." in some[0]:
            return f"decimals have a comma here, which --decimal . changes; {drop}"
        if any(affixed(field) for field in some):
            return f"numbers with different units are not compared: convert them, or {drop}"
        if len(fields) <= 3 and all(len(field) < 20 for field in some):
            return f"{' '.join(f'--missing {shlex.quote(field)}' for field in some)} takes it for missing, {drop}"
        return drop
