"""What was found, as data, and in a colleague's words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

from ..show.frames import to_frame
from ..show.markup import element
from ..show.text import plural, printable, series

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..rows.types import Feature

WIDTH = 80
NAMED = 6  # columns, rows or values named in a line; the finding has them all
LONGEST = 40  # letters of a name


class Finding(NamedTuple):
    """One thing that was found.

    Attributes
    ----------
    kind : str
        See `cyem.examine`.
    columns : tuple of str or int
        Columns that it is about, by name where they have names, else by number from 0.
    rows : tuple
        Rows that it is about, by the index of a frame, unless that counts them, else by number from 0; empty where it
        is about columns.
    numbers : dict
        What was measured; which numbers there are depends on the kind.
    said : str
        What was found.
    advice : str
        What may be done about it.
    """

    kind: str
    columns: tuple[Feature, ...]
    rows: tuple[Any, ...]
    numbers: dict[str, Any]
    said: str
    advice: str

    def __str__(self) -> str:
        return f"{self.said}: {self.advice}"


class Findings(Sequence[Finding]):
    """What `examine` found: a sequence of `Finding`, of which print shows a line each.

    Attributes
    ----------
    n, d : int
        Numbers of rows and of columns that were looked at.
    """

    n: int
    d: int

    def __init__(self, found: Iterable[Finding] = (), n: int = 0, d: int = 0) -> None:
        self._found, self.n, self.d = tuple(found), n, d

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, place):
        return self._found[place]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the findings, each once."""
        return tuple(dict.fromkeys(finding.kind for finding in self))

    def of(self, kind: str) -> tuple[Finding, ...]:
        """The findings of a kind.

        Parameters
        ----------
        kind : str
            See `cyem.examine`.

        Returns
        -------
        tuple of Finding

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import examine
        >>> x = np.random.default_rng(0).normal(size=(100, 2))
        >>> findings = examine(np.column_stack([x, x.sum(axis=1)]))
        >>> [finding.columns for finding in findings.of("relation")]
        [(0, 1, 2)]
        """
        return tuple(finding for finding in self if finding.kind == kind)

    def determined(self, columns: Sequence[Feature]) -> tuple[int, ...]:
        """The places, among given columns, of those that others determine in every row by a sum: the last of each.

        Parameters
        ----------
        columns : sequence of str or int
            All columns, as the findings call them.

        Returns
        -------
        tuple of int

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import examine
        >>> x = np.random.default_rng(0).normal(size=(100, 2))
        >>> findings = examine(np.column_stack([x, x.sum(axis=1)]))
        >>> findings.determined([0, 1, 2])
        (2,)
        """
        places = set()
        for finding in self.of("relation"):
            if "coefficients" in finding.numbers and not finding.rows:
                left = {columns.index(column) for column in finding.columns} - places
                places |= {max(left)} if left else set()
        return tuple(sorted(places))

    def points(self, columns: Sequence[Feature]) -> tuple[tuple[int, float], ...]:
        """Values that far more rows hold than values near them: pairs of a place among given columns and a value.

        Parameters
        ----------
        columns : sequence of str or int
            All columns, as the findings call them.

        Returns
        -------
        tuple of (int, float)

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import examine
        >>> x = np.append(np.random.default_rng(0).normal(9, 1, 200), np.zeros(50))[:, None]
        >>> examine(x).points([0])
        ((0, 0.0),)
        """
        return tuple((columns.index(column), value) for finding in self.of("repeated value")
                     for column, values in zip(finding.columns, finding.numbers["values"], strict=True)
                     if column in columns for value in values)

    @property
    def lines(self) -> tuple[str, ...]:
        """A line of text for each finding, of any length."""
        return tuple(str(finding) for finding in self)

    @property
    def heading(self) -> str:
        """How many, in how much."""
        looked_at = f"{plural('row', self.n)} of {plural('column', self.d)}"
        return f"{looked_at}: {plural('finding', len(self)) if self else 'nothing that needs attention'}"

    def __str__(self) -> str:
        return "\n".join([self.heading, *self.text])

    __repr__ = __str__

    @property
    def text(self) -> tuple[str, ...]:
        """The lines, broken to fit a terminal."""
        return tuple("\n".join(textwrap.wrap(line, WIDTH, initial_indent="- ", subsequent_indent="  "))
                     for line in self.lines)

    def without(self, kind: str) -> Findings:
        """The others.

        Parameters
        ----------
        kind : str
            See `cyem.examine`.

        Returns
        -------
        Findings

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import examine
        >>> x = np.random.default_rng(0).normal(size=(100, 2))
        >>> findings = examine(np.column_stack([x, x.sum(axis=1)]))
        >>> findings.without("relation").kinds
        ()
        """
        return Findings((finding for finding in self if finding.kind != kind), self.n, self.d)

    def to_frame(self) -> Any:
        """A row for each finding, as a data frame of pandas or Polars; columns and rows as text.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import examine
        >>> x = np.random.default_rng(0).normal(size=(100, 2))
        >>> findings = examine(np.column_stack([x, x.sum(axis=1)]))
        >>> findings.to_frame()["kind"].to_list()
        ['relation']
        """
        texts = ("kind", "said", "advice")
        return to_frame({
            **{name: [getattr(finding, name) for finding in self] for name in texts},
            **{name: [", ".join(map(str, getattr(finding, name))) for finding in self] for name in ("columns", "rows")},
        })

    def _repr_html_(self):
        """For notebooks."""
        return str(element("div", element("strong", self.heading), as_list(self)))


