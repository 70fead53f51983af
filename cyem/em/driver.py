"""The EM driver: sweep, update, leap ahead, decide when to stop. It knows neither Gaussians nor samples.

A model has `sweep(parameters)`, `objective(statistics, parameters)`, `update(statistics, parameters)`, which gives new
parameters, the indices of empty components and of those held at the floor, and bolder parameters or None,
`reseed(parameters, empty)`, `part(parameters)`, `resolution`, `rounding(parameters)`, `coarse(parameters)`, `finer()`,
and `ascent(point, ...)`, which does what `Ascent` does, many iterations in one call, or is None; see
`cyem.em.problem.Problem`. Its `family` knows `coordinates(parameters)`, `at(coordinates, parameters)`,
`held(parameters)` and `admits(parameters)`.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ..kernels import sweep as kernel
from ..notices import listed

PARTINGS = 2  # how often components that coincide are moved apart in one fit
LOOK = 10  # iterations between two looks for them while EM crawls, at least
STRIDE = 50  # iterations in one call, at most
PARTED = "components that coincided were moved apart"
FLOOR = "held at the floor of variance"
WALK = 5  # iterations of plain EM before the first leap: far from a maximum a leap may land on another slope
# as the compiled ascent has them
MEMORY, PATIENCE, STRETCH, LOSS = kernel.MEMORY, kernel.PATIENCE, kernel.STRETCH, kernel.LOSS
FARTHEST = kernel.FARTHEST


class Fit(NamedTuple):
    """What a run of EM found."""

    parameters: Any
    value: float  # mean log-likelihood of these parameters
    bounds: tuple = ()  # the value after each iteration
    converged: bool = False
    events: tuple = ()  # what happened on the way, one line each
    troubled: bool = False  # whether a component had to be seeded anew, is held at the floor, or rounding ended it
    statistics: Any = None  # of the pass at these parameters


class Run(NamedTuple):
    """Where a short run of EM ended."""

    value: float  # mean log-likelihood of the parameters that were swept last
    statistics: Any  # of that pass; their update is a step better
    last: tuple = ()  # values of the last three passes


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run; `fit` is the best so far of `model`."""

    def __init__(self, model, fit):
        super().__init__()
        self.model = model
        self.fit = fit


class Point(NamedTuple):
    """Parameters that have been swept."""

    parameters: Any
    statistics: Any
    value: float


class Convergence:
    """Stops when what EM still has to gain, projected from the last steps, is at most `tol`.

    Near a maximum the gains of EM shrink by a constant rate c < 1, and g c / (1 - c) is left after a gain of g
    (Aitken's extrapolation, as in Boehning et al. 1994). The slowest of the last rates counts: a slow crawl that a few
    large steps precede is not taken for the end, nor is a growing gain, by which EM leaves a saddle.
    """

    def __init__(self, tol, resolution):
        self.tol = tol
        self.resolution = resolution
        self.restart()

    def restart(self):
        """Forget: the parameters have been changed by something other than an update."""
        self.gain = np.inf
        self.rates = []
        self.near = 0

    def reached(self, gain, value, rate=None):
        """Tell the gain of an update, and its rate as steps show it; True when it is time to stop."""
        shrunk = gain / self.gain if gain > 0 and self.gain > 0 else np.inf
        rate = shrunk if rate is None else max(rate, shrunk)  # steps may shrink along a crest where gains do not
        noise = self.resolution * scale(value)
        first = not self.rates
        self.rates = [*self.rates[1 - MEMORY :], rate]
        self.gain = gain
        # so small a loss shows that what EM gains drowns in rounding, but for that of a start
        if gain <= noise and not (first and gain < -noise):
            return True
        slowest = max(self.rates)
        near = len(self.rates) == MEMORY and slowest < 1 and gain * slowest <= self.tol * (1 - slowest)
        self.near = self.near + 1 if near else 0
        return self.near == PATIENCE


