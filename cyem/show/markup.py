"""HTML made of values: whatever is not markup already is escaped."""

from html import escape

VOID = frozenset(("img", "source"))  # elements without content, which have no closing tag


class Markup(str):
    """Text that is HTML."""

    __slots__ = ()


def together(*children):
    """Children one after the other, text among them escaped.

    Parameters
    ----------
    *children : Markup or object
        What is no `Markup` is text.

    Returns
    -------
    Markup

    Examples
    --------
    >>> from cyem.show.markup import element, together
    >>> str(together("a < b ", element("em", "c & d", title='"e"')))
    'a &lt; b <em title="&quot;e&quot;">c &amp; d</em>'
    """
    return Markup("".join(child if isinstance(child, Markup) else escape(str(child)) for child in children))


def element(name, *children, **attributes):
    """An element; an attribute may end in "_" where its name is a word of Python, and is left out where it is None."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    end = "" if name in VOID else f"{together(*children)}</{name}>"
    return Markup(f"<{name}{given}>{end}")


def table(head, rows, **attributes):
    """A table from the cells of its head, and rows that `row` made."""
    return element("table", element("thead", row(head, "th")), element("tbody", *rows), **attributes)


def row(cells, kind="td", **attributes):
    """A row of a table; its cells are contents, or elements `td` and `th`."""
    is_cell = (isinstance(cell, Markup) and cell.startswith(("<td", "<th")) for cell in cells)
    made = (cell if is_one else element(kind, cell) for cell, is_one in zip(cells, is_cell, strict=True))
    return element("tr", *made, **attributes)
