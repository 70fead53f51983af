"""Stepwise EM: mixtures of rows that come once, in batches, and are not kept.

After each batch the expected sums s(batch; theta) of its E-step, per unit of weight, go into a running average, and the
parameters into the M-step of that (Cappe & Moulines 2009, Journal of the Royal Statistical Society B 71, 593-613):

    s_t = (1 - gamma_t) s_(t-1) + gamma_t s(batch t; theta_(t-1)),    theta_t = M(s_t)

Step sizes count rows rather than batches, so that it hardly matters how a stream is cut. With W units of weight before
a batch of weight w, the batch counts beside a memory of m rows:

    gamma = w / (w + m),    m = n_0 (W / n_0)^POWER / HASTE.

Memory grows with the stream as convergence asks for, by a power between 1/2 and 1; n_0 is `enough` rows, of which the
start was made. What is reported is the M-step of an average of s_t (Polyak's average, of sums) in which later ones
count for more, by W_t^(AVERAGED - 1).

For data that drift, `forget` is the half-life of a row: gamma is at least 1 - 2^(-w / forget), and nothing is averaged.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ..notices import listed
from ..rows.samples import Frame, power_of_two
from ..rows.statistics import Statistics
from .problem import Problem
from .start import FEW, FITTED

BEGUN, MOST = 50, 100_000  # rows for each parameter from which a stream begins, and no more than so many
POWER = 0.6  # of the weight so far, with which memory grows
HASTE = 2.0  # times less memory than that
AVERAGED = 2.0
FAR = 4.0  # standard deviations of the mean of all rows from the reference of the frame at which there is a new one
WIDER = 4.0  # times the variance of a feature, or less, at which it gets a new unit and a new floor


class State(NamedTuple):
    """What is known of a stream; never changed."""

    family: Any
    parameters: Any  # of the last M-step: those by which the next batch is seen
    running: Statistics  # per unit of weight
    average: Statistics  # of the running ones; they themselves where old rows are forgotten
    estimate: Any  # the parameters that these lead to
    weight: float  # of the rows so far
    steps: int  # batches
    variances: np.ndarray  # of the features (d,), when the frame was chosen
    events: tuple = ()  # of the last batch

    @property
    def frame(self):
        return self.running.frame

    @property
    def value(self):
        """Mean log-density of rows under the parameters that were there before they came, averaged as sums are."""
        return self.average.log_likelihood


def enough(k, d, structure):
    """How many rows are enough to begin: those among which starts are compared, and some for each parameter.

    A maximum found from n rows is p / 2 n nats behind that of all, in the mean.
    """
    p = k * (d + 1) + structure.n_parameters(k, d)
    return max(FEW, FITTED * k * (d + 1), min(BEGUN * p, MOST))


def begin(family, parameters, frame, weight, value):
    """The state of a stream that goes on from a mixture in a frame.

    Parameters
    ----------
    family, parameters, frame
        A mixture, and the coordinates that it is in.
    weight : float
        Of the rows that it was found from.
    value : float
        Their mean log-density, outside the frame.
    """
    s = family.expected(parameters, frame)
    s.buffer[0] = value
    return State(family, parameters, s, s, parameters, weight, 0, spread(s, family.structure)[1])


def around(family, parameters, frame, weight, value):
    """The same, where of the rows nothing is known but the mixture: variances, and what floors are relative to."""
    _, variances = spread(family.expected(parameters, frame), family.structure)
    return begin(family.over(variances, family.floor * variances), parameters, frame, weight, value)


def learn(state, samples, forget=None):
    """The state after a batch of rows, in the frame of the state.

    Parameters
    ----------
    state : State
    samples : Samples or Views
    forget : float or None
        The half-life of a row, in units of weight.

    Raises
    ------
    ValueError
        Where rows are so far from all before that sums over them are no numbers.
    """
    family, moments, about = state.family, state.family.moments, state.running.about
    s = samples.sweep(family.density(state.parameters), moments)
    if not np.isfinite(s.buffer).all():
        raise ValueError("X has rows so far from those before that sums over them are beyond the range of its dtype: "
                         "leave these rows out, or begin a new stream with a new estimator.")
    batch = type(s)(s.buffer / s.shares.sum(), s.about, s.frame)
    batch.buffer[0] -= samples.log_volume
    n_0, weight = enough(*about.shape, family.structure), samples.total
    gamma = share(weight, state.weight, n_0, forget)
    running = state.running * (1 - gamma) + batch.shifted(about, moments) * gamma
    total, events = state.weight + weight, ()

    def update(statistics, current):
        return family.update(statistics, current, share=lambda k: evenly(family, statistics, k),
                             n_threads=samples.threads(len(about), family.structure))

    new = 1.0 if forget is not None else 1 - (state.weight / total) ** AVERAGED
    average = state.average * (1 - new) + running * new
    found = update(running, state.parameters)
    if found.empty:
        seeds = seeded(family, samples, found, running)
        worth = gamma * len(found.empty) / len(about)
        running, average = (each * (1 - worth) + seeds * worth for each in (running, average))
        events = (f"batch {state.steps + 1}: components without weight were seeded anew: {listed(found.empty)}",)
        found = update(running, found.parameters)
    parameters = found.parameters
    running, average = (family.rebased(each, state.parameters, parameters) for each in (running, average))
    estimate = parameters if new == 1 else update(average, parameters).parameters
    return suited(state._replace(parameters=parameters, running=running, average=average, estimate=estimate,
                                 weight=total, steps=state.steps + 1, events=events))


def seeded(family, samples, found, running):
    """What components of equal weight would sum up to around the rows of a batch that the others explain least.

    Theirs are the places of those that have lost all weight. As sums that count little they disturb no other, and have
    more to say in the batches to come if they are of use there.
    """
    parameters, empty = Problem(family, samples).reseed(found.parameters, found.empty), list(found.empty)
    only = np.zeros(len(parameters.weights))
    only[empty] = 1 / len(empty)
    seeds = family.expected(parameters.replace(weights=only), running.frame)
    seeds.buffer[0] = running.log_likelihood
    return seeds.shifted(running.about, family.moments)


def share(weight, before, n_0, forget=None):
    """The share of a batch in the average: gamma, as above."""
    gamma = weight / (weight + n_0 * (before / n_0) ** POWER / HASTE)
    return gamma if forget is None else max(gamma, -math.expm1(-weight / forget * math.log(2)))


def spread(statistics, structure):
    """Mean and variance (d,) of each feature; one variance for all where that is what there is, or one unit."""
    moments, d = structure.moments, statistics.about.shape[1]
    one = statistics.as_one(moments)
    second, mass = one.second, one.masses[0]
    if moments in ("scatter", "pooled"):
        second = np.diagonal(second.reshape(d, d))
    variances = np.broadcast_to(second / (d if moments == "norms" else 1), d) / mass
    return one.about[0], np.full(d, variances.max()) if structure.one_unit else variances


def evenly(family, statistics, k):
    """The covariances of k components with a k-th of the volume of all rows each."""
    structure, d = family.structure, statistics.about.shape[1]
    whole = family.single(statistics.as_one(structure.moments), structure)
    return structure.common(whole.covariances, k) * k ** (-2 / d)


def suited(state):
    """The state in a frame that suits the rows: the same, unless these have moved, or spread, since it was chosen."""
    family, frame, structure = state.family, state.frame, state.family.structure
    mean, variances = spread(state.running, structure)
    growth = np.where((variances > 0) & (state.variances > 0), variances / np.maximum(state.variances, 1e-300), 1.0)
    wide = (growth > WIDER) | (growth < 1 / WIDER)
    deviations = np.sqrt(variances)
    if not (wide | ((np.abs(mean) > FAR * deviations) & (variances > 0))).any():
        return state
    dtype = np.float32 if family.eps > np.finfo(float).eps else np.float64
    units = np.where(variances > 0, power_of_two(deviations, dtype), 1.0) * frame.units
    new = Frame(frame.leave(mean).astype(dtype).astype(np.float64), units)
    scale = growth * (frame.units / new.units) ** 2
    family = family.over(family.variances * scale, family.floor * scale)
    moved = [s.inside(new, structure.moments) for s in (state.running, state.average)]
    parameters, estimate = (p.inside(frame, new) for p in (state.parameters, state.estimate))
    return state._replace(family=family, parameters=parameters, running=moved[0], average=moved[1], estimate=estimate,
                          variances=spread(moved[0], structure)[1])
