"""What data can support: which of several mixtures is the best, where the likelihood alone would be misled.

Where covariances differ, the likelihood has maxima without meaning: a component on a few samples that happen to lie
close together, or on a line (McLachlan & Peel 2000, section 3.10). Where a component has few samples, or is at the
floor of variance, contests are therefore judged by

- the likelihood that is left when covariances are estimated beside a weak prior, that of Fraley & Raftery (2007),
  counted as much as one sample: its log density over its degrees of freedom. Such a penalty, of
  tr(S Sigma^-1) + log |Sigma| once for each component, keeps the likelihood bounded and means nothing as samples grow
  in number (Ciuperca, Ridolfi & Idier 2003; Chen & Tan 2009, Journal of Multivariate Analysis 100, 1367-1383). A
  collapse gains no more than beside the prior, so that hundreds of samples at one point are believed, and three on a
  line are not;
- SCARCE nats for each component without samples, less as it has more, none from NARROW times those that span a
  volume: among many samples there are always some few that lie close together.

The density of the whole prior, worth 2 d samples, prefers on iris a mixture that is 6 nats less likely. What wins goes
on to the maximum of the likelihood: no parameter is shrunk.
"""

import math

import numpy as np

from ..lazy import cached_property
from ..notices import listed
from ..rows.statistics import TINY, Statistics
from . import driver

SPANNED = 2  # times the samples that span the volume of a component are hardly any to tell of it
NARROW = 4  # times these are enough
SCARCE = 10.0  # nats that a component without samples would have to gain before it is believed
DRIFT = 5.0  # nats by which a run of EM may lose support on its way to the maximum
LEFT = "from there on the likelihood rises towards a maximum that hangs on a few samples"


class Support:
    """Judges mixtures of k components of one problem.

    Where each component has many samples and is wider than the floor, the likelihood is judge enough, and nothing else
    is computed.

    Parameters
    ----------
    problem : Problem
    k : int
    """

    def __init__(self, problem, k):
        self.problem, self.k = problem, k
        self.rows = problem.samples.n_effective

    @cached_property
    def believing(self):
        """The same problem beside the prior."""
        return self.problem.beside(self.problem.weak_prior(self.k, shrinkage=0.0).as_one_sample())

    def penalty(self, statistics):
        """What a mixture loses, in nats, if its components are estimated beside the prior, from sums of a pass.

        The expected log-likelihood of both M-steps, with and without the prior, is compared.
        """
        times, family = self.rows / self.problem.samples.mass, self.believing.family
        s = Statistics(statistics.buffer * times, statistics.about, statistics.frame)
        alone = self._cost(s, self.problem.update(s).parameters)
        beside = self._cost(family.joined(s), self.believing.update(s).parameters) - family.prior.least
        own = self.problem.structure.own_samples(s.about.shape[1])
        scarce = np.maximum(1 - s.masses / (NARROW * own), 0).sum() if own > 1 else 0.0
        return (alone - beside) / 2 - SCARCE * scarce

    def _cost(self, s, parameters):
        """-2 times the expected log-likelihood of covariances, from sums, but for a constant."""
        structure, masses = parameters.structure, np.maximum(s.masses, TINY)
        S = structure.sample(s.second, masses, parameters.means - s.about)
        return structure.cost(parameters.factors, S, masses, s.about.shape[1])

    def worth(self, run):
        """The mean log-likelihood of a run, less what the data would have to bear out by themselves."""
        return run.value + self.penalty(run.statistics) / self.rows

    def sound(self, parameters):
        """Whether no component hangs on a few samples, or on the floor of variance."""
        return not (few(self.problem, parameters.weights, NARROW) or self.problem.family.held(parameters))

    def best(self, runs):
        """The best of some runs, and the parameters that it leads to."""
        update = self.problem.update
        best = max(runs, key=lambda run: run.value)
        end = update(best.statistics).parameters
        if self.sound(end):
            return best, end
        best = max(runs, key=self.worth)
        return best, update(best.statistics).parameters

    def gained(self, run, end, new, least):
        """The parameters that a new run leads to, if it has come to more than one that leads to others; or None."""
        higher = new.value > run.value + least
        if not higher and self.sound(end):
            return None
        there = self.problem.update(new.statistics).parameters
        won = higher if self.sound(there) else self.worth(new) > self.worth(run) + least
        return there if won else None


def better(problem, best, fit):
    """The one of two fits that the data support more; the first may be None."""
    if best is None or problem.family.normal is not problem.family:
        return fit if best is None or fit.value > best.value else best
    high, low = (fit, best) if fit.value > best.value else (best, fit)
    support = Support(problem, len(fit.parameters.weights))
    if support.sound(high.parameters):
        return high
    return max(high, low, key=support.worth)


def few(problem, weights, times=SPANNED):
    """The components (weights (k,)) that have too few samples to tell of the covariances of their own."""
    own = problem.structure.own_samples(problem.n_features)
    least = times * own / problem.samples.n_effective if own > 1 else 0.0
    return [j for j, weight in enumerate(weights.tolist()) if weight < least]


def remarks(problem, parameters):
    """What is to be said of a fit that hangs on few samples: one line, or none."""
    where = few(problem, parameters.weights) if problem.family.free else []
    if not where:
        return []
    least = parameters.weights[where].min() * problem.samples.n_effective
    return [f"hardly any samples to tell of a component, as few as {least:.3g}: components {listed(where)}"]


def fit(problem, first, *, max_iter, accelerate, **how):
    """The maximum of the likelihood that EM climbs to from parameters which the data support, or where these end.

    A run that loses support on its way is made again, without leaps, and ends at the iteration of which the data
    support most.
    """
    found = driver.fit(problem, first, max_iter=max_iter, accelerate=accelerate, **how)
    if not few(problem, found.parameters.weights, NARROW):
        return found
    support = Support(problem, len(first.weights))
    begin = driver.look(problem, first)
    highest = worth = support.worth(begin)
    slack = DRIFT / support.rows
    if support.worth(found) >= worth - slack:
        return found
    path = driver.Ascent(problem, begin, done=0, tol=0.0, walk=math.inf, accidents=driver.Accidents(problem))
    best, bounds, kept, interrupt, ended = begin, [], 0, None, False
    try:
        while not (ended or path.lost) and len(bounds) < max_iter and worth >= highest - slack:
            values, ended = path.go(1)
            bounds += values
            worth = support.worth(path.point)
            if worth > highest:
                highest, best, kept = worth, path.point, len(bounds)
    except KeyboardInterrupt as stop:
        interrupt = stop
    events = *path.accidents.events, f"iteration {kept}: EM ended where the data support most; {LEFT}"
    found = driver.Fit(best.parameters, best.value, tuple(bounds[:kept]), False, events, True, best.statistics)
    if interrupt is not None:
        raise driver.Interrupted(problem, found) from interrupt
    return found
