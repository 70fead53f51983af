"""What data can support: which of several mixtures is the best, where the likelihood alone would be misled.

Where covariances differ, the likelihood has maxima without meaning: a component on a few samples that happen to lie
close together, or on a line (McLachlan & Peel 2000, section 3.10). A contest is therefore judged by the likelihood and a
weak prior of the covariances, that of Fraley & Raftery (2007), counted as much as one sample: its log density divided by
its degrees of freedom. Such a penalty, - (tr(S Sigma^-1) + log |Sigma|) of the order of one sample for each component,
keeps the likelihood bounded and changes nothing as samples grow in number (Ciuperca, Ridolfi & Idier 2003; Chen & Tan
2009, Journal of Multivariate Analysis 100, 1367-1383). The whole density, worth 2 d samples, prefers on iris a mixture
that is 6 nats less likely. What wins goes on to the maximum of the likelihood: no parameter is shrunk.
"""

import math

import numpy as np

from ..lazy import cached_property
from ..notices import listed
from . import driver

SPANNED = 2  # times the samples that span the volume of a component are hardly any to tell of it
NARROW = 4  # times these: with more samples no component shrinks to nothing
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
        self.rows = rows(problem.samples)

    @cached_property
    def prior(self):
        return self.problem.weak_prior(self.k, shrinkage=0.0)

    def penalty(self, parameters):
        """What parameters lose, in nats: log density of the prior, counted as much as one sample."""
        return self.prior.penalty(parameters) / self.prior.dof

    def worth(self, value, parameters):
        """The mean log-likelihood of parameters, less what the data would have to bear out by themselves."""
        return value + self.penalty(parameters) / self.rows

    def sound(self, parameters):
        """Whether no component hangs on a few samples, or on the floor of variance."""
        return not (few(self.problem, parameters.weights, NARROW) or self.problem.held(parameters))

    def best(self, runs):
        """The best of some runs, and the parameters that it leads to."""
        update = self.problem.update
        best = max(runs, key=lambda run: run.value)
        end = update(best.statistics).parameters
        if self.sound(end):
            return best, end
        ends = [end if run is best else update(run.statistics).parameters for run in runs]
        return max(zip(runs, ends, strict=True), key=lambda pair: self.worth(pair[0].value, pair[1]))

    def gained(self, value, parameters, new, least):
        """The parameters that a new run leads to, if it has come to more than a value and its parameters; or None."""
        if new.value > value + least:
            there = self.problem.update(new.statistics).parameters
            if self.sound(there):
                return there
        elif self.sound(parameters):
            return None
        else:
            there = self.problem.update(new.statistics).parameters
        return there if self.worth(new.value, there) > self.worth(value, parameters) + least else None


def better(problem, best, fit):
    """The one of two fits that the data support more; the first may be None."""
    if best is None or problem.family.normal is not problem.family:
        return fit if best is None or fit.value > best.value else best
    high, low = (fit, best) if fit.value > best.value else (best, fit)
    support = Support(problem, len(fit.parameters.weights))
    if support.sound(high.parameters):
        return high
    return max(high, low, key=lambda each: support.worth(each.value, each.parameters))


def rows(samples):
    """How many samples of equal weight tell as much."""
    w = samples.weights
    return samples.mass**2 / float((w * w).sum(dtype=np.float64)) if len(w) else len(samples.X)


def few(problem, weights, times=SPANNED):
    """The components (weights (k,)) that have too few samples to tell of the covariances of their own."""
    own = problem.structure.own_samples(len(problem.family.floor))
    least = times * own / rows(problem.samples) if own > 1 else 0.0
    return [j for j, weight in enumerate(weights.tolist()) if weight < least]


def remarks(problem, parameters):
    """What is to be said of a fit that hangs on few samples: one line, or none."""
    where = few(problem, parameters.weights)
    if not where:
        return []
    least = parameters.weights[where].min() * rows(problem.samples)
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
    if support.penalty(found.parameters) >= support.penalty(first) - DRIFT:
        return found  # it has gained likelihood besides
    begin = driver.look(problem, first)
    highest = worth = support.worth(begin.value, first)
    slack = DRIFT / support.rows
    if support.worth(found.value, found.parameters) >= worth - slack:
        return found
    path = driver.Ascent(problem, begin, done=0, tol=0.0, walk=math.inf, accidents=driver.Accidents(problem))
    best, bounds, kept, interrupt, ended = begin, [], 0, None, False
    try:
        while not (ended or path.lost) and len(bounds) < max_iter and worth >= highest - slack:
            values, ended = path.go(1)
            bounds += values
            worth = support.worth(path.point.value, path.point.parameters)
            if worth > highest:
                highest, best, kept = worth, path.point, len(bounds)
    except KeyboardInterrupt as stop:
        interrupt = stop
    events = *path.accidents.events, f"iteration {kept}: EM ended where the data support most; {LEFT}"
    found = driver.Fit(best.parameters, best.value, tuple(bounds[:kept]), False, events, True, best.statistics)
    if interrupt is not None:
        raise driver.Interrupted(problem, found) from interrupt
    return found
