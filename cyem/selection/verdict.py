"""What a selection says of the data in the end: separate groups, one cloud, or that it cannot be told."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..families import state
from ..families.covariance import structure
from ..models.estimator import defaults
from ..models.history import one_of_many
from ..models.mixture import memberships
from ..notices import ConvergenceWarning, NamelessWarning, muted
from ..rows.statistics import TINY
from ..screening.findings import listed
from ..show.markup import element
from ..show.summary import feature_names
from ..show.text import folded, plural, series
from .modes import Landscape

if TYPE_CHECKING:
    from typing import Literal

    from ..rows.types import Integers

SEPARATE, ONE, UNKNOWN = KINDS = "separate groups", "one cloud", "cannot tell"

ROWS = 100_000  # looked at, at most
FEW = 20  # rows of which nobody can tell
EVIDENCE = 6.0  # of BIC, by which several components must be better than one: strong, by Kass & Raftery (1995)
CHANCE = 0.15  # probability that counts like these come from no valley, for all valleys together
OPEN = 0.4  # up to which they leave it open
OVERLAP = 0.12  # share of a group's rows that may as well be another's
WINDOW = 1 / 7  # of the way between two peaks: half of the width of the windows in which rows are counted
TUBE = 0.9  # of the rows of two components: so many are near enough to the way between their peaks
STRAGGLER = 0.1  # of an equal share of the rows: less in a component tells nothing of the valleys around it
COARSE = 4  # rows for each value of a column, in the mean, from which on its values are rounded
CONTACT = 0.1  # of the overlap of the pair of components that overlaps most: such pairs too may connect two groups
FOLDS = 5
MOVED = 0.06  # share of a group's rows that may come to another group, when it is fitted without them
ANYWHERE = 0.2  # from which on there is nothing where they would part
LOST = 10.0  # of a log-likelihood: a fit that ends so much lower than from where the model is has missed it
SURE = 0.9  # probability from which on a row belongs to a group for sure
ONCE = {"callback", "verbose", "verbose_interval", "warm_start", "search", "time_budget", "init_params",
        "weights_init", "means_init", "precisions_init", "n_init", "random_state", "n_moves", "held"}  # of one fit
SKEWED, TAILED, FLATTER, BENT = 0.15, 1.3, 0.9, 0.6  # from which on a shape is called so; see `shape`
CLEAR = 3.0  # standard errors
SOFT = 0.05  # standard deviations of a column that a component of no width gets
TINIEST = 1e-6  # probability that is told
LISTED = 10  # groups whose sizes are listed
LESS = "ask for less: fewer features, 'spherical' or 'tied' covariances."


@dataclass(frozen=True, eq=False, repr=False)
class Verdict:
    """Whether the rows form separate groups; prints as a few lines.

    Attributes
    ----------
    kind : {'separate groups', 'one cloud', 'cannot tell'}
    headline : str
        The verdict in one sentence.
    reasons : tuple of str
        What it rests on, a sentence each.
    next_step : str
        What to do about it.
    group_of : ndarray of int of shape (k,)
        The group of each component, from 0 on in order of size; ``group_of[model.predict(X)]`` are those of the rows.
        All 0 where there are no separate groups.

    Notes
    -----
    Groups are separate where, between any two of them,

    - the fitted density has a valley: components whose ridge line (Ray & Lindsay 2005) has a single peak are one group;
    - rows are scarce in it: so many less than in a window as wide about the lower of the two peaks, as without a valley
      is met in at most 15 of 100 cases, all valleys together (a sign test; Hennig 2010 tests with the dip);
    - at most 12 % of either belong as well to the other;
    - at most 6 % come to another one if a model is fitted to four fifths of the rows and places the fifth (compare the
      prediction strength of Tibshirani & Walther 2005);

    and the model is better than one component by 6 of BIC. Components are merged, those first that have the least of a
    valley between them, until this is so. With fewer than 20 rows, or fewer than parameters, nothing is told.

    How often that is wrong, of 1,000 drawn sets of 9 to 2,000 rows and 1 to 6 features: "separate groups" is said of 15
    of 600 that are none (10 of 100 rings and 5 of 100 boxes; no skewed or heavy-tailed cloud, no two groups 1 to 2
    standard deviations apart, no nine rows), and missed in 18 of 400 where groups of 100 rows, in the mean, are 4
    standard deviations apart. ``python benchmarks/verdicts.py 200 SEED`` counts it again, a fifth of them for each seed
    from 0 to 4. Of such groups of 50 rows each a quarter are missed (19 of 80 sets), of 30 rows a third (28 of 80).

    References
    ----------
    Ray & Lindsay, "The topography of multivariate normal mixtures", Annals of Statistics 33 (2005). Hennig, "Methods
    for merging Gaussian mixture components", ADAC 4 (2010). Tibshirani & Walther, "Cluster validation by prediction
    strength", JCGS 14 (2005).
    """

    kind: Literal["separate groups", "one cloud", "cannot tell"]
    headline: str
    reasons: tuple[str, ...]
    next_step: str
    group_of: Integers

    @property
    def n_groups(self) -> int:
        """The number of separate groups; 1 where there are none."""
        return int(self.group_of.max()) + 1

    def __str__(self) -> str:
        lines = [f"verdict: {self.headline}", *self.reasons, f"Next: {self.next_step}"]
        return "\n".join(map(folded, lines))

    __repr__ = __str__

    def _repr_html_(self):
        """The same for notebooks."""
        from .html import verdict

        return str(element("div", verdict(self)))


class Seen(NamedTuple):
    """The rows that a verdict looks at, with their weights (or None), and how many rows these stand for."""

    X: np.ndarray
    weights: np.ndarray | None
    total: float
    points: tuple = ()  # (feature, value): values that many rows hold, where a component may have no width
    least: np.ndarray | None = None  # of each feature, of what was observed, where draws stand for gaps

    @classmethod
    def of(cls, X, weights, points=()):
        """Of very many rows a part, evenly taken; a copy, so that what becomes of X changes nothing.

        The rows are sorted, so that it does not matter in which order they come.
        """
        total = float(len(X) if weights is None else weights.sum())
        order = np.lexsort(X.T[::-1] if weights is None else (weights, *X.T[::-1]))[:: -(-len(X) // ROWS)]
        return cls(X[order], None if weights is None else weights[order].astype(float), total, points)

    def without(self, some):
        """The other rows, and how many rows it is that are gone."""
        share = float(np.average(some, weights=self.counts))
        weights = None if self.weights is None else self.weights[~some]
        return self._replace(X=self.X[~some], weights=weights, total=self.total * (1 - share)), self.total * share

    @property
    def held(self):
        """The rows with one of these values, which are at a peak by themselves."""
        held = np.zeros(len(self.X), bool)
        for feature, value in self.points:
            held |= self.X[:, feature] == value
        return held

    @property
    def counts(self):
        """What each row counts for."""
        return np.ones(len(self.X)) if self.weights is None else self.weights


def judged(selection, rows):
    """The verdict on the best model of a selection.

    Parameters
    ----------
    selection : Selection
    rows : Seen or None

    Returns
    -------
    Verdict
    """
    model = selection.best_
    with muted(NamelessWarning), muted(ConvergenceWarning):
        if rows is not None and np.isnan(rows.X).any():  # drawn from the model, gaps neither fill valleys nor make any
            rows = rows._replace(X=model.impute(rows.X, draws=1, random_state=0)[0], least=np.fmin.reduce(rows.X))
        outside = 0.0
        if rows is not None and vars(model).get("background_weight_"):  # rows of no component tell of no group
            rows, outside = rows.without(model.predict(rows.X) < 0)
        if rows is not None and rows.points:
            model = softened(model, rows)
        said = _verdict(selection, selection.best_row, model, rows)
    if outside:
        belongs = "belongs" if _number(outside) == "1" else "belong"
        said = replace(said, reasons=(*said.reasons, f"{_number(outside)} of the rows {belongs} to the background."))
    return said


def softened(model, rows):
    """The model with some width where it has components of none at values that many rows hold.

    Beside such a one the density falls at once, and what is between it and others would not be seen.
    """
    shape, covariances = structure(model.covariance_type), np.array(getattr(model, model._matrices), float)
    if shape.code == "EEE":  # one matrix, which the others keep wide
        return model
    centre = np.average(rows.X, axis=0, weights=rows.counts)
    variances = np.average((rows.X - centre) ** 2, axis=0, weights=rows.counts)
    for feature, value in rows.points:
        at, least = (feature,) * (covariances.ndim - 1), SOFT**2 * variances[feature]
        for j, mean in enumerate(model.means_[:, feature]):
            if covariances[(j, *at)] < least and (mean - value) ** 2 < least:
                covariances[(j, *at)] = least
    soft = copy.copy(model)
    soft.precisions_cholesky_ = shape.factors(covariances)
    return soft


def _verdict(selection, row, model, rows):
    if rows is None:
        return _unknown(row.n_components, "the selection has no rows", "take the selection that select returned.")
    k, n, p = row.n_components, rows.total, row.n_parameters
    if n < FEW or n < p:
        rows_are = f"{_number(n)} {'row is' if _number(n) == '1' else 'rows are'}"
        return _unknown(
            k, f"{rows_are} too few", f"collect {max(5 * p, 50):,} rows or more, or {LESS}",
            f"The best model has {plural('parameter', p)}; with so few rows any data look like groups.")
    if selection.interrupted:
        return _unknown(k, "the search was ended before it was done", "let it run to its end.",
                        f"The best so far is {row.title}.")
    if row.spurious:
        return _unknown(k, "the best model owes its likelihood to a few rows",
                        "look for copies and rounded values among the rows, or ask for fewer components.",
                        "So do all models compared.")
    if {other.n_components for other in selection.rows if not other.reason} == {1}:
        return _unknown(k, "only one component was tried", "select among several numbers of components.")
    if k == 1:
        return _cloud(model, rows, "a single component describes the rows best", _evidence(selection, row)[1])
    return _several(selection, row, model, rows)


def _unknown(k, headline, next_step, *reasons):
    """The verdict that it cannot be told."""
    return Verdict(UNKNOWN, f"cannot tell: {headline}", reasons, next_step, np.zeros(k, int))


def _several(selection, row, model, rows):
    """The verdict where several components were chosen."""
    k, landscape = row.n_components, Landscape(model)
    together, peaks = f"{plural('component', k)} describe it together", landscape.peaks()
    if len(set(peaks.tolist())) == 1:
        return _cloud(model, rows, together, "Their density has a single peak: there is no valley between them.")
    resp = memberships(model, rows.X)
    groups, valley = _merged(landscape, peaks, resp, rows)
    p = f"p = {valley.chance:.2g}" if valley.chance > TINIEST else f"p < {TINIEST:g}"
    between, beside = f"{valley.between:,.0f}", f"{valley.beside:,.0f}"
    if len(set(groups.tolist())) == 1:
        counted = f"Between its peaks are {between} rows, and {beside} in a window as wide around the lower peak"
        if valley.chance > OPEN or valley.overlap > OVERLAP:
            return _cloud(model, rows, together, f"{counted}: that is no gap.")
        return _unknown(k, "there may be groups, but the rows do not show it",
                        "collect more rows; then a valley that is real will show.",
                        f"{counted}: that may be chance ({p}).")
    group_of, sizes = _by_size(groups, resp, rows)
    least = "" if len(sizes) == 2 else ", where it shows least"
    scarce = f"Rows are scarce between the groups: {between}, where {beside} are around the lower peak ({p}{least})."
    gain, told = _evidence(selection, row)
    if gain < EVIDENCE:
        return _unknown(k, f"{k} components are hardly better than one", "collect more rows.", scarce, told)
    moved = _moved(model, rows, group_of, resp)
    elsewhere = "Models fitted without a fifth of the rows put {} elsewhere.".format
    if moved > ANYWHERE:
        return _cloud(model, rows, together, f"{elsewhere(f'{moved:.0%} of those of a piece')} They cut it anywhere.")
    if moved > MOVED:
        return _unknown(k, "there may be groups, but where they part hangs on single rows",
                        f"collect more rows, or {LESS}", scarce, elsewhere(f"{moved:.0%} of those of a group"))
    firm = elsewhere(f"at most {max(moved, 0.001):.1%} of those of any group" if moved else "none of them")
    return _separate(rows, group_of, sizes, resp, [scarce, firm])


def _separate(rows, group_of, sizes, resp, reasons):
    """The verdict that there are groups."""
    together = _together(group_of, resp)
    sure = float(np.average(together.max(axis=1) > SURE, weights=rows.counts))
    numbers = [f"{size:,.0f}" for size in sizes]
    sized = series(numbers) if len(numbers) <= LISTED else f"{numbers[-1]} to {numbers[0]}"
    headline = f"{plural('separate group', len(sizes))}, of {sized} rows"
    said = [f"{sure:.0%} of the rows belong to one group with a probability above {SURE:.0%}."]
    labels = together.argmax(axis=1)
    for g in range(len(sizes)):
        own = np.flatnonzero(group_of == g).tolist()
        if len(own) > 1:
            inside = labels == g
            looks = shape(rows.X[inside], rows.counts[inside])
            kind = f"one {looks} group" if looks else "one group"
            said.append(f"Components {series(map(str, own))} make up {kind}.")
    if len(sizes) == len(group_of):
        next_step = "describe the groups, and ask by stability whether they come back in rows drawn anew."
    else:
        next_step = ("describe the groups; interpret no component inside one before stability says that it comes back "
                     "in rows drawn anew.")
    return Verdict(SEPARATE, headline, (*reasons, *said), next_step, group_of)


def _cloud(model, rows, how, reason):
    """The verdict that there is one cloud, with what it looks like."""
    looks = shape(rows.X, rows.counts)
    headline = f"one {looks} cloud, not separate groups" if looks else "one cloud, not separate groups"
    return Verdict(ONE, f"{headline}: {how}", (reason,), _advice(model, rows, looks),
                   np.zeros(len(model.weights_), int))


def _advice(model, rows, looks):
    """What to do about one cloud."""
    if looks == LOOKS["skewed"]:
        names, X = feature_names(model), rows.X
        least = X.min(axis=0) if rows.least is None else rows.least
        columns = [name for name, x, low in zip(names, X.T, least, strict=True)
                   if low > 0 and _octile(x, rows.counts) >= SKEWED]
        if columns:
            return f"take logarithms of {listed(columns, most=4)}, and select again; take no component for a group."
        return "transform the skewed columns, and select again; take no component for a group."
    if looks == LOOKS["heavy"] and state.tails(model) is None:
        return "family='student' describes heavy tails by themselves; take no component for a group."
    if len(model.weights_) == 1:
        return "nothing to separate; groups so near each other that they have one peak would need another column."
    return "use the mixture as a density; take no component for a group."


class Between(NamedTuple):
    """What the rows say of the valley between two sets of components."""

    chance: float  # probability of such counts if there is no valley, by all valleys that were looked for
    between: float  # rows in it
    beside: float  # about the lower peak
    overlap: float  # share of the rows of the smaller set that may as well be the other's

    @property
    def weakness(self):
        return max(self.chance / CHANCE, self.overlap / OVERLAP)


def _merged(landscape, peaks, resp, rows):
    """Groups of components (k,) between which the rows are scarce, and the valley where this shows least.

    Where there is one group only, the valley is that which was the last to be filled.
    """
    counts, last = rows.counts, None
    counted = _counted(landscape, peaks, resp, rows)
    groups, names = peaks.copy(), sorted(set(peaks.tolist()))
    own = {g: resp[:, groups == g].sum(axis=1) for g in names}
    found, tests = {}, len(names) - 1
    while True:
        pairs = {}
        for (i, j), pair in counted.items():
            if groups[i] != groups[j]:
                pairs.setdefault((min(groups[i], groups[j]), max(groups[i], groups[j])), []).append(pair)
        for (a, b), between in pairs.items():
            if (a, b) not in found:
                near = _telling(between, tests)
                most = max(pair.contact for pair in near)
                p, *rest = max(pair.count for pair in near if pair.contact >= CONTACT * most)
                smaller = min((counts * own[a]).sum(), (counts * own[b]).sum())
                overlap = float((counts * np.minimum(own[a], own[b])).sum() / max(smaller, TINY))
                direct = any(pair.direct for pair in between)
                found[a, b] = direct, Between(min(1.0, p * tests), *rest, overlap)
        if not found:
            return groups, last
        neighbours = [pair for pair, (direct, _) in found.items() if direct] or list(found)
        a, b = max(neighbours, key=lambda pair: found[pair][1].weakness)
        valley = found[a, b][1]
        if valley.weakness <= 1:
            return groups, valley
        groups[groups == b], last = a, valley
        own[a] += own.pop(b)
        found = {pair: entry for pair, entry in found.items() if not {a, b} & set(pair)}


class Pair(NamedTuple):
    """Two components with a valley between them."""

    direct: bool  # no third one is in the valley
    solid: bool  # neither has next to no rows
    contact: float  # rows that may be of either
    count: tuple  # the probability of what was counted, the rows in the valley and around the lower peak


def _telling(pairs, tests):
    """Of the pairs of components of two groups those that tell of the valley between the groups.

    That is, pairs that no third component is between. A straggler may be: then those around it.
    """
    direct = [pair for pair in pairs if pair.direct]
    around = [pair for pair in pairs if pair.solid and chance(0, pair.count[2]) * tests <= CHANCE]
    return [pair for pair in direct if pair.solid] or around or direct or pairs


def _counted(landscape, peaks, resp, rows):
    """A `Pair` for each two components with a valley between them."""
    Y, counts, labels = landscape.frame.enter(_unrounded(rows)), rows.counts, resp.argmax(axis=1)
    least, found, held = STRAGGLER / len(peaks), {}, rows.held
    for valley in landscape.valleys:
        i, j = valley.pair
        of = (labels == i) | (labels == j)
        if peaks[i] == peaks[j] or not of.any():
            continue
        along, aside, at, length = landscape.across(valley, Y)
        own = counts * (resp[:, i] + resp[:, j])
        if Y.shape[1] > 1:
            own[aside > quantiles(aside[of], counts[of], [TUBE])[0]] = 0
        between = float(own[(np.abs(along - at) < WINDOW * length) & ~held].sum())
        beside = [float(own[np.abs(along - x) < WINDOW * length].sum()) for x in (0, length)]
        contact = float((counts * np.minimum(resp[:, i], resp[:, j])).sum())
        count = max((chance(between, peak), between, peak) for peak in beside)
        found[i, j] = Pair(valley.direct, bool(landscape.weights[[i, j]].min() >= least), contact, count)
    return found


def _unrounded(rows):
    """The rows, with values of coarsely rounded columns spread over what was rounded to them.

    Between whole numbers there are no others, which is no valley. The spread is even, of all columns together: by
    multiples of powers of the root of x^(d + 1) = x + 1, less their whole parts.
    """
    X = rows.X.astype(float)
    n, d = X.shape
    root = 2.0
    for _ in range(40):
        root = (1 + root) ** (1 / (d + 1))
    for j, x in enumerate(X.T):
        values = np.unique(x)
        if 1 < len(values) <= n / COARSE:
            places = np.arange(1, n + 1) * root ** -(j + 1) % 1 - 0.5
            X[:, j] += places * np.diff(values).min()
    return X


def chance(between, beside):
    """The probability that so few of so many rows fall into the one of two windows, if both are as likely.

    The normal approximation of the binomial distribution, which takes weights too.

    Examples
    --------
    >>> from cyem.selection.verdict import chance
    >>> round(chance(5, 15), 3), chance(0, 0)  # exactly 0.021
    (0.022, 1.0)
    """
    n = between + beside
    return 1.0 if n == 0 else math.erfc((n / 2 - between - 0.5) / math.sqrt(n / 2)) / 2


def _by_size(groups, resp, rows):
    """The group of each component, 0 for the largest, and how many rows each has."""
    names = sorted(set(groups.tolist()))
    group_of = np.searchsorted(names, groups)
    labels = _together(group_of, resp).argmax(axis=1)
    sizes = np.bincount(labels, rows.counts, len(names)) * (rows.total / rows.counts.sum())
    order = np.argsort(-sizes, kind="stable")
    return np.argsort(order)[group_of], sizes[order].tolist()


def _together(group_of, resp):
    """Probabilities of groups (n, g) from those of components."""
    return np.column_stack([resp[:, group_of == g].sum(axis=1) for g in range(group_of.max() + 1)])


def _moved(model, rows, group_of, resp):
    """The largest share of a group's rows that come to another one, if a model of the others places them."""
    counts, together = rows.counts, _together(group_of, resp)
    labels, g = together.argmax(axis=1), together.shape[1]
    sizes = np.maximum(np.bincount(labels, counts, g), TINY)
    fold = np.arange(len(labels)) % FOLDS
    if len(labels) * (FOLDS - 1) // FOLDS < len(group_of):
        return 1.0  # with fewer rows than components there is no fit
    moved = np.zeros(g)
    for left in range(FOLDS):
        rest = fold != left
        other = _fitted(type(model)(**_own(model), random_state=0), rows, rest)
        wrong = _misplaced(other, rows, together, rest)
        if (wrong > MOVED * sizes / FOLDS).any():
            same = copy.copy(model).set_params(warm_start=True, init_params=defaults(type(model))["init_params"])
            same = _fitted(same, rows, rest)
            if (same.lower_bound_ - other.lower_bound_) * counts[rest].sum() > LOST:
                wrong = _misplaced(same, rows, together, rest)
        moved += wrong
    return float((moved / sizes).max())


