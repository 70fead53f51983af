"""Tables by Polars: large text files, in a tenth of the time, and the formats of others; the extra `files`.

Why Polars, and not DuckDB: of 88 of the files of ``tests/dialects.py`` DuckDB by itself reads 25 as they are meant, and
Polars 19; they take 44 and 43 others for something else without a word (codes for gaps, decimal commas and row names
among them), and so neither is asked how a file is written: `cyem.rows.dialect` finds that. What is left to a library is
to tell the fields of a known dialect apart: there Polars takes 0.12 s for 300,000 rows of 5 columns, DuckDB 0.23 s,
Python itself 1.3 s. Polars also reads Arrow and, with fastexcel, Excel files, for which DuckDB fetches an extension
when it runs. That it fills up rows that are too short without a word is seen by counting separators.

What Polars finds wrong, and what it does not know (any number of blanks between columns, units, escapes), is read by
Python's own `csv`, whose errors say where. So is a small file: loading Polars would take longer.
"""

import io
import re

import numpy as np

from ..notices import not_installed
from .fields import BLANKS, COMMA, NUMBER, POINT, Form, forms

SMALL = 1 << 20  # bytes of text that Python reads in the time that Polars takes to load
ZSTANDARD = b"\x28\xb5\x2f\xfd"
MAGIC = ((b"PAR1", "a Parquet file"), (b"ARROW1", "an Arrow file"), (b"PK\x03\x04", "an Excel file"))
LOOKED_AT = 500  # rows of text that tell what a column holds


def decompressed(content):
    """What a file compressed by Zstandard holds."""
    try:
        from compression import zstd  # Python 3.14

        return zstd.decompress(content)
    except ImportError:
        pass
    try:
        import zstandard
    except ImportError:
        raise ValueError(not_installed("a file compressed by Zstandard", "files")) from None
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True) as stream:
            return stream.read()
    except zstandard.ZstdError as error:
        raise OSError(str(error)) from None


