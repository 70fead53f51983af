"""The search over a grid of numbers of components x structures: every fit is also a start for its neighbours.

A cell starts from the cell with fewer components (of which some are split), from its special cases (structures whose
letters allow less: their mixtures are mixtures of this structure too) and from seeds; on the way back from the cell
with one component more (of which two are merged) and from the structures that it is a special case of. EM never loses
likelihood, so that what begins at a special case ends no lower.

A cell waits for those it begins at and its bounds, and these wait for nothing that comes after it: what happens to it
does not depend on the order of all others, and any number of workers gives the same table.
"""

import threading
from copy import copy
from functools import cache, partial

import numpy as np

from ..em import moves, start
from ..em.problem import Problem
from ..families import paths
from ..families.covariance import STRUCTURES
from ..families.covariance.base import LETTERS
from ..rows.pruning import Pruner
from .contest import Found, Run, explore, finish, less, sample

SPLITS = 5  # components that are tried in two
MERGERS = 4  # pairs of components that are tried in one


class Grid:
    """The cells (k, code of the structure), and what was found for each.

    Parameters
    ----------
    mixtures : dict of {code: Problem}
        The problem for each structure.
    cells : list of (k, code)
    settings : Settings
    check : function without arguments
        Called before each pass over samples; may raise Stopped.

    Attributes
    ----------
    found : dict of {cell: Found}
    failed : dict of {cell: exception}
    """

    def __init__(self, mixtures, cells, settings, check):
        self.mixtures = mixtures
        self.cells = cells
        self.counts = sorted({k for k, _ in cells})
        self.settings = settings
        self.check = check
        self.found = {}
        self.failed = {}
        self._local = threading.local()
        self._singles = {}

    def phases(self):
        """Tasks {cell: function without arguments} and {cell: cells that come before it}, phase by phase.

        Up, where every cell is found once; down; and up again where that has put the nesting out of order.
        """
        up = sorted(self.cells, key=lambda cell: (self.counts.index(cell[0]) + level(cell[1]), cell))
        below = {cell: self._below(cell) for cell in up}
        above = {cell: [other for other in up if cell in below[other]] for cell in up}
        yield {cell: partial(self._climb, cell) for cell in up}, below
        yield {cell: partial(self._return, cell) for cell in reversed(up) if cell in self.found}, above
        yield {cell: partial(self._repair, cell) for cell in up if cell in self.found}, below

    def _climb(self, cell):
        return self._explored(cell, self._cold, self._from_below)

    def _return(self, cell):
        return self._explored(cell, self._from_above)

    def _repair(self, cell):
        return self._explored(cell, self._from_below) if self._behind(cell) else self.found[cell]

    def _below(self, cell):
        """The cells that are special cases of this one."""
        k, code = cell
        special = {(k, other) for other in included(code)} | {(other, code) for other in self.counts if other < k}
        return special.intersection(self.cells)

    def held_out(self, folds):
        """Tasks for each cell: -2 times the log-likelihood of samples left out, in turn, of fits that begin at its own.

        folds: ints (n,), with whom each sample is left out.
        """
        return {cell: lambda cell=cell: self._held_out(self._mixture(cell[1]), self.found[cell], folds)
                for cell in self.found}

    def single(self, code):
        """Mean log-likelihood of a single component."""
        if code not in self._singles:
            mixture = self._mixture(code)
            self._singles[code] = mixture.value(mixture.sweep(mixture.whole)) - mixture.samples.log_volume
        return self._singles[code]

    def run(self, workers):
        """Have all done, phase by phase; yields each cell whose task has come to its end."""
        for tasks, before in self.phases():
            for cell, result in workers.run(tasks, before):
                (self.found if isinstance(result, Found) else self.failed)[cell] = result
                yield cell

    # --- where a cell starts: statistics --------------------------------------------------------------------------

    def _from_below(self, cell, mixture):
        if cell[0] == 1:
            return []
        fewer = self._fewer(cell)
        return ([adopted(self.found[other], mixture) for other in self._specials(cell)]
                + (self._divided(self.found[fewer], cell[0], mixture) if fewer else []))

    def _from_above(self, cell, mixture):
        k, code = cell
        if k == 1:
            return []
        generals = [(k, s.code) for s in STRUCTURES if code in special_cases(s.code)]
        more = k + 1, code
        return ([adopted(self.found[other], mixture) for other in generals if self._sound(other)]
                + (self._united(self.found[more], mixture) if self._sound(more) else []))

    def _cold(self, cell, mixture):
        k, s = cell[0], self.settings
        if k == 1:
            return [paths.statistics(mixture, paths.gaussians(mixture.whole))]
        rng = np.random.default_rng(np.random.SeedSequence(s.seed, spawn_key=(k,)))
        if s.begin is not None:
            return [mixture.sweep(s.begin(mixture, k, rng)) for _ in range(s.n_init)]
        runs = s.n_init + max(0, SPLITS - (k - 1))  # a few components leave little to split
        begin = start.seeded(mixture, k, rng, runs)
        return begin + start.clusters(mixture.simple, begin[:1]) if mixture.rows_for_each(k) < start.AMPLE else begin

    def _divided(self, found, k, mixture):
        """k components, in several ways: those that two explain best are split."""
        these, part, resp = self._seen(found, mixture)
        splits = moves.best_splits(part, these, range(len(these.weights)), resp)
        starts = []
        for j in sorted(splits, key=lambda j: -splits[j].gain)[:SPLITS]:
            gain, *two = splits[j]
            new = paths.divided(these, j, *two) if gain > -np.inf else paths.split(these, j)
            while len(new.weights) < k:
                new = paths.split(new, int(new.weights.argmax()))
            starts.append(paths.statistics(mixture, new))
        return starts

    def _united(self, found, mixture):
        """One component less, in several ways: where that costs little likelihood."""
        these, part, resp = self._seen(found, mixture)
        mergers = moves.possible_mergers(part, these, resp)[:MERGERS]
        return [paths.statistics(mixture, moves.united(these, each)) for each in mergers]

    def _seen(self, found, mixture):
        """The components that were found, some samples, and the responsibilities of these."""
        parameters = found.fit.parameters
        part = sample(mixture, len(parameters.weights), self.settings.seed)
        return paths.gaussians(parameters), part, part.samples.responsibilities(parameters.density)

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
        fewer = [(k, cell[1]) for k in self.counts if k < cell[0] and (k, cell[1]) in self.found]
        return max(fewer, key=lambda other: (self._sound(other), other[0]), default=None)

    def _bounds(self, cell):
        """The cells that are special cases of this one, and to be trusted."""
        k, code = cell
        fewer = [self._fewer(cell)]
        if self.mixtures[code].family.equal_weights:  # all components of a special case are there equally often
            fewer = [(other, code) for other in self.counts if other < k and k % other == 0]
        return [*self._specials(cell), *filter(self._sound, fewer)]

    def _behind(self, cell):
        """Whether a special case has a higher likelihood."""
        found = self.found.get(cell)
        return found is not None and any(less(found.value, self.found[other].value, found.mixture)
                                         for other in self._bounds(cell))

    # --- what is done with them -------------------------------------------------------------------------------------

    def _explored(self, cell, *sources):
        """The best that comes of starts from some sources, beside what was found before."""
        mixture = self._mixture(cell[1])
        self.single(cell[1])  # here, so that it is known when Ctrl-C ends the search
        starts = [each for source in sources for each in source(cell, mixture)]
        bounds = [self.found[other] for other in self._bounds(cell)]
        return explore(mixture, starts, self.found.get(cell), bounds, self.settings)

    def _mixture(self, code):
        """The problem, with memory of its own for this thread."""
        mine = vars(self._local)
        if code not in mine:
            mine[code] = own(self.mixtures[code], self.check)
        return mine[code]

    def _held_out(self, mixture, found, folds):
        samples, total = mixture.samples, 0.0
        masses = np.bincount(folds, samples.weights if len(samples.weights) else None)
        for fold, share in enumerate(masses / masses.sum()):
            part, rest = mixture.subset(folds != fold), mixture.subset(folds == fold)
            (run,) = finish(part, Run(None, parameters=found.fit.parameters), self.settings)
            total += share * (rest.value(rest.sweep(run.parameters)) - rest.samples.log_volume)
        return -2 * samples.total * total


def own(mixture, check):
    """The same problem with temporary memory of its own, and what is called before each pass."""
    samples = copy(mixture.samples)
    samples.check = check
    samples.workspace, samples.pruner = np.empty(0, np.uint8), Pruner()
    return Problem(mixture.family, samples)


@cache
def level(code):
    """How many letters a structure is from EII, at least."""
    return sum(map(LETTERS.index, code)) - 1


@cache
def included(code):
    """Codes of all special cases of a structure."""
    (mine,) = (s for s in STRUCTURES if s.code == code)
    return [s.code for s in STRUCTURES if s is not mine and mine.includes(s)]


@cache
def special_cases(code):
    """Codes of the next special cases of a structure: those it includes, less what others among them include."""
    below = included(code)
    return [each for each in below if not any(each in included(other) for other in below)]


def adopted(found, mixture):
    """The mixture that was found for another structure, or the nearest to it."""
    these = paths.gaussians(found.fit.parameters)
    return paths.statistics(mixture, paths.moved(these, found.mixture.frame, mixture.frame))
