"""The search over a grid of numbers of components x structures: every fit is also a start for its neighbours.

A cell starts from the cell with fewer components (of which some are split), from its special cases (structures whose
letters allow less: their mixtures are mixtures of this structure too) and from seeds; on the way back from the cell
with one component more (of which two are merged) and from the structures that it is a special case of. EM never loses
likelihood, so that what begins at a special case ends no lower.

A wave holds cells that do not depend on each other. What happens to a cell depends on earlier waves only, and not on
the order within one: any number of workers gives the same table.
"""

import threading
from copy import copy
from functools import cache
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from . import em, paths, start
from .covariance import STRUCTURES
from .mixture import Mixture
from .workers import Stopped

SHORT = 6  # iterations after which the starts of a cell are compared
SPLITS = 2  # components that are tried in two
FINALISTS = 2  # starts that go on at most
OPTIMISM = 2.0  # a start goes on that could be the best with this many times the gain that its last steps promise
CLOSE = 1e-3  # mean log-likelihood, and
NEAR = 0.1  # sizes of a component by which two mixtures may differ that EM takes to one place
SAME = 10.0  # times `tol` by which mean log-likelihoods of one optimum may differ
HANDFUL = 3  # times the d + 1 samples that span a volume
SMALL = 1 / 3  # of the size of the others


class Found(NamedTuple):
    """The best mixture of a cell so far."""

    mixture: Any
    fit: em.Fit
    look: paths.Look
    spurious: str  # why it is no optimum to trust, or nothing
    arrivals: int  # how many starts ended here
    seconds: float

    @property
    def value(self):
        """Mean log-likelihood, in no frame."""
        return self.fit.value - self.mixture.frame.log_volume


class Settings(NamedTuple):
    """What all fits have in common."""

    tol: float
    max_iter: int
    accelerate: bool
    n_init: int  # starts from seeds
    seed: int
    begin: Any = None  # function of (mixture, k, rng) that gives first parameters in place of the seeds
    report: Any = None  # called after each iteration as by `em.fit`; may raise Stopped