def frame(head, file):
    """The Polars frame of a file that begins with `head`, if it is of a kind that has frames; else None.

    Of an Excel file the first sheet, as the bytes of CSV, as it may have a header or not like any text.
    """
    kind = next((kind for magic, kind in MAGIC if head.startswith(magic)), None)
    if kind is None:
        return None
    if kind == "an Excel file" and b"[Content_Types].xml" not in head:
        raise ValueError("this is an archive (.zip), and no table: unpack it")
    try:
        import polars

        if kind == "an Excel file":
            import fastexcel
    except ImportError:
        raise ValueError(not_installed(kind, "files")) from None
    try:
        if kind == "a Parquet file":
            return polars.read_parquet(file)
        if kind == "an Arrow file":
            return polars.read_ipc(file)
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError) as error:
        raise ValueError(f"{kind} that is damaged: {error}") from None
    try:
        book = fastexcel.read_excel(file.read())
        sheet = book.load_sheet(0, header_row=None, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        raise ValueError(f"no sheet of an Excel file can be read: {error}") from None
    if len(book.sheet_names) > 1:
        raise ValueError(f"the file has {len(book.sheet_names)} sheets: save the one that is meant as CSV")
    return sheet.write_csv(include_header=False).encode()


def columns(frame):
    """What the columns of a frame hold, as `fields.forms` says it of text."""
    import polars

    found = []
    for series in frame:
        if series.dtype.is_numeric():
            found.append(Form())
        elif series.dtype.is_temporal():
            found.append(Form("dates"))
        elif series.dtype in (polars.String, polars.Categorical):
            found += forms([series.cast(polars.String).drop_nulls().head(LOOKED_AT).to_list()])
        else:
            found.append(Form("empty" if series.null_count() == len(series) else "text"))
    return tuple(found)


def column(series, form):
    """The numbers of a column, missing values as NaN; None where one of its fields is no number."""
    import polars

    if series.dtype.is_numeric():
        return series.cast(polars.Float64).fill_null(np.nan).to_numpy()
    return _numbers(series.cast(polars.String).fill_null(""), form)


def text(file, encoding, found, chosen, kept):
    """Numbers (n, chosen) and lists of texts of a text file; None where it is read row by row.

    Parameters
    ----------
    file : file of bytes
    encoding : str
    found : Dialect
    chosen, kept : list of int
        Columns of numbers, and those that are kept as they stand.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size < SMALL or found.separator == " " or found.escape or any(found.forms[j].before or found.forms[j].behind
                                                                     for j in chosen):
        return None
    try:
        import polars
    except ImportError:
        return None
    content = file.read()
    if encoding not in ("utf-8", "utf-8-sig"):
        content = content.decode(encoding).encode()
    content = content.removeprefix(b"\xef\xbb\xbf")
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for _ in range(found.skip):
        content = content[content.index(b"\n") + 1 :]
    if found.comment:
        content = re.sub(rb"(?m)^%b.*\n?" % re.escape(found.comment.encode()), b"", content)
    content = re.sub(rb"(?m)^[ \t]*\n", b"", content) if b"\n\n" in content or content[:1].isspace() else content
    try:
        rows = polars.read_csv(content, has_header=False, separator=found.separator, quote_char=found.quote,
                               infer_schema=False).fill_null("")
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException):
        return None
    # rows that are too short are filled up without a word: separators tell
    inside = rows.select(polars.all().str.count_matches(found.separator, literal=True).sum()).row(0)
    expected = (found.width - 1) * rows.height + (sum(inside) if found.quote.encode() in content else 0)
    if rows.width != found.width or content.count(found.separator.encode()) != expected:
        return None
    if rows.width == 1:  # of one column an empty field is an empty line
        rows = rows.filter(rows[:, 0].str.strip_chars() != "")
    rows = rows[found.records :]
    if not rows.height:
        return None
    X = np.empty((rows.height, len(chosen)))
    for place, j in enumerate(chosen):
        if (values := _numbers(rows[:, j], found.forms[j])) is None:
            return None
        X[:, place] = values
    return X, [rows[:, j].to_list() for j in kept]


def _numbers(series, form):
    """What `Form.number` makes of each field; None where one is neither a number nor missing."""
    import polars

    text = series.str.strip_chars(BLANKS)
    if form.nearly_plain:
        points = text if form.plain else text.str.replace(COMMA, POINT, literal=True)
        values = points.cast(polars.Float64, strict=False)
        other = values.is_null() | values.is_nan()
        if not form.plain:
            other |= text.str.contains(POINT, literal=True)
        if other.any():  # only a few, as a rule
            if (rest := _others(text.filter(other), form)) is None:
                return None
            values = values.to_numpy(writable=True)
            values[other.to_numpy()] = rest
            return values if not np.isinf(values).any() else None
        return values.to_numpy() if values.is_finite().all() else None
    return _others(text, form)


def _others(text, form):
    """The same of fields without blanks around them, whatever they hold."""
    import polars

    missing = text.str.to_lowercase().is_in(sorted(form.missing))
    text = text.str.replace_all("[\u2212\u2013]", "-").str.replace_all("[Dd]", "E")
    sound = ~missing
    if form.thousands:
        marked = text.str.contains(f"[{re.escape(form.thousands)}]")
        sound &= ~marked | text.str.contains(_whole(form.groups))
        text = text.str.replace_all(f"[{re.escape(form.thousands)}]", "")
    if form.decimal != ".":
        sound &= ~text.str.contains(".", literal=True)
        text = text.str.replace_all(form.decimal, ".", literal=True)
    sound &= text.str.contains(_whole(NUMBER))
    values = text.cast(polars.Float64, strict=False)
    if not (missing | (sound & values.is_finite().fill_null(False))).all():
        return None
    return values.set(missing, None).fill_null(np.nan).to_numpy()


def _whole(pattern):
    """A pattern of a whole field, as Polars takes it."""
    return f"^(?:{pattern.pattern})$".replace("\\d", "[0-9]")
