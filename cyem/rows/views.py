"""Rows of which only a part is known: values are missing, or measured with an error of known size.

What is known of a row is its view. Sums over rows are what the sums over complete ones are expected to be, so that
M-steps need not know of it: see `kernels/views.pyx`. Rows that are complete go the way of all samples, and their sums
are added.
"""

from typing import NamedTuple

import numpy as np

from .. import threads
from ..kernels import views as kernel
from ..kernels.arguments import Batches
from ..lazy import cached_property
from .samples import Density, Frame, Samples, effective, entropy, locate, nothing, operations, scaled_weights, worth
from .statistics import kind_of


class Known(NamedTuple):
    """What is known of rows besides their values."""

    noise: np.ndarray = None  # variances (n, d) or covariances (n, d, d) of errors of measurement; None: there are none
    components: np.ndarray = None  # what multiplies the weights of the components for each row (n, k); None: nothing
    outside: np.ndarray = None  # the same of the background (n,); None: nothing

    def take(self, rows):
        """What is known of some of them."""
        return Known(*(None if array is None else array[rows] for array in self))


NOTHING_ELSE = Known()
EMITS = {name: i for i, name in enumerate(kernel.EMITS)}
NORMAL = np.empty((0, 0))  # tails, and what there is besides the components
LEAST = -1e300  # of a log-density: of what is impossible
SEED = 0  # of what is drawn in the place of gaps, before anything else is known