class Leap:
    """SQUAREM, scheme S3 (Varadhan & Roland 2008): from two steps of EM, x0 to x1 to x2, a point far ahead.

    With r = x1 - x0 and v = (x2 - x1) - r it is x0 + 2 a r + a^2 v, where a = |r| / |v|; a = 1 is x2 itself. No
    coordinate of it is farther from x2 than FARTHEST: beyond, a leap may land on another slope than the one that EM is
    climbing.
    """

    def __init__(self):
        self.longest = STRETCH
        self.bounded = False

    def ahead(self, x0, x1, x2):
        """The coordinates of the point, None where it is not beyond x2; and the rate at which EM gains."""
        r, step = x1 - x0, x2 - x1
        v = step - r
        rr, vv = (r * r).sum(), (v * v).sum()  # BLAS would wake threads of its own for long vectors
        if rr == 0 or vv == 0:
            return None, 0.0
        rate = (step * step).sum() / rr  # errors shrink as steps do, gains of likelihood as their squares
        a = math.sqrt(rr / vv)
        self.bounded = a >= self.longest
        a = min(a, self.longest)
        if not a > 1:
            return None, rate
        beyond = x0 + 2 * a * r + a**2 * v - x2
        if (far := np.abs(beyond).max()) > FARTHEST:
            self.bounded, beyond = False, FARTHEST / far * beyond
        return x2 + beyond, rate

    def tell(self, accepted):
        """Widen the bound after a leap that went as far as it may, narrow it after one too far."""
        if not accepted:
            self.longest = max(STRETCH, self.longest / STRETCH)
        elif self.bounded:
            self.longest *= STRETCH


class Accidents:
    """Components that lose all weight or coincide: what was done about it, and how often it will be done again."""

    def __init__(self, model):
        self.model = model
        self.partings = PARTINGS
        self.seedings = None  # as many as are empty after the first update
        self.events = []
        self.seeded = False

    def seed(self, parameters, empty, iteration):
        """Parameters in which the empty components are seeded anew; None where there are none, or were too many."""
        self.seedings = len(empty) if self.seedings is None else self.seedings
        if not empty or self.seedings <= 0:
            return None
        self.seedings -= len(empty)
        self.seeded = True
        self.events.append(f"iteration {iteration}: components without weight were seeded anew: {listed(empty)}")
        return self.model.reseed(parameters, empty)

    def part(self, parameters, iteration):
        """Parameters in which components that coincide are apart; None where none do, or were parted too often."""
        apart = self.model.part(parameters) if self.partings else None
        if apart is not None:
            self.partings -= 1
            self.events.append(f"iteration {iteration}: {PARTED}")
        return apart


def look(model, parameters):
    """The parameters, swept."""
    statistics = model.sweep(parameters)
    return Point(parameters, statistics, model.objective(statistics, parameters))


def scale(value):
    """What rounding errors of a mean log-likelihood are relative to."""
    return max(1.0, abs(value))


class Ascent:
    """EM from a point, one iteration after the other, whatever happens.

    Parameters
    ----------
    model : object
    point : Point
    done : int
        Iterations before.
    tol : float
    walk : int
        Iterations before the first leap, those before included.
    accidents : Accidents
    """

    stride = 1  # iterations at a time
    lost = False  # whether the next one would lose likelihood, as far as can be told; the point is that before it

    def __init__(self, model, point, *, done, tol, walk, accidents):
        self.model = model
        self.point = point
        self.before = None  # the point of which the present one is the update, where a leap may follow
        self.iterations = done
        self.walk = walk
        self.convergence, self.leap = Convergence(tol, model.resolution), Leap()
        self.accidents = accidents

    @property
    def gain(self):
        return self.convergence.gain

    def go(self, _):
        """One iteration: the values after each, and whether this is the end."""
        model, point, before, convergence = self.model, self.point, self.before, self.convergence
        sure, empty, held, bold = model.update(point.statistics, point.parameters)
        after = sure if bold is None else bold
        if held and model.coarse(after):
            self.lost = True
            return [], False
        seeded = self.accidents.seed(after, empty, self.iterations + 1)
        if seeded is not None:
            after, before = seeded, None
            convergence.restart()

        new, reached = None, False
        can_leap = self.iterations >= self.walk and not (held or empty)
        if can_leap and before is not None:
            target, rate = self.leap.ahead(*(model.family.coordinates(p) for p in (before.parameters,
                                                                                   point.parameters, after)))
            reached = convergence.reached(point.value - before.value, point.value, rate)
            there = None if target is None or reached else model.family.at(target, after)
            if there is not None and not model.family.held(there):
                new = look(model, there)
                self.leap.tell(new.value >= point.value)
        if new is not None and new.value >= point.value:
            self.before, self.point = None, new
        else:
            new = look(model, after)
            if after is bold and not new.value >= point.value:
                new = look(model, sure)
            if seeded is None and not new.value >= point.value - LOSS * model.resolution * scale(point.value):
                self.lost, convergence.gain = True, new.value - point.value
                return [], False
            if not can_leap and seeded is None:
                reached = convergence.reached(new.value - point.value, new.value)
            self.before, self.point = None if empty else point, new
        self.iterations += 1
        return [self.point.value], reached