class Grid:
    """The cells (k, code of the structure), and what was found for each.

    Parameters
    ----------
    mixtures : dict of {code: Mixture}
        The problem for each structure.
    cells : list of (k, code)
    settings : Settings

    Attributes
    ----------
    found : dict of {cell: Found}
    failed : dict of {cell: exception}
    """

    def __init__(self, mixtures, cells, settings):
        self.mixtures = mixtures
        self.cells = cells
        self.settings = settings
        self.found = {}
        self.failed = {}
        self._local = threading.local()
        self._singles = {}

    def waves(self):
        """Tasks {cell: function without arguments}, wave by wave: their results are to be told before the next.

        Up, where every cell is found once; down; and up again where that has put the nesting out of order.
        """
        counts = sorted({k for k, _ in self.cells})
        ranks = {}
        for cell in self.cells:
            ranks.setdefault(counts.index(cell[0]) + level(cell[1]), []).append(cell)
        up = sorted(ranks)
        for rank in up:
            yield {cell: self._task(cell, self._cold(cell) + self._from_below(cell)) for cell in ranks[rank]}
        for rank in reversed(up):
            yield {cell: self._task(cell, self._from_above(cell)) for cell in ranks[rank] if cell in self.found}
        for rank in up:
            yield {cell: self._task(cell, self._from_below(cell)) for cell in ranks[rank] if self._behind(cell)}

    def held_out(self, folds):
        """Tasks for each cell: -2 times the log-likelihood of samples left out, in turn, of fits that begin at its own.

        folds: ints (n,), with whom each sample is left out.
        """
        return {cell: lambda cell=cell: self._held_out(self._mixture(cell[1]), self.found[cell], folds)
                for cell in self.found}

    def single(self, code):
        """Mean log-likelihood of a single component."""
        if code not in self._singles:
            mixture = self.mixtures[code]
            self._singles[code] = mixture.value(mixture.sweep(mixture.whole)) - mixture.frame.log_volume
        return self._singles[code]

    def tell(self, cell, result):
        """The result of a task: what was found, or the exception that it ended with."""
        (self.found if isinstance(result, Found) else self.failed)[cell] = result

    # --- where a cell starts: functions of the problem that give statistics -----------------------------------------

    def _from_below(self, cell):
        k, _ = cell
        if k == 1:
            return []
        starts = [lambda m, f=self.found[other]: adopted(m, f) for other in self._specials(cell)]
        if fewer := self._fewer(cell):
            starts += [lambda m, f=self.found[fewer], i=i: divided(m, f, k, i) for i in range(min(SPLITS, fewer[0]))]
        return starts

    def _from_above(self, cell):
        k, code = cell
        if k == 1:
            return []
        generals = [(k, s.code) for s in STRUCTURES if code in special_cases(s.code)]
        starts = [lambda m, f=self.found[other]: adopted(m, f) for other in generals if self._sound(other)]
        if self._sound((k + 1, code)):
            starts.append(lambda m, f=self.found[k + 1, code]: united(m, f))
        return starts

    def _cold(self, cell):
        k, _ = cell
        if k == 1:
            return [lambda m: paths.statistics(m, paths.gaussians(m.whole))]
        return [lambda m, i=i: self._seeded(m, k, i) for i in range(self.settings.n_init)]

    def _seeded(self, mixture, k, i):
        rng = np.random.default_rng(np.random.SeedSequence(self.settings.seed, spawn_key=(k, i)))
        if self.settings.begin is not None:
            return mixture.sweep(self.settings.begin(mixture, k, rng))
        metric = mixture.metrics[None, i % len(mixture.metrics)]
        return mixture.partitions(start.seeds(mixture, k, rng, metric), metric)[0]

    def _sound(self, cell):
        return cell in self.found and not self.found[cell].spurious

    def _specials(self, cell):
        """Cells of as many components and the next special cases of the structure, beyond what is not to be trusted."""
        k, code = cell
        cells = [(k, other) for other in special_cases(code)]
        beyond = [other for each in cells if not self._sound(each) for other in self._specials(each)]
        return list(dict.fromkeys([each for each in cells if self._sound(each)] + beyond))

    def _fewer(self, cell):
        """The cell of the same structure with the next smaller number of components, if possible one to be trusted."""
        fewer = [other for other in self.found if other[1] == cell[1] and other[0] < cell[0]]
        return max(fewer, key=lambda other: (self._sound(other), other[0]), default=None)

    def _bounds(self, cell):
        """The cells that are special cases of this one, and to be trusted."""
        fewer = [self._fewer(cell)]
        if self.mixtures[cell[1]].equal_weights:  # every component of a special case is there as often as the others
            fewer = [other for other in self.found
                     if other[1] == cell[1] and other[0] < cell[0] and cell[0] % other[0] == 0]
        return [*self._specials(cell), *filter(self._sound, fewer)]

    def _behind(self, cell):
        """Whether a special case has a higher likelihood."""
        found = self.found.get(cell)
        return found is not None and any(less(found.value, self.found[other].value, found.mixture)
                                         for other in self._bounds(cell))

    # --- what is done with them -------------------------------------------------------------------------------------

    def _task(self, cell, starts):
        incumbent = self.found.get(cell)
        bounds = [self.found[other] for other in self._bounds(cell)]
        return lambda: self._explore(self._mixture(cell[1]), starts, incumbent, bounds)

    def _mixture(self, code):
        """The problem, with memory of its own for this thread."""
        mine = vars(self._local)
        if code not in mine:
            mine[code] = own(self.mixtures[code])
        return mine[code]

    def _explore(self, mixture, starts, incumbent, bounds):
        """The best that EM finds from some starts, or the incumbent."""
        begin = perf_counter()
        old = [] if incumbent is None else [Ended(incumbent.fit, incumbent.spurious)]
        starts = [first(mixture) for first in starts]
        try:
            new, ends = self._contest(Ordinary.of(mixture), starts, old)
            if not old + new:  # everything degenerates
                new = [self._finish(mixture, mixture.update(starts[0]).parameters)]
                ends = [new[0].fit.value]
            best = chosen(old + new, bounds, mixture)
            for bound in bounds:
                if less(best.fit.value - mixture.frame.log_volume, bound.value, mixture):
                    new.append(self._finish(mixture, doubled(mixture, bound, best)))
                    best = chosen(old + new, bounds, mixture)
        except Stopped:
            if not old:
                raise
            best, ends = old[0], []
        if not np.isfinite(best.fit.value):
            raise ArithmeticError(f"the log-likelihood is {best.fit.value}")
        same = SAME * self.settings.tol
        arrivals = sum(abs(end - best.fit.value) <= same for end in ends)
        seconds = perf_counter() - begin
        if incumbent is not None:
            seconds += incumbent.seconds
            arrivals += incumbent.arrivals if abs(incumbent.fit.value - best.fit.value) <= same else 0
            if best is old[0]:
                return incumbent._replace(arrivals=arrivals, seconds=seconds)
        return Found(mixture, best.fit, paths.look(mixture, best.fit.parameters), best.spurious, arrivals, seconds)

    def _contest(self, mixture, starts, old):
        """The runs that came to their end, and the mean log-likelihoods at which starts are known to end."""
        new, ends = [], []
        for run in self._short_runs(mixture, starts):
            known = next((each.fit.value for each in old + new if near(run, each.fit)), None)
            if known is not None:
                ends.append(known)
            elif sum(not each.spurious for each in new) < FINALISTS:
                best = max((each.fit.value for each in old + new if not each.spurious), default=-np.inf)
                try:
                    new.append(self._finish(mixture, run.parameters, Hope(run.value, best, self.settings.tol)))
                    ends.append(new[-1].fit.value)
                except Hopeless:
                    continue
        return new, ends

    def _held_out(self, mixture, found, folds):
        samples, total = mixture.samples, 0.0
        masses = np.bincount(folds, samples.weights if len(samples.weights) else None)
        for fold, share in enumerate(masses / masses.sum()):
            part, rest = mixture.subset(folds != fold), mixture.subset(folds == fold)
            fit = self._finish(part, found.fit.parameters).fit
            total += share * (rest.value(rest.sweep(fit.parameters)) - mixture.frame.log_volume)
        return -2 * samples.total * total

    def _short_runs(self, mixture, starts):
        """Where some iterations lead from each start, the best first, but for what degenerates."""
        if not starts:
            return []
        iterations = min(self.settings.max_iter, SHORT)
        if mixture.closed is None:
            found = em.short_runs(mixture, starts, tol=start.SHORT_TOL, iterations=iterations)
        else:
            found = filter(None, mixture.climb(starts, iterations, start.SHORT_TOL))
        runs = []
        for value, sums in found:
            try:
                runs.append(Run(value, mixture.update(sums).parameters))
            except Hopeless:
                continue
        return sorted(runs, key=lambda run: -run.value)

    def _finish(self, mixture, parameters, hope=None):
        """A run of EM to its end."""
        s = self.settings

        def report(iteration, value):
            if s.report is not None:
                s.report(iteration, value)
            if hope is not None:
                hope.tell(value)

        fit = em.fit(mixture, parameters, tol=s.tol, max_iter=s.max_iter, accelerate=s.accelerate, report=report)
        return Ended(fit, spurious(mixture, fit.parameters))


