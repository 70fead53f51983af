"""How a text table is written: its encoding, separator, marks of decimals and of thousands, header; found by looking.

Everything is found from the first lines, unless it is told. What may be read in two ways is asked about.
"""

import codecs
import csv
import io
import re
from collections import Counter
from typing import NamedTuple

from . import fields

SEPARATORS = ("\t", ";", ",", "|", " ")  # in order of preference where several fit equally well
ADVICE = "--separator says what stands between them"
SAMPLE = 500  # lines that decide
ALIKE = 3  # rows that are seen to be of the table where it begins
COMMENTS = ("#", "%")
SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # what Excel takes for the separator, and no row
SINGLE = re.compile(r"""(?:^|[\t;,| ])'[^']*'(?=[\t;,| ]|$)""")
BLANK_INSIDE = re.compile(r"\d +\d")
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Told(NamedTuple):
    """What is known of a table before it is looked at; None where it is to be found.

    Attributes
    ----------
    separator, decimal, thousands, encoding : str or None
    header : bool or None
        Whether the first line names the columns.
    missing : tuple of str
        Further spellings of missing values.
    skip : int
        Lines before the table.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    header: bool | None = None
    missing: tuple = ()
    skip: int = 0


class Dialect(NamedTuple):
    """How a text table is written.

    Attributes
    ----------
    skip : int
        Lines before the table.
    separator : str
        " " stands for any number of blanks.
    quote : str
    escape : str or None
        What stands before a quote that is part of a field; None where quotes are doubled.
    comment : str or None
        Lines that begin with it are no rows.
    names : tuple of str or None
        The header.
    records : int
        Rows before the first row of values: the header, and a line of units.
    width : int
        Number of columns.
    forms : tuple of fields.Form
        What each column holds.
    notes : tuple of str
        What was found and may be of interest.
    """

    skip: int
    separator: str
    quote: str
    escape: str | None
    comment: str | None
    names: tuple | None
    records: int
    width: int
    forms: tuple
    notes: tuple

    def lines(self, file):
        """The lines of an open file as `csv` is to read them: as many as there are, so that their numbers stay."""
        if not self.skip and self.comment is None and self.separator != " ":
            return file
        return (
            "\n" if number < self.skip or (self.comment and line.startswith(self.comment))
            else f"{' '.join(line.split())}\n" if self.separator == " " else line
            for number, line in enumerate(file)
        )

    def reader(self, lines):
        """The rows of lines."""
        return _reader(lines, self.separator, self.quote, self.escape, strict=True)


def encoding(head, told=None):
    """The encoding of a file that begins with these bytes, and a note where it was guessed.

    Raises
    ------
    ValueError
        If the bytes are no text.
    """
    if told is not None:
        try:
            codecs.lookup(told)
        except LookupError:
            raise ValueError(f"--encoding {told} is not known; utf-8, latin-1, cp1252 and utf-16 are some") from None
        return told, None
    for mark, name in MARKS:
        if head.startswith(mark):
            return name, None
    start = head[:1000]
    if b"\0" in start:
        even, odd = start[::2].count(0), start[1::2].count(0)
        if (odd > 0.4 * len(start) and not even) or (even > 0.4 * len(start) and not odd):
            return ("utf-16-le" if odd else "utf-16-be"), None
        raise ValueError("no text: it begins with a zero byte, or has one near its beginning; --encoding says what it "
                         "is written in")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
        return "utf-8", None
    except UnicodeDecodeError as error:
        first = head[error.start : error.start + 1]
    for name in ("cp1252", "latin-1"):
        try:
            head.decode(name)
        except UnicodeDecodeError:
            continue
        return name, f"not UTF-8 (byte {first!r}), taken for {name}: --encoding says otherwise"
    raise AssertionError("latin-1 decodes any bytes")


def found(text, told, whole=True):
    """The dialect of a table that begins with this text.

    Parameters
    ----------
    text : str
    told : Told
    whole : bool
        Whether the text is the whole table.

    Raises
    ------
    ValueError
        If there is no table, or it may be read in two ways.
    """
    lines = list(io.StringIO(text, newline=None))
    if not whole:
        lines = lines[:-1] or lines  # the last one may go on
    skip, separator, notes = told.skip, told.separator, []
    first = next((i for i in range(skip, len(lines)) if lines[i].strip()), len(lines))
    if first < len(lines) and (match := SEP_LINE.fullmatch(lines[first].strip("\n"))):
        separator, skip = separator or match[1], first + 1
    places = [i for i in range(skip, len(lines)) if lines[i].strip()][:SAMPLE]
    comment = _comment([lines[i] for i in places])
    remarks = [lines[i] for i in places if comment and lines[i].startswith(comment)]
    places = [i for i in places if not (comment and lines[i].startswith(comment))]
    lines = [lines[i] for i in places]
    if not lines:
        raise ValueError("the file is empty")
    quote, escape = _quotes(lines)
    separator = separator or _separator(lines, quote, escape)
    if len(separator) != 1:
        raise ValueError(f"--separator must be one character, got {separator!r}")
    records, starts = _records(lines, separator, quote, escape)
    if whole is False and len(records) > 1:
        records.pop()  # which a quoted end of line may have cut
    if not records:
        raise ValueError("the file is empty")
    if told.separator is None and separator == "," and told.header is not False:
        _refuse_decimal_commas(*records)
    if begin := _begin(records):
        above, width = places[starts[begin]], len(records[begin])
        raise ValueError(f"the table has {width} column{'s' * (width > 1)} and begins in line {above + 1}; before it "
                         f"stands something else, {_quoted(records[0])}, which --skip {above} leaves out")
    names, before, width, records = _header(records, told, remarks, comment, separator, notes)
    rows = records[before:]
    columns = list(zip(*(row for row in rows if len(row) == width), strict=True)) or [()] * width
    forms = fields.forms(columns, told.decimal, told.thousands, told.missing)
    if not rows:
        raise ValueError("no row of numbers under the header" if names else "the file is empty")
    if told.header is None and names is not None and before and _is_units(rows, forms, columns, told):
        notes.append(f"the line under the header, {_quoted(rows[0])}, holds units")
        before += 1
        columns = [column[1:] for column in columns]
        forms = fields.forms(columns, told.decimal, told.thousands, told.missing)
    if names is None and told.header is None:
        _ask_for_header(rows)
    elif before and told.header is None:
        _ask_for_names(names, places[starts[0]] + 1)
    if separator == ";" and told.decimal is told.thousands is None and forms and forms[0].plain and (
            doubt := fields.in_doubt(columns)):
        notes.append(f"points are taken for those of decimals, as in {doubt!r}: --thousands . says otherwise")
    if forms and told.decimal is None and (forms[0].decimal, forms[0].thousands) != (".", ""):
        words = "decimal commas" if forms[0].decimal == "," else "decimal points"
        notes.append(words + f", {forms[0].thousands!r} between thousands" * bool(forms[0].thousands))
    for name, form in zip(names or range(1, width + 1), forms, strict=True):
        if form.before or form.behind:
            notes.append(f"numbers of column {name!r} in {form.before or form.behind!r}")
    return Dialect(skip, separator, quote, escape, comment, names, before, width, forms, tuple(notes))


def _comment(lines):
    """What comments begin with; None where there are none, or no more than half of the lines would be left."""
    for mark in COMMENTS:
        if 0 < 2 * sum(line.startswith(mark) for line in lines) < len(lines) + 2:
            return mark
    return None


def _quotes(lines):
    """The mark of quotes, and what stands before one that is part of a field."""
    text = "".join(lines)
    if '"' not in text and sum(bool(SINGLE.search(line.rstrip("\n"))) for line in lines) > len(lines) / 2:
        return "'", None
    return '"', "\\" if '\\"' in text else None


def _reader(lines, separator, quote, escape, strict=False):
    return csv.reader(lines, delimiter=separator, quotechar=quote, escapechar=escape, doublequote=escape is None,
                      skipinitialspace=True, strict=strict)


def _separator(lines, quote, escape):
    """The separator that gives the most lines the same number of columns, more than one."""

    def agreeing(separator):
        rows = _reader(_single_blanks(lines) if separator == " " else lines, separator, quote, escape, strict=True)
        widths = Counter()
        try:
            widths.update(len(row) for row in rows if row)
        except csv.Error:
            if rows.line_num < len(lines):  # else a quoted end of line may have been cut
                return 0
        (width, count), *_ = widths.most_common(1) or [(0, 0)]
        return count if width > 1 else 0

    agree = {separator: agreeing(separator) for separator in SEPARATORS}
    best = max(SEPARATORS, key=agree.__getitem__)
    if best == "," and agree[" "] == agree[best] and any(map(BLANK_INSIDE.search, lines)):
        raise ValueError("its columns may have commas between them or blanks: --separator , or --separator blank says "
                         "which")
    return best


def _records(lines, separator, quote, escape):
    """The rows of lines, and with which line each begins."""
    if separator == " ":
        lines = _single_blanks(lines)
    reader = _reader(lines, separator, quote, escape)
    records, starts, start = [], [], 0
    try:
        for row in reader:
            if len(row) > 1 or "".join(row).strip():
                records.append(row)
                starts.append(start)
            start = reader.line_num
        return records, starts
    except csv.Error as error:
        raise ValueError(f"its fields cannot be told apart: {error}; {ADVICE}") from None


def _single_blanks(lines):
    return (" ".join(line.split()) for line in lines)


def _begin(records):
    """With which record the table begins: from there on records have numbers, and as many columns as most have."""
    width = Counter(map(len, records)).most_common(1)[0][0]
    if len(records[0]) == width:
        return 0

    def of_table(row):
        return len(row) == width and any(map(fields.is_number, row))

    start = next((i for i in range(1, len(records)) if all(map(of_table, records[i : i + ALIKE]))), 0)
    header = records[start - 1]
    if start and is_header(header) and (len(header) == width or (start == 1 and len(header) == width - 1)):
        return start - 1  # which R writes one shorter
    return start


def _header(records, told, remarks, comment, separator, notes):
    """The names of the columns, how many records come before the values, the number of columns, and the records."""
    first, *rest = records
    if told.header is False:
        return None, 0, len(first), records
    same = [row for row in rest if len(row) == len(first) + 1]
    if rest and len(same) == len(rest) and (told.header or is_header(first)):
        if not any(row[-1].strip() for row in same):  # rows end in a separator
            return (*map(str.strip, first), ""), 1, len(first) + 1, records
        notes.append("the header is one shorter than the rows, as R writes it: the first column holds the names of "
                     "rows")
        return ("", *map(str.strip, first)), 1, len(first) + 1, records
    if told.header or is_header(first, *rest[:1]):
        return tuple(map(str.strip, first)), 1, len(first), records
    if remarks and told.header is None:  # numpy.savetxt writes the header as a comment
        named, _ = _records([remarks[-1].lstrip(comment).strip() + "\n"], separator, '"', None)
        if named and len(named[0]) == len(first) and is_header(named[0]):
            return tuple(map(str.strip, named[0])), 0, len(first), records
    return None, 0, len(first), records


def _refuse_decimal_commas(first, *rest):
    """Raise ValueError where what stands between commas are halves of numbers with decimal commas."""
    rows = [*rest] if is_header(first) else [first, *rest]
    whole = all(map(_may_be_halves, rows))
    named = len(rows) == len(rest) > 0 and len(rest[0]) == 2 * len(first)
    padded = len(rows) > len(rest) and any(field[:1] == "0" and len(field) > 1 for row in rows for field in row[1::2])
    if whole and (named or padded):
        raise ValueError("its decimals seem to have commas, and so its columns: write it with another separator; where "
                         "there is one column, --separator ; --decimal , reads it, and if these are no decimals, "
                         "--separator , does")


def _may_be_halves(row):
    """Whether a row may consist of numbers in two halves, of which the second has nothing but digits."""
    return len(row) % 2 == 0 and all(map(str.isdecimal, row[1::2])) and all(map(fields.is_number, row[::2]))


def is_header(first, second=()):
    """Whether the first row names columns: it holds text, and no number or text where the second row has a number."""
    text = [not fields.is_number(field) and not fields.is_missing(field) for field in first]
    if not any(map(fields.is_number, first)):
        return any(text)
    return any(name and fields.is_number(field) and not fields.affixed(word)
               for name, word, field in zip(text, first, second, strict=False))


def _is_units(rows, forms, columns, told):
    """Whether the first row holds units: words where all others have numbers."""
    if len(rows) < 3 or any(map(fields.is_number, rows[0])):
        return False
    words = [j for j, field in enumerate(rows[0]) if not fields.is_missing(field)]
    below = fields.forms([column[1:] for column in columns], told.decimal, told.thousands, told.missing)
    return bool(words) and all(j < len(below) and below[j].kind == "numbers" for j in words) and any(
        forms[j].wrong for j in words)


def _ask_for_header(rows):
    """Raise ValueError where a first line of numbers looks like names of columns: a count that no other row is."""
    first, *others = rows
    first = first[1:] if len(first) > 1 and not first[0].strip() else first  # above an index
    others = [row[-len(first) :] for row in others]
    places = [j for j, field in enumerate(first) if fields.is_number(field)]
    if len(places) > 2:  # years beside words, such as the World Bank has them
        whole = [row for row in others if len(row) > places[-1]]
        first, *others = ([row[j] for j in places] for row in (first, *whole))
    if not _counts(first) or len(others) < 2 or any(map(_counts, others)):
        return
    named = first[0].strip() in ("0", "1") and len(first) == 1
    whole = [all(field.strip().lstrip("+-").isdecimal() for field in row) for row in others]
    if (len(first) > 2 or not any(whole)) and (len(first) > 1 or (named and len(others) > 4 and not any(whole))):
        raise ValueError(f"the first line, {_quoted(rows[0])}, may name the columns or be a row of numbers: --header "
                         "or --no-header says which")


def _ask_for_names(first, skip):
    """Raise ValueError where the names of columns are in part numbers that are unlikely as such: counts, decimals."""
    numbers = list(filter(fields.is_number, first))
    if first[0] in numbers or not all(field.strip().isdecimal() for field in numbers):
        raise ValueError(f"the first line, {_quoted(first)}, may name the columns, be a row, or say what follows: "
                         f"--header, --no-header or --skip {skip} says which")


def _counts(row):
    """Whether fields are whole numbers, each one more than the one before."""
    if not all(field.strip().isdecimal() for field in row):
        return False
    numbers = [int(field) for field in row]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _quoted(row):
    return ", ".join([*map(repr, row[:6]), *["..."] * (len(row) > 6)])
