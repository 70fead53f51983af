"""What the fields of a column hold: numbers, in whatever form these are written, or something else."""

import functools
import math
import re
from typing import NamedTuple

MISSING = frozenset(("", "na", "n/a", "n.a.", "nan", "null", "none", "?", "-", "--", "---", ".", "..", "...", "#n/a",
                     "#na", "\\n", "<na>", "nil"))
BLANKS = " \t\r\n\f\v\u00a0\u2007\u202f"
APOSTROPHES, SPACES = "'\u2019", " \u00a0\u2007\u202f"
POINT, COMMA = ".", ","
MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "D": "E", "d": "e"})  # Fortran writes exponents with a D
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
BODY = re.compile(  # a number in any form, with what may stand before and behind it
    r"""(?P<sign>[+\-\u2212\u2013]?)\s*(?P<before>[$\u20ac\u00a3\u00a5]|[A-Z]{3}(?=\s?\d))?\s*(?P<sign2>[+\-\u2212]?)
    (?P<body>(?:\d(?:[\d.,'\u2019\u00a0\u2007\u202f]|\ (?=\d{3}(?!\d)))*|[.,]\d+)(?:[eEdD][+-]?\d{1,3}(?![^\s]))?)
    (?P<behind>\s?[^\d\s.,'+\-:/][^\d:]{0,9}|)""", re.VERBOSE | re.ASCII)
MONTHS = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zä]*\.?"
CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[ap]m)?(?:\s*(?:z|[+-]\d{2}:?\d{2}))?"
DATE = re.compile(
    rf"(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\1(?:\d{{4}}|\d{{2}})|\d{{1,2}}[-. ]+{MONTHS}"
    rf"[-. ,]+\d{{2,4}}|{MONTHS}\s+\d{{1,2}},?\s+\d{{4}}|\d{{4}}-\d{{2}})(?:(?:\s+|t){CLOCK})?|{CLOCK}", re.IGNORECASE)
MARKED = re.compile("[.,'\u2019\u00a0\u2007\u202f ]")
SIMPLE = re.compile(r"[+-]?(\d{1,3})\.(\d+)", re.ASCII)  # in most fields of most files
UNITS = 3  # different ones at most, of numbers that have some: more are words


class Form(NamedTuple):
    """What a column holds, and how its numbers are written.

    Attributes
    ----------
    kind : str
        "numbers", "text", "identifiers" (text, different in every row), "dates" or "empty".
    decimal, thousands : str
        Marks; thousands may be several, any of which stands between groups.
    before, behind : str
        A unit, which every number has.
    missing : frozenset
        Spellings of missing values, in small letters.
    wrong : bool
        Whether some of the fields that were looked at are no numbers.
    """

    kind: str = "numbers"
    decimal: str = "."
    thousands: str = ""
    before: str = ""
    behind: str = ""
    missing: frozenset = MISSING
    wrong: bool = False

    @property
    def plain(self):
        """Whether Python's own `float` reads it."""
        return self.decimal == "." and self.nearly_plain

    @property
    def nearly_plain(self):
        """Whether it does but for the mark of decimals."""
        return not (self.thousands or self.before or self.behind)

    def is_missing(self, field):
        return field.strip(BLANKS).lower() in self.missing

    def number(self, field):
        """The number that a field holds; None where it holds none."""
        text = field.strip(BLANKS)
        if self.before or self.behind:
            match = BODY.fullmatch(text)
            if match is None or ((match["before"] or "").strip(), match["behind"].strip()) != (self.before,
                                                                                               self.behind):
                return None
            text = (match["sign"] + match["sign2"] + match["body"]).strip(BLANKS)
        text = text.translate(MINUS)
        if self.thousands and any(mark in text for mark in self.thousands):
            if not self.groups.fullmatch(text):
                return None
            for mark in self.thousands:
                text = text.replace(mark, "")
        if self.decimal != ".":
            if "." in text:
                return None
            text = text.replace(self.decimal, ".")
        return float(text) if NUMBER.fullmatch(text) else None

    @property
    def groups(self):
        """A pattern of numbers with marks between thousands."""
        return grouped(self.thousands, self.decimal)

    def problem(self, field):
        """What is wrong with a field; None if it is a finite number, or missing."""
        if self.is_missing(field):
            return None
        value = self.number(field)
        if value is None and field.strip(BLANKS).lower().lstrip("+-") in ("inf", "infinity"):
            value = math.inf
        if value is None:
            return f"{field!r} is not a number"
        return None if math.isfinite(value) else f"{field!r} is not finite"


@functools.cache
def grouped(thousands, decimal):
    """A pattern of numbers with one mark between groups of three digits."""
    return re.compile(rf"[+-]?\d{{1,3}}(?:[{re.escape(thousands)}]\d{{3}})+(?:{re.escape(decimal)}\d*)?", re.ASCII)


def is_number(field):
    """Whether a field is a number as most programs write it, or in another form."""
    return any(form.number(field) is not None for form in FORMS)