class Views:
    """Rows as `Samples` has them, NaN where nothing was observed; passes over them give sums of complete rows.

    Computed in double precision, whatever the dtype is. There are no loops here that make many passes in one call.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        float32 or float64, with NaN.
    weights : ndarray of shape (n,) or None
    frame : Frame
    n_threads : int
    check : function without arguments, optional
    unit : float
        As `Samples` has them.
    known : Known
        What is known of the rows besides.
    """

    complete = at_once = False
    single = False  # whether sums are of single precision

    def __init__(self, X, weights, frame, n_threads, check=nothing, unit=1.0, known=NOTHING_ELSE):
        self.known, self.told = known, known.components is not None
        self.X, self.dtype, self.frame, self.n_threads, self.check = X, X.dtype, frame, n_threads, check
        self.weights, self.unit = scaled_weights(weights, np.dtype(np.float64), unit)
        self.mass = float(self.weights.sum()) if len(self.weights) else float(len(X))
        self.total = len(X) if weights is None else float(weights.sum()) * unit
        gone = np.isnan(X)
        part = gone.any(axis=1) if known is NOTHING_ELSE else np.ones(len(X), bool)
        self.whole = np.flatnonzero(~part)  # rows that go the way of all samples
        self.exact = Samples(X[self.whole].astype(np.float64), self.weights[self.whole] if len(self.weights) else None,
                             frame, n_threads, check, self.unit) if len(self.whole) else None
        self.partial = np.flatnonzero(part)  # the others
        self.workspace = np.empty(0, np.uint8)

    @property
    def at_hand(self):
        """Rows in memory that stand for these: themselves."""
        return self

    @property
    def n_effective(self):
        """How many rows of equal weight tell as much."""
        return effective(self)

    @cached_property
    def by_view(self):
        """The rows of which a part is known, as the kernel has them; those that are seen the same way together."""
        return packed(self, self.partial)

    @cached_property
    def as_they_come(self):
        """The same for axis-parallel components, where it does not matter how rows are seen."""
        return packed(self, self.partial, axis=True)

    @cached_property
    def log_volume(self):
        """What the mean log-density in the frame exceeds that outside by."""
        return float(np.average(self.log_volumes, weights=self.weights if len(self.weights) else None))

    @cached_property
    def log_volumes(self):
        """The same for each row (n,): units count where a value was observed."""
        return ~np.isnan(self.X) @ np.log(self.frame.units)

    def sweep(self, density, moments):
        """Expected statistics of the complete rows: responsibilities under `density`, moments about its means."""
        if not len(self.partial):
            return self.exact.sweep(density, moments)
        found = self._sweep(density, moments)
        return found if self.exact is None else found + self.exact.sweep(density, moments)

    def _sweep(self, density, moments):
        """The same of the rows of which a part is known."""
        axis, S = self._spread(density)
        k, d = density.means.shape
        kind = "squares" if axis else "pooled" if moments in ("pooled", "none") else "scatter"
        size = kernel.statistics_size(k, d, EMITS[kind])
        made, more = kind_of(k, density.heavy, density.background is not None)
        sums = self._run(density, axis, S, kind, np.empty(size + more))
        sums, others = sums[:size], sums[size:]
        flat = 2 + k + k * d
        second = sums[flat:]
        if moments in ("squares", "norms"):
            second = second.reshape(k, d) if axis else np.diagonal(second.reshape(k, d, d), axis1=1, axis2=2)
            second = second.sum(axis=1) if moments == "norms" else second.ravel()
        elif moments == "none":
            second = second[:0]
        return made(np.concatenate([sums[:flat], second, others]), density.means, self.frame, self.unit)

    def score_samples(self, density):
        """Log-density, in the frame, of what was observed of each row (n,)."""
        out = np.empty(len(self.X))
        if self.exact is not None:
            out[self.whole] = self.exact.score_samples(density)
        out[self.partial] = self._each(density, "scores", 1)[:, 0]
        return out

    def responsibilities(self, density):
        """Probability of each component given what was observed of each row (n, k)."""
        out = np.empty((len(self.X), len(density.means)))
        if self.exact is not None:
            out[self.whole] = self.exact.responsibilities(density)
        out[self.partial] = self._each(density, "responsibilities", out.shape[1])
        return out

    def entropies(self, density):
        """Weighted sum over rows of -sum_k r_k log r_k, with r the responsibilities."""
        return entropy(self.responsibilities(density), self.weights if len(self.weights) else None) * self.unit

    def labels(self, density):
        """The most probable component of each row (n,); -1 where the background is as probable."""
        resp = self.responsibilities(density)
        label = resp.argmax(axis=1)
        if density.background is not None:
            label[resp.max(axis=1) <= 1 - resp.sum(axis=1)] = -1
        return label

    def completed(self, density):
        """The rows, with their expected values where nothing was observed (n, d), in the frame."""
        X = self.frame.enter(self.X.astype(np.float64))
        found = np.empty_like(X)
        found[self.partial] = self._each(density, "completed", X.shape[1])
        return np.where(np.isnan(X), found, X)

    def part(self, rows, weights=None):
        """Some of the rows, with their own or other weights, in the same frame."""
        known, unit = self.known.take(rows), 1.0
        if weights is None and len(self.weights):
            weights, unit = self.weights[rows], self.unit
        return Views(self.X[rows], weights, self.frame, self.n_threads, self.check, unit, known)

    def drawn(self, density, seed=SEED):
        """Samples, with a draw from a mixture in the place of what was not observed.

        A row y of a component, seen as the row x is, misses its own expectation by what x may miss its own by; of a t
        distribution by that over the root of a draw of the hidden weight of x (`families/student.py`).
        """
        rng = np.random.default_rng(seed)
        resp = self.responsibilities(density)
        u = rng.random(len(resp)) * resp.sum(axis=1)
        component = (np.cumsum(resp, axis=1) < u[:, None]).sum(axis=1).clip(max=resp.shape[1] - 1)
        X, gone = self.frame.enter(self.X.astype(np.float64)), np.isnan(self.X)
        for j in np.unique(component).tolist():
            rows = np.flatnonzero((component == j) & gone.any(axis=1))
            if not len(rows):
                continue
            one = alone(density, j)
            Y = one.means + rng.standard_normal((len(rows), X.shape[1])) @ root(one)
            seen, mine = (self._inside(rows, Z) for Z in (np.where(gone[rows], np.nan, Y + self._errors(rows, rng)),
                                                          X[rows]))
            off = Y - seen.completed(one)
            if density.heavy:
                off /= np.sqrt(self._hidden(rows, mine, one, density.tails()[j, 0], rng))[:, None]
            X[rows] = np.where(gone[rows], mine.completed(one) + off, X[rows])
        known = np.where(gone, self.frame.leave(X), self.X).astype(self.dtype)
        weights = self.weights if len(self.weights) else None
        samples = Samples(known, weights, self.frame, self.n_threads, self.check, self.unit)
        samples.total = self.total
        return samples

    def _inside(self, rows, X):
        """Rows of the frame X (m, d), as some of these rows are seen."""
        noise = None if self.known.noise is None else inside(self.known.noise[rows], np.isnan(X), self.frame)
        if noise is not None and self.known.noise.ndim == 2:
            noise = noise[:, 0]
        return Views(X, None, here(X.shape[1]), self.n_threads, self.check, known=Known(noise))

    def _errors(self, rows, rng):
        """Errors of measurement of some rows, drawn, in the frame (m, d); 0 where there are none."""
        if self.known.noise is None:
            return 0.0
        return errors(self.known.noise[rows], rng) / self.frame.units

    def _hidden(self, rows, mine, one, freedom, rng):
        """Draws (m,) of the hidden weights of some rows: gamma variables, given how far out what was observed is."""
        if freedom == np.inf:
            return np.ones(len(rows))
        middle = self._inside(rows, np.where(np.isnan(mine.X), np.nan, one.means))
        q = 2 * (middle.score_samples(one) - mine.score_samples(one)).clip(min=0)
        return rng.gamma((freedom + (~np.isnan(mine.X)).sum(axis=1)) / 2) * 2 / (freedom + q)

    def threads(self, k, structure):
        """How many threads the next kernel may use that has to do with k components."""
        self.check()
        return threads.enter(worth(operations(len(self.X), k, self.X.shape[1]), self.n_threads))

    def _each(self, density, emit, width):
        """So many numbers of each row of which a part is known."""
        out = np.zeros((len(self.partial), width))
        if len(out):
            self._run(density, *self._spread(density), emit, out.ravel())
        return out

    def _spread(self, density):
        """The same as `spread`; errors of measurement may turn components out of the axes."""
        axis, S = spread(density)
        return (False, S[:, 0, :, None] * np.eye(S.shape[2])) if axis and self.known.noise is not None else (axis, S)

    def _run(self, density, axis, S, emit, out):
        self.check()
        k, d = density.means.shape
        rows = self.as_they_come if axis else self.by_view
        n_threads = threads.enter(min(worth(3 * operations(len(self.X), k, d), self.n_threads), rows.batches))
        how = dict(emit=EMITS[emit], axis=axis)
        size = kernel.workspace_size(rows, k, n_threads, heavy=density.heavy, **how)
        if len(self.workspace) < size:
            self.workspace = np.empty(size, np.uint8)
        with np.errstate(divide="ignore"):
            logs = np.log(density.weights)
        tails = density.tails() if density.heavy else NORMAL
        means, background = np.ascontiguousarray(density.means, np.float64), self._background(density, rows)
        kernel.sweep_views(rows, logs, means, S, tails, background, out, self.workspace, n_threads=n_threads, **how)
        return out

    @cached_property
    def _observed(self):
        """Where values were observed of the rows of which a part is known."""
        return ~np.isnan(self.X[self.partial])

    def _background(self, density, rows):
        """Log-densities of what was observed of rows that are of no component, as the kernel has them."""
        if density.background is None:
            return NORMAL
        logs = density.background[0] + self._observed @ density.background[1:]
        if self.known.outside is not None:
            with np.errstate(divide="ignore"):
                logs = np.maximum(logs + np.log(self.known.outside[self.partial]), LEAST)
        return np.where(rows.place < 0, 0.0, logs[rows.place])