class Hopeless(Exception):
    """A run of EM is not going to be the best."""


class Ordinary(Mixture):
    """A problem that gives up where a compiled M-step is not ordinary: at the floor of variance, or without weight."""

    @classmethod
    def of(cls, mixture):
        """The same problem."""
        self = cls.__new__(cls)
        vars(self).update(vars(mixture))
        return self

    def update(self, statistics, current=None, start=False):
        found = super().update(statistics, current, start)
        if self.closed is not None and found.held:
            raise Hopeless
        return found

    def _update(self, statistics, current, start):
        if self.closed is not None and not start:
            raise Hopeless
        return super()._update(statistics, current, start)


class Run(NamedTuple):
    """Where a start is after a few iterations."""

    value: float
    parameters: Any


class Ended(NamedTuple):
    """A run of EM that has come to its end."""

    fit: em.Fit
    spurious: str


def own(mixture):
    """The same problem with temporary memory of its own."""
    mine = copy(mixture)
    mine.samples = copy(mixture.samples)
    mine.samples.workspace = np.empty(0, np.uint8)
    return mine


def chosen(ended, bounds, mixture):
    """The best run that is not spurious, if it reaches what special cases reach; else the best of all."""
    best = max((each for each in ended if not each.spurious), key=lambda each: each.fit.value, default=None)
    highest = max((bound.value for bound in bounds), default=-np.inf) + mixture.frame.log_volume
    if best is None or less(best.fit.value, highest, mixture):
        best = max(ended, key=lambda each: each.fit.value)
    return best


@cache
def level(code):
    """How many letters a structure is from EII, at least."""
    return sum("IEV".index(letter) for letter in code) - 1


