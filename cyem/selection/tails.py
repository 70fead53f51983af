"""The grid of a family between whose maxima there are no moves: fits from seeds, and from the special cases.

A cell starts from the cell with fewer components, of which some are there twice, and from the cells of as many
components whose structure allows less; EM never loses likelihood, so that it ends no lower than these.
"""

from functools import partial
from time import perf_counter

import numpy as np

from ..em import driver, start
from .contest import SAME, Found, spurious
from .criteria import entropy
from .grid import Grid, level


class Tails(Grid):
    """As `Grid`, for mixtures of t distributions."""

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
        starts = [special_case(self.found[other].fit.parameters, mixture.structure, k) for other in special]
        starts += [s.begin(mixture, k, rng) if s.begin is not None else start.begin(mixture, "short_em", k, rng)
                   for _ in range(s.n_init if k > 1 else 1)]
        fits = [self._fit(mixture, first) for first in starts]
        doubts = [spurious(mixture, fit.parameters) for fit in fits]
        best = max(range(len(fits)), key=lambda i: (not doubts[i], fits[i].value))
        fit = fits[best]
        if not np.isfinite(fit.value):
            raise ArithmeticError(f"the log-likelihood is {fit.value}")
        arrivals = sum(abs(each.value - fit.value) <= SAME * s.tol for each in fits)
        density = mixture.family.density(fit.parameters)
        return Found(mixture, fit, fit.value - mixture.samples.log_volume, entropy(mixture.samples, density),
                     doubts[best], arrivals, perf_counter() - begin)

    def _fit(self, mixture, first):
        s = self.settings
        return driver.fit(mixture, first, tol=s.tol, max_iter=s.max_iter, accelerate=s.accelerate)


def special_case(parameters, structure, k):
    """Parameters of fewer components, or of a structure that allows less, as k components of a structure."""
    count, d = parameters.means.shape
    shares, places = [1.0] * count, list(range(count))
    while len(places) < k:  # the heaviest one twice, with half of its weight each
        weights = [parameters.weights[j] * shares[i] for i, j in enumerate(places)]
        i = int(np.argmax(weights))
        shares[i] /= 2
        shares.append(shares[i])
        places.append(places[i])
    own = parameters.structure
    covariances = structure.like(own.taken(parameters.covariances, places), own, k, d)
    return type(parameters)(structure, parameters.weights[places] * shares, parameters.means[places], covariances,
                            structure.factors(covariances), parameters.freedom[places])
