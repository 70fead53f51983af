"""Tables of results as data frames, of whichever library is there."""

import sys
from importlib import import_module

LIBRARIES = ("pandas", "polars")  # in this order, where none of them is loaded


def to_frame(columns):
    """A data frame of columns, a dict of names and sequences: of pandas or Polars, of these rather the one in use.

    Raises
    ------
    ImportError
        If neither is installed.

    Examples
    --------
    >>> from cyem.show.frames import to_frame
    >>> to_frame({"k": [1, 2], "bic": [0.5, 0.25]}).shape
    (2, 2)
    """
    columns = {name: list(values) for name, values in columns.items()}
    for name in sorted(LIBRARIES, key=lambda name: name not in sys.modules):
        try:
            library = import_module(name)
        except ImportError:
            continue
        return library.DataFrame(columns)
    raise ImportError("to_frame() needs pandas or Polars, and neither is installed: pip install pandas")