def fit(model, parameters, *, tol, max_iter, accelerate=True, report=None, keep=None):
    """Maximise the likelihood from a start.

    Parameters
    ----------
    model : object
        What is to be fitted, with the methods named above.
    parameters : object
        The start.
    tol : float
        Bound on the gain of the mean log-likelihood that is left undone.
    max_iter : int
        The most iterations.
    accelerate : bool
        Whether to leap ahead. A leap that loses likelihood is undone, and has cost one pass.
    report : callable, optional
        Called with the number of iterations and the value after each.
    keep : cyem.em.kept.Keeper, optional
        Is told now and then where the run is; what an earlier one was told last, this one goes on from.

    Returns
    -------
    Fit
        Its parameters are the best that were swept, its value is theirs.

    Raises
    ------
    Interrupted
        After Ctrl-C, with the best so far.
    """

    def ascent(point):
        """What goes on from a point: many iterations at a time, where the model can do that."""
        return (model.ascent(point, done=len(bounds), tol=tol, walk=walk)
                or Ascent(model, point, done=len(bounds), tol=tol, walk=walk, accidents=accidents))

    given, accidents, lost = model, Accidents(model), ""
    walk = WALK if accelerate else math.inf
    bounds, reached, interrupt = [], False, None
    if keep is not None and keep.begun is not None:
        model, path, best, bounds = keep.resumed(given, len(parameters.weights), accidents, tol, walk)
    else:
        best = look(model, parameters)
        path = None
    try:
        path = path or ascent(best)
        while not reached and len(bounds) < max_iter:
            if keep is not None:
                keep.look(given, parameters, model, path, best, bounds, accidents)
            asked = min(path.stride if report is None else 1, max_iter - len(bounds))
            values, reached = path.go(asked)
            point = path.point
            bounds += values
            # the end is an update rather than a leap that rounding made look better
            slack = 4 * model.resolution * scale(point.value) if reached else 0.0
            if point.value >= best.value - slack:
                best = point
            if report is not None and values:
                report(len(bounds), point.value)
            if path.lost:
                finer = model.finer()
                if finer is not None:
                    model = accidents.model = finer
                    point = best = look(model, point.parameters)
                    bounds = [min(bound, point.value) for bound in bounds]  # known no better than that
                elif not bounds and not model.family.admits(point.parameters):
                    # a start thinner than the floor: its likelihood is no measure for others
                    point = best = look(model, model.update(point.statistics, point.parameters).parameters)
                    bounds.append(point.value)
                else:
                    reached = -path.gain <= max(tol, LOSS * model.rounding(point.parameters) * scale(point.value))
                    if reached:
                        bounds.append(point.value)
                    else:
                        lost = (f"iteration {len(bounds) + 1}: its step would lose {-path.gain:.2g} of mean "
                                "log-likelihood to rounding, and EM ended before it")
                        break
                if not reached:
                    path = ascent(point)
                    continue
            if reached or (path.gain < tol and len(bounds) // LOOK > (len(bounds) - len(values)) // LOOK):
                apart = accidents.part(point.parameters, len(bounds))
                if apart is not None:
                    point, reached = look(model, apart), False
                    path = ascent(point)
                    continue
            if len(values) < asked and not reached:  # something out of the ordinary
                path = Ascent(model, point, done=len(bounds), tol=tol, walk=walk, accidents=accidents)
    except KeyboardInterrupt as stop:
        interrupt = stop
    events = accidents.events + [lost] * bool(lost)
    held = model.family.held(best.parameters)
    if held:
        events.append(f"{FLOOR}: components {listed(held)}")
    converged = bool(reached) and interrupt is None
    found = Fit(best.parameters, best.value, tuple(bounds), converged, tuple(events),
                accidents.seeded or bool(lost or held), best.statistics)
    if interrupt is not None:
        raise Interrupted(given, found) from interrupt
    return found


def short_runs(model, starts, *, tol, iterations):
    """A few iterations of plain EM from the statistics of each of several passes: a Run for each."""
    runs = model.climb(starts, iterations + 1, tol)
    return [Run(*run) if run else short_run(model, start, tol=tol, iterations=iterations)
            for run, start in zip(runs, starts, strict=True)]


def short_run(model, start, *, tol, iterations):
    """Some iterations of EM from the statistics of a pass."""
    found = fit(model, model.update(start).parameters, tol=tol, max_iter=iterations)
    return Run(found.value, found.statistics)
