"""Numeric tables in files: text with `,` `;` tab or blanks between the columns, or NumPy's .npy; read as one array."""

import csv
import io
import math
import re
from array import array
from collections import Counter
from itertools import chain, islice
from operator import itemgetter

import numpy as np

SEPARATORS = ("\t", ";", ",", " ")  # in order of preference where several fit equally well
SAMPLE = 50  # lines that decide about the separator
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?", "-", "."))
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


def read(source, choose=None):
    """Read a table of numbers.

    A text table is UTF-8, with or without a byte order mark, one row per line; the separator and whether the first line
    is a header are found from its first lines, and fields may be quoted. Empty lines are skipped.

    Parameters
    ----------
    source : str or path
        File name; "-" is the standard input.
    choose : callable, optional
        Called as ``choose(names, width, text)`` with the header (a tuple of str, or None), the number of columns, and
        the indices of those that hold text in the first lines; returns the indices of the columns to read. Only these
        need to be numbers. By default all columns.

    Returns
    -------
    X : ndarray of shape (n_rows, n_columns)
        float64, or what the .npy file holds; NaN where a value is missing: an empty field, NA, NaN, null and the like.
    names : tuple of str or None
        Names of the columns of X, None without a header.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no table of either kind, empty, ragged, holds something that is not a finite number (row, line and
        column are named), or if `choose` does not find its columns.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from cyem.rows import tables
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "points.csv")
    ...     _ = path.write_text("x;y\\n1;2\\n3;4\\n")
    ...     X, names = tables.read(path)
    >>> X.tolist(), names
    ([[1.0, 2.0], [3.0, 4.0]], ('x', 'y'))
    """
    choose = choose or (lambda names, width, text: range(width))
    standard_input = str(source) == "-"
    name = "standard input" if standard_input else source
    with open(0, "rb", closefd=False) if standard_input else open(source, "rb") as file:
        try:
            start = file.peek(len(MAGIC))[: len(MAGIC)]
            if start == MAGIC:
                return _read_array(file, choose)
            if b"\0" in start[:2]:
                raise ValueError("not UTF-8 text: it begins with a zero byte, as UTF-16 may; convert it first")
            return _read_text(io.TextIOWrapper(file, encoding="utf-8-sig"), choose)
        except UnicodeDecodeError as error:
            problem = f"not UTF-8 text ({error.reason}); convert it first"
        except (ValueError, csv.Error) as error:
            problem = error
        except OSError as error:
            error.filename = name
            raise
    raise ValueError(f"{name}: {problem}")


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
    chosen = list(choose(None, shape[1], []))
    return (X if chosen == list(range(shape[1])) else X[:, chosen]), None


def _read_text(file, choose):
    sample = list(islice(file, SAMPLE))
    separator = _separator(sample)
    lines = _single_blanks(chain(sample, file)) if separator == " " else chain(sample, file)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    rows = ((reader.line_num, row) for row in reader if len(row) > 1 or "".join(row).strip())

    start = list(islice(rows, SAMPLE))
    if not start:
        raise ValueError("the file is empty")
    width = len(start[0][1])
    names = None
    if _is_header(*(row for _, row in start[:2])):
        names = tuple(map(str.strip, start.pop(0)[1]))
    text = [i for i in range(width) if _is_text(row[i] for _, row in start if len(row) > i)]
    chosen = list(choose(names, width, text))
    pick = itemgetter(*chosen) if len(chosen) > 1 else lambda row: (row[chosen[0]],)

    values = array("d")
    n = 0
    for n, (line, row) in enumerate(chain(start, rows), 1):
        if len(row) != width:
            raise ValueError(f"row {n} (line {line}) has {len(row)} columns, the first line has {width}")
        fields = pick(row)
        try:
            numbers = list(map(float, fields))
            sound = math.isfinite(sum(numbers)) and "_" not in "".join(fields)
        except ValueError:
            sound = False
        if not sound:
            for column, field in zip(chosen, fields, strict=True):
                if problem := _problem(field):
                    name = f" ({names[column]})" if names else ""
                    raise ValueError(f"row {n} (line {line}), column {column + 1}{name}: {problem}")
            numbers = [math.nan if _is_missing(field) else float(field) for field in fields]
        values.fromlist(numbers)
    if n == 0:
        raise ValueError("no row of numbers under the header")
    X = np.frombuffer(values).reshape(n, len(chosen))
    return X, tuple(names[column] for column in chosen) if names else None


def _separator(sample):
    """The separator that gives the most lines of the sample the same number of columns, more than one."""

    def agreeing(separator):
        lines = _single_blanks(sample) if separator == " " else sample
        rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        (width, lines), *_ = Counter(len(row) for row in rows if row).most_common(1) or [(0, 0)]
        return lines if width > 1 else 0

    return max(SEPARATORS, key=agreeing)


def _single_blanks(lines):
    return (" ".join(line.split()) for line in lines)


def _is_header(first, second=()):
    """Whether the first row names columns: it holds text, and no number or text where the second row has a number."""
    text = [not _is_number(field) and not _is_missing(field) for field in first]
    if not any(map(_is_number, first)):
        return any(text)
    return any(name and _is_number(field) for name, field in zip(text, second, strict=False))


def _is_number(field):
    try:
        return not math.isnan(float(field)) and "_" not in field  # float() takes 1_000 for 1000
    except ValueError:
        return False


def _is_missing(field):
    return field.strip().lower() in MISSING


def _is_text(fields):
    """Whether fields hold words: none is a number, and all that are not missing have letters."""
    there = [field for field in fields if not _is_missing(field)]
    return bool(there) and all(any(map(str.isalpha, field)) and not _is_number(field) for field in there)


def _problem(field):
    """What is wrong with a field; None if it is a finite number, or missing."""
    if _is_missing(field):
        return None
    if not _is_number(field):
        return f"{field!r} is not a number" + ("; write decimals with a point" if "," in field else "")
    return None if math.isfinite(float(field)) else f"{field!r} is not finite"
