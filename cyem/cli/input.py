"""Rows from the file of a command: which columns are used, which are set aside and why, and what rows are called."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

import cyem

from ..models.mixture import Mixture
from ..rows import tables
from ..rows.fields import forms
from ..screening.columns import Column, starts_over
from ..show.text import plural
from .output import listing, say, some

UNNAMED = ("", "Unnamed: 0")  # what R and pandas write over the names of rows, and read there
LOOKED_AT = 50_000  # rows that tell whether a column counts


class Frame:
    """A table with names of its columns and rows, as `cyem.rows.data` reads the frames of other libraries."""

    row_names = None

    def __init__(self, X, names, row_names=None):
        self.X, self.names, self.row_names, self.shape = X, names, row_names, X.shape

    def __len__(self):
        return len(self.X)

    @property
    def column_names(self):
        return self.names or list(range(self.shape[1]))

    def itercolumns(self):
        return iter(self.X.T)


class Kept(NamedTuple):
    """A column of the file as it stands, its numbers where it was read as such, and whether it is a feature."""

    name: str
    text: list
    numbers: list | None
    is_feature: bool

    def take(self, rows):
        """The column of some rows."""
        return self._replace(text=[self.text[i] for i in rows],
                             numbers=self.numbers and [self.numbers[i] for i in rows])


class Rows(NamedTuple):
    """What commands work on.

    Attributes
    ----------
    X : ndarray or Frame
    weights : ndarray or None
    row_names : list of str or None
    called : sequence
        These names, or else numbers from 1, of the rows of the file.
    id_column : str
        What the column of names of rows is called.
    kept : list of Kept
        Columns of the file, for --append.
    labels : ndarray or None
        Components, -1 where nothing is known.
    """

    X: object
    weights: np.ndarray | None
    row_names: list | None
    called: Sequence
    id_column: str
    kept: list
    labels: np.ndarray | None = None


class _Choice:
    """Which columns of the file are used: for features, weights, labels, names of rows, and as they stand."""

    def __init__(self, arguments):
        self.arguments = arguments
        asked = {f"--{name}": getattr(arguments, name, None) for name in ("weights", "labels")}
        self.beside = {option: entry for option, entry in asked.items() if entry is not None}
        self.id = arguments.id
        self.append = getattr(arguments, "append", False)
        self.aside, self.unused = {}, []
        self.id_place = self.words = None  # of the names of rows, and of labels that are words

    def __call__(self, names, width, other):
        arguments = self.arguments
        chosen = self.features(names, width, other)
        if self.id is not None:
            self.id_place = self._one("--id", self.id, names, width)
            chosen = [i for i in chosen if i != self.id_place]
            self.aside.pop(self.id_place, None)
        elif names and names[0] in UNNAMED and width > 1 and not arguments.columns:
            self.id_place = 0  # names of rows, as R and pandas write them, unless it turns out that it has numbers
            self.aside.pop(0, None)
        last, self.options = [], []
        for option, entry in self.beside.items():
            place = self._one(option, entry, names, width)
            chosen = [i for i in chosen if i != place]
            if place in last or not (chosen or self.aside):
                raise ValueError(f"{option} {entry} must be one column, with others beside it")
            if option == "--labels" and place in other:
                self.words = place
                self.aside.pop(place, None)
            else:
                last.append(place)
                self.options.append(option)
        if not chosen:
            why = f": {_reasons(self.aside, names)}" if self.aside else ""
            raise ValueError(f"no column of numbers is left{why}")
        self.chosen = chosen = [*chosen, *last]
        keep = tables.columns(names, width, drop=arguments.drop) if self.append else []
        return chosen, list(dict.fromkeys([*keep, *(i for i in (self.id_place, self.words) if i is not None)]))

    def features(self, names, width, other):
        """Columns of the features, as they are to be used."""
        chosen = tables.columns(names, width, self.arguments.columns, self.arguments.drop)
        if not self.arguments.columns:
            self.aside = {i: other[i] for i in chosen if i in other}
        return [i for i in chosen if i not in self.aside]

    def _one(self, option, entry, names, width):
        column, *more = tables.columns(names, width, [entry])
        if more:
            raise ValueError(f"{option} {entry} must be one column")
        return column


class _ByName(_Choice):
    """The same for a model that knows its features, by their names or by their number."""

    def __init__(self, arguments, model, expected):
        super().__init__(arguments)
        self.model, self.expected = model, expected

    def features(self, names, width, other):
        by_name = bool(self.expected and names and not self.arguments.columns)
        if not by_name:
            return super().features(names, width, other)
        if missing := [name for name in self.expected if name not in names]:
            raise ValueError(
                f"{listing('column', missing)} of the model not found among {listing('column', names)}; "
                "--columns gives the columns in the model's order"
            )
        chosen = tables.columns(names, width, self.expected, self.arguments.drop)
        left = tables.columns(names, width, drop=self.arguments.drop)
        others = {tables.columns(names, width, [entry])[0] for entry in (self.id, *self.beside.values())
                  if entry is not None}
        self.unused = [names[i] for i in left if i not in chosen and i not in others]
        return chosen


def samples(arguments, look=False):
    """The rows of a file, with the names, weights and labels that options select.

    look: whether the data are looked at, so that there is no need to tell of them, nor to set aside more than an index.
    """
    return _rows(arguments, _Choice(arguments), look)


def model_and_samples(arguments):
    """The model, and rows with the model's features as columns."""
    model, expected = _load(arguments.model)
    rows = _rows(arguments, _ByName(arguments, model, expected), n_features=model.n_features_in_)
    return model, rows._replace(X=rows.X.X)