class Glance:
    """A density made ready for rows of which a part is known: what it says of each of them, as `Evaluator` does."""

    def __init__(self, frame, density, noise=None):
        self.frame, self.density, self.noise = frame, density, noise

    def rows(self, X, weights, n_threads):
        """Rows as this sees them."""
        return Views(X, weights, self.frame, n_threads, known=Known(self.noise))

    def log_densities(self, X, n_threads):
        """Log-density of what was observed of each row (n,); 0 where that is nothing."""
        rows = self.rows(X, None, n_threads)
        return rows.score_samples(self.density) - rows.log_volumes

    def responsibilities(self, X, n_threads):
        """Probability of each component given what was observed of each row (n, k)."""
        return self.rows(X, None, n_threads).responsibilities(self.density).astype(X.dtype)

    def labels(self, X, n_threads):
        """The most probable component of each row (n,)."""
        return self.rows(X, None, n_threads).labels(self.density)


def spread(density):
    """Whether components are axis-parallel, and their covariances (k, d, d), or variances (k, 1, d)."""
    k, d = density.means.shape
    S = np.asarray(density.covariances, np.float64)
    if density.kind.split()[0] in ("triangular", "whitened"):
        return False, np.ascontiguousarray(np.broadcast_to(S, (k, d, d)))
    return True, np.ascontiguousarray(np.broadcast_to(S[:, None] if S.ndim == 1 else S, (k, d)))[:, None]


def alone(density, j):
    """One of the components with normal tails, for what rows are expected to be: how high it is does not matter."""
    shared = density.kind.startswith("whitened")
    factors, own = (a if shared else a[j : j + 1] for a in (density.factors, density.covariances))
    return Density(density.kind.split()[0], density.means[j : j + 1], factors, np.zeros(1), np.ones(1),
                   own[None] if shared else own)


def root(density):
    """A matrix R (d, d) with R' R the covariance of the one component."""
    axis, S = spread(density)
    return np.diag(np.sqrt(S[0, 0])) if axis else np.linalg.cholesky(S[0]).T


def errors(noise, rng):
    """Errors of measurement (n, d), drawn from their variances (n, d) or covariances (n, d, d)."""
    z = rng.standard_normal(noise.shape[:2])
    if noise.ndim == 2:
        return np.sqrt(noise) * z
    values, vectors = np.linalg.eigh(noise)
    return (vectors @ (np.sqrt(values.clip(min=0)) * z)[:, :, None])[:, :, 0]