def _misplaced(other, rows, together, rest):
    """How many rows of each group, of those left out, a fit to the rest puts into another one (g,).

    A component of it belongs to the group of which it has the largest share.
    """
    counts, g, out = rows.counts, together.shape[1], ~rest
    shares = memberships(other, rows.X[rest]).T @ (together[rest] * counts[rest, None])
    owner = (shares / np.maximum(shares.sum(axis=0), TINY)).argmax(axis=1)
    resp, labels = memberships(other, rows.X[out]), together[out].argmax(axis=1)
    placed = np.column_stack([resp[:, owner == each].sum(axis=1) for each in range(g)]).argmax(axis=1)
    return np.bincount(labels, counts[out] * (placed != labels), g)


def _own(model):
    """Parameters of a model, but for what concerns where to begin, or what is told of one fit."""
    return {name: value for name, value in model.get_params().items() if name not in ONCE}


def _fitted(model, rows, some):
    """The model, fitted to some of the rows."""
    return one_of_many(model, rows.X[some], None if rows.weights is None else rows.weights[some])


def _evidence(selection, row):
    """By how much of BIC a row is better than the best of a single component, or of several; and that in words."""
    def best(counts):
        return min((other.bic for other in selection.rows
                    if counts(other.n_components) and not other.reason and not other.spurious), default=math.nan)

    one, several = best(lambda k: k == 1), best(lambda k: k > 1)
    if math.isnan(one) or math.isnan(several):
        return math.inf, "Nothing else could be compared."
    better = "several components than for one" if several < one else "one component than for several"
    return one - row.bic, f"BIC is better by {abs(one - several):.1f} for {better}."