def _load(path):
    """The model and the names of its features, which are matched here: the model itself then asks for no names."""
    model = mixture(path)
    return model, tuple(vars(model).pop("feature_names_in_", ()))


def mixture(path):
    """The mixture in a file; one that is in a regressor or a classifier is not meant."""
    try:
        model = cyem.load(path)
    except ValueError as error:
        raise ValueError(f"{error}. MODEL is a file that cyem fit, or cyem select -o, wrote; it comes first") from error
    if not isinstance(model, Mixture):
        raise ValueError(f"{str(path)!r} holds a {type(model).__name__}, and a mixture is asked for: use it in Python, "
                         "or save its mixture_.")
    return model


def _rows(arguments, choice, look=False, n_features=None):
    table = tables.read(arguments.file, choice, told(arguments))
    d = table.X.shape[1] - len(choice.options)
    X, names, places = table.X[:, :d], table.names and table.names[:d], list(choice.chosen[:d])
    beside = dict(zip(choice.options, table.X[:, d:].T, strict=True))
    words = None
    if choice.words is not None:
        words, beside["--labels"] = _numbered(table.kept[choice.words], arguments.missing)
    strange = _no_measurements(X, table.header, places, arguments, n_features, look)
    row_names = None if choice.id_place is None else table.kept[choice.id_place]
    if row_names and choice.id is None and (_is_plain(row_names) or (places[0] == 0 and 0 not in strange)):
        row_names = choice.id_place = None
    if strange:
        choice.aside |= {places[i]: kind for i, kind in strange.items()}
        use = [i for i in range(len(places)) if i not in strange]
        X, names = X[:, use], names and tuple(names[i] for i in use)
    if n_features is not None and X.shape[1] != n_features:
        raise ValueError(f"{arguments.file}: {X.shape[1]} columns where the model has {n_features} features; choose "
                         "with --columns or --drop")
    used, said = _with_gaps(arguments, X, names, look)
    features = [place for i, place in enumerate(places) if i not in strange]
    kept = [
        _kept(str(table.header[i] if table.header else i + 1), text, i in features,
              table.X[:, choice.chosen.index(i)] if i in choice.chosen else None, used)
        for i, text in table.kept.items() if choice.append and i != choice.id_place
    ]
    if used is not None:
        X, beside = X[used], {option: values[used] for option, values in beside.items()}
        row_names = row_names and [row_names[i] for i in used]
    notes = [*([f"set aside: {_reasons(choice.aside, table.header)} (--columns keeps them)"] if choice.aside else []),
             *([f"--labels {arguments.labels}: {some(f'{word} is component {j}' for j, word in enumerate(words))}"]
               if words else []),
             *([f"{listing('column', choice.unused)} not used, as the model has no such feature"] if choice.unused
               else []), *table.notes, *said]
    if not names and len(features) > 1 and (look or notes):
        numbers = some(str(place + 1) for place in features)
        notes.append(f"columns without names are called by numbers from 0; of the file these are columns {numbers}")
    if notes:
        columns = some(map(repr, names)) if names else plural("column", X.shape[1])
        say(f"note: {arguments.file}: {plural('row', len(table.X))} of {columns}; {'; '.join(notes)}")
    id_column = (table.header[choice.id_place] if table.header and choice.id_place is not None else "") or "row"
    labels = beside.get("--labels")
    labels = None if labels is None else np.where(np.isnan(labels), -1, labels)  # of these nothing is known
    called = row_names or (range(1, len(X) + 1) if used is None else [i + 1 for i in used])
    return Rows(Frame(X, names, called), beside.get("--weights"), row_names, called, id_column, kept, labels)