def is_missing(field):
    return field.strip(BLANKS).lower() in MISSING


def affixed(field):
    """Whether a field is a number with a unit."""
    match = BODY.fullmatch(field.strip(BLANKS))
    return bool(match and (match["before"] or match["behind"]) and is_number(match["body"]))


def forms(columns, decimal=None, thousands=None, missing=()):
    """What columns hold, each a sequence of fields; the marks and further spellings of missing values as they are told.

    Raises
    ------
    ValueError
        If the mark of decimals cannot be told.
    """
    missing = MISSING | {spelling.strip(BLANKS).lower() for spelling in missing}
    there = [[field.strip(BLANKS) for field in column if field.strip(BLANKS).lower() not in missing]
             for column in columns]
    decimal, thousands = _marks(there, decimal, thousands)
    return tuple(_form(column, Form("numbers", decimal, thousands, missing=missing)) for column in there)


def in_doubt(columns):
    """A number with a point that may be that of decimals or of thousands, where no other tells; None where one does."""
    first = None
    for field in (field.strip(BLANKS) for column in columns for field in column if POINT in field):
        if match := BODY.fullmatch(field):
            roles = set(_roles(match["body"].strip(BLANKS)))
            if ("decimal", POINT) in roles:
                return None
            first = first or (field if ("either", POINT) in roles else None)
    return first


def _form(column, form):
    """What a column holds, by those of its fields that are not missing."""
    if not column:
        return form._replace(kind="empty")
    numbers = sum(form.number(field) is not None for field in column)
    if numbers == len(column):
        return form
    if sum(bool(DATE.fullmatch(field)) for field in column) == len(column):
        return form._replace(kind="dates")
    matches = [BODY.fullmatch(field) for field in column]
    units = {((match["before"] or "").strip(), match["behind"].strip()) for match in matches if match}
    if None not in matches and len(units) == 1:
        (before, behind), = units
        unit = form._replace(before=before, behind=behind)
        if all(unit.number(field) is not None for field in column):
            return unit
    if None not in matches and len(units) <= UNITS and units != {("", "")}:  # of different units: this is asked about
        return form._replace(wrong=True)
    if 2 * numbers >= len(column):
        return form._replace(wrong=True)
    different = len(column) > 9 and len(set(column)) == len(column)
    return form._replace(kind="identifiers" if different and not numbers else "text")


def _marks(columns, decimal, thousands):
    """The marks of decimals and of thousands that numbers in columns have, unless they are told."""
    seen = {"decimal": set(), "thousands": set(), "either": set()}
    for column in columns:
        for field in column:
            if simple := SIMPLE.fullmatch(field):
                seen["either" if len(simple[2]) == 3 and simple[1] != "0" else "decimal"].add(POINT)
            elif MARKED.search(field) and (match := BODY.fullmatch(field)) and not DATE.fullmatch(field):
                for role, mark in _roles(re.split("[eEdD]", match["body"])[0].strip(BLANKS)):
                    seen[role].add(mark)
    if thousands is None:
        marks = seen["thousands"] - {decimal}
        if decimal is None and COMMA in seen["decimal"] - marks and POINT not in seen["decimal"]:
            decimal = COMMA
        if decimal is None and POINT in marks and COMMA not in marks:
            decimal = COMMA
        if decimal is None and COMMA in seen["either"] and COMMA not in marks:
            if POINT not in seen["decimal"]:
                raise ValueError("the commas in its numbers may be those of decimals or of thousands: --decimal , or "
                                 "--thousands , says which")
            marks |= {COMMA}
        if decimal == COMMA and POINT in seen["either"]:
            marks |= {POINT}
        decimal = decimal or POINT
        thousands = "".join(sorted(marks - {decimal}))
    elif decimal is None:
        point, comma = (mark in seen["decimal"] | seen["either"] for mark in (POINT, COMMA))
        decimal = COMMA if thousands == POINT or (comma and not point and thousands != COMMA) else POINT
    if decimal in thousands:
        raise ValueError(f"{decimal!r} cannot be the mark of decimals and of thousands: --decimal and --thousands must "
                         "be different")
    return decimal, thousands


def _roles(body):
    """What the marks in a number can be: pairs of a role and a mark."""
    marks = [c for c in body if not c.isdigit()]
    if not marks:
        return
    *firsts, last = marks
    for mark in set(marks) - {POINT, COMMA}:
        yield "thousands", mark
    if last in (POINT, COMMA):
        if last in firsts:
            if grouped(last, "!").fullmatch(body):
                yield "thousands", last
        elif firsts or not grouped(last, "!").fullmatch(body) or body.startswith("0" + last):
            yield "decimal", last
            if firsts and grouped(firsts[0], last).fullmatch(body):
                yield "thousands", firsts[0]
        else:
            yield "either", last


FORMS = (Form(), Form(decimal=COMMA, thousands=POINT), Form(thousands=COMMA), Form(thousands=APOSTROPHES),
         Form(decimal=COMMA, thousands=SPACES))