@cache
def special_cases(code):
    """Codes of the next special cases of a structure: those it includes, less what others among them include."""
    (mine,) = (s for s in STRUCTURES if s.code == code)
    below = [s for s in STRUCTURES if s is not mine and mine.includes(s)]
    return [s.code for s in below if not any(other is not s and other.includes(s) for other in below)]


def less(value, other, mixture):
    """Whether a mean log-likelihood is lower than another by more than rounding."""
    return value < other - 4 * mixture.resolution * max(1.0, abs(other))


class Hope:
    """Whether a run may yet come to more than the best, by what its last two steps promise (as `em.Convergence`)."""

    def __init__(self, value, best, tol):
        self.best = best - tol
        self.values = [np.nan, value]

    def tell(self, value):
        """A new value; Hopeless if that is the end."""
        a, b = self.values
        self.values = [b, value]
        rate = min(max((value - b) / (b - a), 0.0), 0.99) if b > a else 0.99
        if value + OPTIMISM * (value - b) * rate / (1 - rate) < self.best:
            raise Hopeless


def near(run, fit):
    """Whether a run of EM is so near to another that it ends at the same place."""
    if not 0 <= fit.value - run.value <= CLOSE:
        return False
    these, those = run.parameters, fit.parameters
    k, d = those.means.shape
    gaps = np.linalg.norm(these.means[:, None] - those.means, axis=2)
    pairs = gaps.argmin(axis=1)
    size = np.exp(those.structure.log_det(those.factors, k, d) / -d)
    return (len(set(pairs.tolist())) == k and (gaps[np.arange(k), pairs] <= NEAR * size[pairs]).all()
            and (abs(these.weights - those.weights[pairs]) <= NEAR * those.weights[pairs]).all())


def adopted(mixture, found):
    """The mixture that was found for another structure, or the nearest to it."""
    these = paths.gaussians(found.fit.parameters)
    return paths.statistics(mixture, paths.moved(these, found.mixture.frame, mixture.frame))


def divided(mixture, found, k, i):
    """k components by splits, the first of the component that has the i-th largest misfit."""
    these = paths.split(paths.gaussians(found.fit.parameters), np.argsort(-found.look.misfit, kind="stable")[i])
    while len(these.weights) < k:
        these = paths.split(these, int(these.weights.argmax()))
    return paths.statistics(mixture, these)


def doubled(mixture, found, like):
    """A special case in as many components as `like`: EM leaves this saddle by itself, and never falls below it."""
    these = paths.moved(paths.gaussians(found.fit.parameters), found.mixture.frame, mixture.frame)
    while len(these.weights) < len(like.fit.parameters.weights):
        these = paths.twin(these, int(these.weights.argmax()))
    return mixture.update(paths.statistics(mixture, these)).parameters


def united(mixture, found):
    """One component less: the pair that overlaps most is merged."""
    i, j = divmod(int(found.look.overlap.argmax()), len(found.look.overlap))
    return paths.statistics(mixture, paths.merged(paths.gaussians(found.fit.parameters), i, j))


def spurious(mixture, parameters):
    """Why the likelihood of a mixture is not to be trusted, in words; nothing where it may be.

    Where covariances differ, the likelihood has maxima without meaning: a component on a few samples that happen to lie
    close together, or on a line (McLachlan & Peel 2000, section 3.10). Called so are a component of next to no more
    width in some direction than the floor allows, and one with the weight of at most 3 (d + 1) samples whose size, the
    2d-th root of the determinant of its covariance matrix, is less than a third of the mean size of the others.
    """
    w, _, S = paths.gaussians(parameters)
    k, d = parameters.means.shape
    thin = np.linalg.eigvalsh(S / np.sqrt(np.outer(mixture.floor, mixture.floor)))[:, 0] <= 2 * d
    if thin.any():
        return f"no width in some direction: components {em.listed(np.flatnonzero(thin))}"
    if k == 1:
        return ""
    size = np.exp(parameters.structure.log_det(parameters.factors, k, d) / -d)
    others = (w @ size - w * size) / np.maximum(1 - w, paths.TINY)
    few = (w * mixture.samples.total <= HANDFUL * (d + 1)) & (size < SMALL * others)
    few = np.flatnonzero(few)
    return f"on a handful of samples with little volume: components {em.listed(few)}" if len(few) else ""
