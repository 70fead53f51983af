"""Words, numbers and tables as text."""

import math
import re
import textwrap

WIDTH = 79  # of a terminal, less one

# control characters, ends of lines, overrides of the direction of writing, and halves of characters
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text):
    """Text of others in one line that only shows something, on a terminal or elsewhere: anything else is spelled out.

    Examples
    --------
    >>> from cyem.show.text import printable
    >>> print(printable("width" + chr(27) + "[31m"))
    width\\x1b[31m
    """
    return UNSAFE.sub(lambda found: repr(found[0])[1:-1], text)


def aligned(table):
    """Lines of right-aligned columns, from rows of text; the last cell of a short row runs on to the right.

    Examples
    --------
    >>> from cyem.show.text import aligned
    >>> print(*aligned([("k", "value"), ("1", "0.25"), ("10", "1.5")]), sep="\\n")
     k  value
     1   0.25
    10    1.5
    """
    full = [row for row in table if len(row) == len(table[0])]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]

    def line(row):
        *cells, last = row
        cells = [cell.rjust(width) for cell, width in zip(cells, widths, strict=False)]
        return "  ".join([*cells, last.rjust(widths[-1]) if len(row) == len(widths) else last])

    return [line(row) for row in table]


def folded(line):
    """A line in lines of at most 79 letters, the later ones indented; what is longer in one word stays whole.

    Examples
    --------
    >>> from cyem.show.text import folded
    >>> print(folded("a word, " * 12))
    a word, a word, a word, a word, a word, a word, a word, a word, a word, a
      word, a word, a word,
    """
    return textwrap.fill(line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def plural(noun, n):
    """A number of things.

    Examples
    --------
    >>> from cyem.show.text import plural
    >>> plural("component", 1), plural("component", 2)
    ('1 component', '2 components')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def time(seconds):
    """Seconds in a table: two digits at least, also of a moment.

    Examples
    --------
    >>> from cyem.show.text import time
    >>> time(0.000314), time(0.5), time(75.25)
    ('0.00031', '0.50', '75')
    """
    return f"{seconds:#.2g}".rstrip(".") if 0 < seconds < 10 else f"{seconds:.0f}"


def series(words):
    """Words with commas between, and an "and" before the last.

    Examples
    --------
    >>> from cyem.show.text import series
    >>> series(["volume", "shape", "orientation"])
    'volume, shape and orientation'
    """
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def precision(values, large=2):
    """A function that gives the format of a number among others; NaN has no say.

    Decimals, `large` of them where the numbers reach ten, else four; two digits of one of which these show too little.

    Examples
    --------
    >>> from cyem.show.text import precision
    >>> precision([2322.19, 3e-7])(3e-7), precision([0.05, 3e-7])(0.05), precision([0.05, 3e-7])(3e-7)
    ('.2f', '.4f', '.2g')
    """
    if max((abs(value) for value in values if math.isfinite(value)), default=0) >= 10:
        return lambda value: f".{large}f"
    return lambda value: ".2g" if 0 < abs(value) < 0.001 else ".4f"