def as_list(findings, **attributes):
    """Findings as a list in HTML; nothing where there are none."""
    items = [element("li", finding.said, ": ", finding.advice) for finding in findings]
    return element("ul", *items, **attributes) if items else ""


def called(name):
    """What a column is called in a sentence."""
    if isinstance(name, int):
        return f"column {name}"
    name = printable(name) or "''"
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."


def listed(items, noun="others", most=NAMED):
    """Words with commas, of many the first."""
    items = list(items)
    if len(items) <= most + 1:
        return series(items)
    return f"{', '.join(items[:most])} and {len(items) - most:,} {noun}"


def columns_listed(names):
    """Columns in a sentence."""
    if names and isinstance(names[0], int):
        return f"column{'s' * (len(names) > 1)} {listed(map(str, names))}"
    return listed(map(called, names))


def rows_listed(rows):
    """Rows in a sentence."""
    return f"row{'s' * (len(rows) > 1)} {listed(map(row_called, rows))}"


def row_called(row):
    """What a row is called in a sentence: a number from 0, or its label in the index of a frame."""
    return str(row) if isinstance(row, int) else called(str(row))


def number(value, digits=6):
    """A value of the data, or a sum of such, in a sentence: no marks between thousands, which years have not."""
    return f"{value:.{digits}g}"


def equation(names, coefficients, constant):
    """A linear relation in words, told for its first column; as a sum where all count alike."""
    if len(set(coefficients)) == 1 and constant:
        return f"{' + '.join(map(_term, names))} = {number(constant)}"
    first, *others = names
    text = " ".join(_signed(-a, _term(name), i == 0) for i, (a, name) in
                    enumerate(zip(coefficients[1:], others, strict=True)))
    return f"{_term(first)} = {text}{f' {_signed(constant)}' if constant else ''}"


def _term(name):
    """A column in an equation."""
    text = called(name)
    if isinstance(name, int):
        return f"({text})"
    return text if text.isidentifier() else f"'{text}'"


def _signed(a, name="", first=False):
    sign = "-" if a < 0 else "" if first else "+"
    size = "" if name and abs(a) == 1 else number(abs(a), 9)
    text = " ".join(filter(None, [size, name]))
    return f"{sign}{text}" if first else f"{sign} {text}"
