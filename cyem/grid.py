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
from functools import cache, partial

import numpy as np

from . import paths, start
from .contest import Found, Run, explore, finish, less
from .covariance import STRUCTURES
from .pruning import Pruner

SCOUT = "VVV"  # the structure whose mixture all seeds are looked for in
SPLITS = 4  # components that are tried in two
MERGERS = 3  # pairs of components that are tried in one


class Grid:
    """The cells (k, code of the structure), and what was found for each.

    Parameters
    ----------
    mixtures : dict of {code: Mixture}
        The problem for each structure, and for SCOUT.
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
        self._partitions = {}

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
        starts = [partial(adopted, self.found[other]) for other in self._specials(cell)]
        if fewer := self._fewer(cell):
            starts += [partial(divided, self.found[fewer], k, i) for i in range(min(SPLITS, fewer[0]))]
        return starts if k > 1 else []

    def _from_above(self, cell):
        k, code = cell
        generals = [(k, s.code) for s in STRUCTURES if code in special_cases(s.code)]
        starts = [partial(adopted, self.found[other]) for other in generals if self._sound(other)]
        if self._sound((k + 1, code)):
            starts += [partial(united, self.found[k + 1, code], i) for i in range(min(MERGERS, k * (k + 1) // 2))]
        return starts if k > 1 else []

    def _cold(self, cell):
        k, _ = cell
        seeded = self._seeded if self.settings.begin is None else self._begun
        return [partial(seeded, k, i) for i in range(self.settings.n_init)] if k > 1 else [whole]

    def _begun(self, k, i, mixture):
        """As the user has it."""
        return mixture.sweep(self.settings.begin(mixture, k, self._generator(k, i)))

    def _seeded(self, k, i, mixture):
        """The partition around seeds: one for all structures, but for round ones, which see only what is far apart."""
        scout, alike = self._mixture(SCOUT), mixture.structure.round
        if (k, i, alike) not in self._partitions:
            metrics = [scout.frame.units[None]] if alike else [scout.whitened, scout.standardised]
            metric = metrics[i % len(metrics)]
            centres = start.seeds(scout, k, self._generator(k, i), metric)
            self._partitions[k, i, alike] = paths.observed(scout.partition(centres, metric))
        return paths.statistics(mixture, paths.moved(self._partitions[k, i, alike], scout.frame, mixture.frame))

    def _generator(self, k, i):
        return np.random.default_rng(np.random.SeedSequence(self.settings.seed, spawn_key=(k, i)))

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
        fewer = [other for other in self.cells if other[1] == cell[1] and other[0] < cell[0] and other in self.found]
        return max(fewer, key=lambda other: (self._sound(other), other[0]), default=None)

    def _bounds(self, cell):
        """The cells that are special cases of this one, and to be trusted."""
        fewer = self._fewer(cell)
        return [*self._specials(cell), *([fewer] if fewer and self._sound(fewer) else [])]

    def _behind(self, cell):
        """Whether a special case has a higher likelihood."""
        found = self.found.get(cell)
        return found is not None and any(less(found.value, self.found[other].value, found.mixture)
                                         for other in self._bounds(cell))

    # --- what is done with them -------------------------------------------------------------------------------------

    def _task(self, cell, starts):
        incumbent = self.found.get(cell)
        bounds = [self.found[other] for other in self._bounds(cell)]

        def task():
            mixture = self._mixture(cell[1])
            return explore(mixture, [first(mixture) for first in starts], incumbent, bounds, self.settings)

        return task

    def _mixture(self, code):
        """The problem, with memory of its own for this thread."""
        mine = vars(self._local)
        if code not in mine:
            mine[code] = own(self.mixtures[code])
        return mine[code]

    def _held_out(self, mixture, found, folds):
        samples, total = mixture.samples, 0.0
        masses = np.bincount(folds, samples.weights if len(samples.weights) else None)
        for fold, share in enumerate(masses / masses.sum()):
            part, rest = mixture.subset(folds != fold), mixture.subset(folds == fold)
            (run,) = finish(part, Run(None, parameters=found.fit.parameters), self.settings)
            total += share * (rest.value(rest.sweep(run.parameters)) - mixture.frame.log_volume)
        return -2 * samples.total * total


def own(mixture):
    """The same problem with temporary memory of its own."""
    mine = copy(mixture)
    mine.samples = copy(mixture.samples)
    mine.samples.workspace, mine.samples.pruner = np.empty(0, np.uint8), Pruner()
    return mine


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


def whole(mixture):
    """A single component."""
    return paths.statistics(mixture, paths.gaussians(mixture.whole))


def adopted(found, mixture):
    """The mixture that was found for another structure, or the nearest to it."""
    these = paths.gaussians(found.fit.parameters)
    return paths.statistics(mixture, paths.moved(these, found.mixture.frame, mixture.frame))


def divided(found, k, i, mixture):
    """k components by splits, the first of the component that has the i-th largest misfit."""
    these = paths.split(paths.gaussians(found.fit.parameters), np.argsort(-found.look.misfit, kind="stable")[i])
    while len(these.weights) < k:
        these = paths.split(these, int(these.weights.argmax()))
    return paths.statistics(mixture, these)


def united(found, i, mixture):
    """One component less: the pair that has the i-th largest overlap is merged."""
    first, second = np.triu_indices(len(found.look.overlap), 1)
    pair = np.argsort(-found.look.overlap[first, second], kind="stable")[i]
    return paths.statistics(mixture, paths.merged(paths.gaussians(found.fit.parameters), first[pair], second[pair]))