def _number(value):
    value = round(value, 1)
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


LOOKS = {"skewed": "skewed", "heavy": "heavy-tailed", "flat": "flat or hollow", "curved": "curved"}


def shape(X, weights):
    """What makes a cloud look other than normal, in a word; nothing where nothing is clear.

    z are the whitened rows: axes and units do not matter. The cloud is skewed where, along the mean of |z|^2 z (Mori,
    Rohatgi & Szekely 1993), the median is off the middle between the first and the last tenth; heavy-tailed or flat
    where the mean of |z|^4 (Mardia 1970) is more or less than d (d + 2); curved where what is along that mean follows
    the square of something across it.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    weights : ndarray of shape (n,)

    Returns
    -------
    str
    """
    n, d = weights.sum(), X.shape[1]
    scale = np.abs(X).max(axis=0)
    X = X / np.where(scale > 0, scale, 1)
    centred = X - weights @ X / n
    values, vectors = np.linalg.eigh((centred.T * weights) @ centred / n)
    kept = values > np.finfo(X.dtype).eps * d * values[-1]
    if not kept.any():
        return ""
    Z = centred @ vectors[:, kept] / np.sqrt(values[kept])
    d = Z.shape[1]
    squares = (Z * Z).sum(axis=1)
    direction = (weights * squares) @ Z
    direction /= max(math.sqrt(direction @ direction), TINY)
    along = Z @ direction
    if d > 1:
        rest = Z - along[:, None] * direction
        values, vectors = np.linalg.eigh((rest.T * (weights * along)) @ rest / n)
        follows = values[np.abs(values).argmax()] ** 2
        spread = weights @ ((rest @ vectors[:, np.abs(values).argmax()]) ** 2 - 1) ** 2 / n
        if follows >= BENT * spread:
            return LOOKS["curved"]
    skew = _octile(along, weights)
    if abs(skew) >= SKEWED and abs(skew) * math.sqrt(n) > CLEAR:
        return LOOKS["skewed"]
    ratio = float(weights @ squares**2 / n / (d * (d + 2)))
    error = math.sqrt(8 / (n * d * (d + 2)))
    if ratio >= TAILED and ratio - 1 > CLEAR * error:
        return LOOKS["heavy"]
    if ratio <= FLATTER and 1 - ratio > CLEAR * error:
        return LOOKS["flat"]
    return ""


def _octile(x, weights):
    """How far the median is off the middle between the first and the last tenth, relative to half of their distance."""
    low, middle, high = quantiles(x, weights, [0.1, 0.5, 0.9])
    return (high + low - 2 * middle) / (high - low) if high > low else 0.0


def quantiles(x, weights, parts):
    """Values up to which parts of all weight go."""
    order = np.argsort(x, kind="stable")
    sums = np.cumsum(weights[order])
    return x[order[np.minimum(np.searchsorted(sums, sums[-1] * np.array(parts)), len(x) - 1)]]