def _numbered(labels, missing):
    """The words that there are, in the order of the alphabet, and the number of each row's word; NaN where none is."""
    form, = forms([labels], decimal=".", missing=missing)
    words = sorted({word.strip() for word in labels if not form.is_missing(word)})
    numbers = {word: float(j) for j, word in enumerate(words)}
    return words, np.array([numbers.get(word.strip(), np.nan) for word in labels])


def _kept(name, text, is_feature, numbers, used):
    """A column of the file in the rows that are used."""
    if used is not None:
        text, numbers = [text[i] for i in used], None if numbers is None else numbers[used]
    return Kept(name, text, None if numbers is None else numbers.tolist(), is_feature)


def told(arguments):
    """What the options say of how the file is written."""
    return tables.Told(arguments.separator, arguments.decimal, arguments.thousands, arguments.encoding,
                       arguments.header, tuple(arguments.missing), arguments.skip)


def _no_measurements(X, header, places, arguments, n_features, index_only):
    """Columns that count rows or hold one value, and what they do: {place in X: words}; none if nothing else is left.

    Where a model says how many features there are, they are looked for only if there are more columns than that.
    index_only: whether only a first column without a name is asked.
    """
    if arguments.columns or (n_features is not None and X.shape[1] <= n_features):
        return {}
    strange = {}
    for i in range(X.shape[1]):
        unnamed = bool(header) and places[i] == 0 and header[0] in UNNAMED
        if (unnamed or not index_only) and (kind := _no_measurement(X[:, i], unnamed)):
            strange[i] = kind
    return strange if len(strange) < X.shape[1] else {}


def _no_measurement(values, unnamed=False):
    """What a column does that holds no measurements; None of one that does."""
    values = np.asarray(values, np.float64)
    there = values[~np.isnan(values)]
    if len(there) < 2:
        return None
    if (there == there[0]).all():
        return "constant"
    if len(there) < len(values):
        return None
    if (np.diff(values) == 1).all() and (len(values) > 4 or unnamed):
        return "numbers the rows"
    counts = starts_over(values) or (
        Column(values[:LOOKED_AT]).counter and (len(values) <= LOOKED_AT or Column(values).counter))
    return "numbers the rows" if counts else None


def _is_plain(row_names):
    """Whether names of rows only count them, from 0 or 1."""
    return row_names[0] in ("0", "1") and row_names == [str(int(row_names[0]) + i) for i in range(len(row_names))]


def _reasons(aside, header):
    return some(f"{header[i]!r} ({why})" if header else f"{i + 1} ({why})" for i, why in sorted(aside.items()))


def _with_gaps(arguments, X, names, look):
    """Which rows are used, or None for all, and what is said of missing values."""
    missing = np.isnan(X).sum(axis=0) if X.dtype.kind == "f" else np.zeros(X.shape[1])
    if not missing.any():
        return None, []
    label = some(f"{names[i] if names else i + 1} ({missing[i]})" for i in np.flatnonzero(missing).tolist())
    told = f"{plural('value', int(missing.sum()))} missing: {label}"
    if arguments.skip_missing:
        whole = np.flatnonzero(~np.isnan(X).any(axis=1))
        if not len(whole):
            raise ValueError(f"{arguments.file}: {told}; no row is complete, so that --skip-missing leaves none")
        return whole.tolist(), [f"{told}; {len(X) - len(whole)} of {len(X)} rows left out"]
    return None, [f"{told}; all {len(X)} rows are used, each for what was observed; --skip-missing leaves such rows "
                  "out"] if not look else []