def here(d):
    """The frame of what is in a frame already."""
    return Frame(np.zeros(d), np.ones(d))


def inside(noise, gone, frame):
    """Covariances of errors of measurement as the kernel has them: in the frame, and 0 where nothing was observed."""
    if noise.ndim == 2:
        return np.ascontiguousarray(np.where(gone, 0.0, noise / frame.units**2)[:, None])
    return np.where(gone[:, :, None] | gone[:, None], 0.0, noise / frame.units / frame.units[:, None])


def packed(views, rows, axis=False):
    """Some of the rows as the kernel has them: see `kernels/views.pyx`. axis: for axis-parallel components."""
    X, known, wide = views.X[rows], views.known.take(rows), kernel.ITEMS_OF_A_BATCH
    gone = np.isnan(X)
    noise = None if known.noise is None else inside(known.noise, gone, views.frame)
    order, items = in_order(*X.shape) if axis else arranged(gone, noise)
    items = np.concatenate([items, np.tile([items[-1, 0], 0], (-len(items) % wide, 1))])  # in whole batches
    first, length = items.reshape(-1, wide, 2).transpose(2, 0, 1)
    slots = length.max(axis=1)
    batch, begin = np.repeat(np.arange(len(slots)), slots), np.append(0, np.cumsum(slots))
    r = (np.arange(begin[-1]) - begin[batch])[:, None]
    there = r < length[batch]
    place = order[first[batch] + np.where(there, r, 0)]
    inside_frame = views.frame.enter(X.astype(np.float64))
    own = np.ones(len(X)) if not len(views.weights) else views.weights[rows]
    with np.errstate(divide="ignore"):
        prior = None if known.components is None else np.log(known.components)[place].transpose(0, 2, 1)
    return Batches(
        np.ascontiguousarray(inside_frame[place].transpose(0, 2, 1)), np.where(there, own[place], 0.0),
        np.where(there, place, -1), begin.astype(np.intp),
        None if noise is None else np.ascontiguousarray(noise[order[first.ravel()]]),
        None if prior is None else np.ascontiguousarray(prior))


def in_order(n, d):
    """The same as `arranged` where it does not matter how rows are seen: items of as many rows as fit."""
    longest = min(kernel.item_size(d), -(-n // kernel.ITEMS_OF_A_BATCH))
    first = np.arange(0, n, longest)
    return np.arange(n), np.stack([first, np.minimum(longest, n - first)], axis=1).astype(np.intp)


def arranged(gone, noise=None):
    """The order in which rows lie next to others seen the same way (n,), and where in it items are: first row, length.

    gone: where nothing was observed, booleans (n, d). noise: as `inside` gives it, or None. Longer items come first, so
    that those side by side are alike.
    """
    pattern = patterns(gone, noise)
    counts = np.bincount(pattern)
    pieces = -(-counts // kernel.ROWS_OF_AN_ITEM)
    of = np.repeat(np.arange(len(counts)), pieces)
    piece = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    first = (np.cumsum(counts) - counts)[of] + piece * kernel.ROWS_OF_AN_ITEM
    length = np.minimum(kernel.ROWS_OF_AN_ITEM, counts[of] - piece * kernel.ROWS_OF_AN_ITEM)
    longest = np.argsort(-length, kind="stable")
    return np.argsort(pattern, kind="stable"), np.stack([first, length], axis=1)[longest].astype(np.intp)


def patterns(gone, noise=None):
    """Numbers, from 0 on, that are equal where rows are seen the same way (n,)."""
    keys = np.packbits(gone, axis=1)
    if noise is not None:
        keys = np.concatenate([keys, np.ascontiguousarray(noise).reshape(len(noise), -1).view(np.uint8)], axis=1)
    keys = np.ascontiguousarray(keys).view(np.dtype((np.void, keys.shape[1]))).ravel()
    return np.unique(keys, return_inverse=True)[1].ravel()


def locate_observed(X, weights, one_unit):
    """As `locate`, of the values that were observed."""
    d = X.shape[1]
    reference, units, variances, ordinary = np.empty(d), np.empty(d), np.empty(d), True
    for i in range(d):
        known = ~np.isnan(X[:, i])
        column = np.ascontiguousarray(X[known, i : i + 1])
        frame, variance, fine = locate(column, None if weights is None else weights[known], False)
        reference[i], units[i], variances[i] = frame.reference[0], frame.units[0], variance[0]
        ordinary = ordinary and fine
    if one_unit:
        variances *= (units / units.max()) ** 2
        units = np.full(d, units.max())
    return Frame(reference, units), variances, ordinary
