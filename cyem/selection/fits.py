"""The grid where there are no moves between maxima: of mixtures of t distributions, and of rows with missing values.

A cell starts from the cell with fewer components, of which some are there twice, and from the cells of as many
components whose structure allows less; EM never loses likelihood, so that it ends no lower than these.
"""

from functools import partial
from time import perf_counter

import numpy as np

from ..em import driver, start
from ..em.driver import PARTED
from ..em.problem import Problem
from .contest import SAME, Found, spurious
from .criteria import entropy
from .grid import Grid, level


class Fits(Grid):
    """As `Grid`, by fits from seeds and special cases."""

    def phases(self):
        up = sorted(self.cells, key=lambda cell: (self.counts.index(cell[0]) + level(cell[1]), cell))
        yield {cell: partial(self._climb, cell) for cell in up}, {cell: self._below(cell) for cell in up}

    def single(self, code):
        if code not in self._singles:
            mixture = self._mixture(code)
            self._singles[code] = self._fit(mixture, mixture.whole).value - mixture.samples.log_volume
        return self._singles[code]

    def _climb(self, cell):
        begin, (k, code) = perf_counter(), cell
        mixture, s = self._mixture(code), self.settings
        self.single(code)
        rng = np.random.default_rng(np.random.SeedSequence(s.seed, spawn_key=(k,)))
        special = [*self._specials(cell), *filter(None, [self._fewer(cell)])]
        starts = [special_case(self.found[other], mixture, k) for other in special] + self._sought(cell, mixture, rng)
        fits = [self._fit(mixture, first) for first in starts]
        for i in range(len(special)):  # two components that began as one had to be moved apart
            fits[i] = fits[i]._replace(events=tuple(event for event in fits[i].events if PARTED not in event))
        doubts = [spurious(mixture, fit.parameters, s.points) for fit in fits]
        best = max(range(len(fits)), key=lambda i: (not doubts[i], fits[i].value))
        fit = fits[best]
        if not np.isfinite(fit.value):
            raise ArithmeticError(f"the log-likelihood is {fit.value}")
        arrivals = sum(abs(each.value - fit.value) <= SAME * s.tol for each in fits)
        density = mixture.family.density(fit.parameters)
        return Found(mixture, fit, fit.value - mixture.samples.log_volume, entropy(mixture.samples, density),
                     doubts[best], arrivals, perf_counter() - begin)

    def _sought(self, cell, mixture, rng):
        """Starts that are looked for: parameters."""
        k, s = cell[0], self.settings
        return [s.begin(mixture, k, rng) if s.begin is not None else start.begin(mixture, "short_em", k, rng)
                for _ in range(s.n_init if k > 1 else 1)]

    def _fit(self, mixture, first):
        s = self.settings
        return driver.fit(mixture, first, tol=s.tol, max_iter=s.max_iter, accelerate=s.accelerate)


class Gaps(Fits):
    """The same for normal components and rows with missing values.

    What is best for complete samples, with a draw in the place of each gap, is where fits to what was observed begin.
    """

    def __init__(self, mixtures, cells, settings, check):
        super().__init__(mixtures, cells, settings, check)
        if settings.begin is None:
            complete = {code: Problem(mixture.family, mixture.filled) for code, mixture in mixtures.items()}
            self.grid = Grid(complete, cells, settings, check)

    def run(self, workers):
        if self.settings.begin is None:
            for _ in self.grid.run(workers):
                pass
        yield from super().run(workers)

    def _sought(self, cell, mixture, rng):
        if self.settings.begin is not None or cell not in self.grid.found:
            return super()._sought(cell, mixture, rng)
        return [self.grid.found[cell].fit.parameters]


def special_case(found, mixture, k):
    """What was found for fewer components, or for a structure that allows less, as k components of a mixture."""
    parameters = found.fit.parameters
    count = len(parameters.weights)
    shares, places = [1.0] * count, list(range(count))
    while len(places) < k:  # the heaviest one twice, with half of its weight each
        weights = [parameters.weights[j] * shares[i] for i, j in enumerate(places)]
        i = int(np.argmax(weights))
        shares[i] /= 2
        shares.append(shares[i])
        places.append(places[i])
    ratio = found.mixture.frame.units / mixture.frame.units
    return parameters.taken(mixture.structure, places, parameters.weights[places] * shares, ratio)
