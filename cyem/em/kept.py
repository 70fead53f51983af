"""A climb of EM as plain values and arrays, so that it goes on in another process and ends in the same bits.

What is kept is a nest of dicts and lists of arrays, numbers and text. It comes back from a file, which may hold
anything: each value is checked for what kernels rely on before it gets there.
"""

import time

import numpy as np

from ..kernels import sweep as kernel
from ..kernels.arguments import Density
from ..rows.chunks import Chunks
from ..rows.pruning import Bounds
from ..rows.samples import MOMENTS, STATE
from ..rows.statistics import kind_of
from . import compiled, driver

KNOWN = 2 + driver.MEMORY  # the place in the state of a compiled ascent at which it counts the rates that it knows


class Keeper:
    """Writes down now and then where a fit is, and knows where an earlier one was.

    Parameters
    ----------
    write : callable
        Takes what is to be kept.
    every : float
        Seconds between two calls of it.
    begun : dict or None
        What an earlier one was last given.
    """

    def __init__(self, write, every, begun=None):
        self.write, self.every, self.begun = write, every, begun
        self.last = time.monotonic()
        self.place = {}

    def enter(self, stage, mixture, best, rng):
        """Say which climb of a fit begins: its number, the best of those before, and the random numbers to come."""
        self.place = {"stage": stage, "best": None if best is None else of_fit(best), "rng": rng.bit_generator.state,
                      "passes": of_passes(mixture.samples),
                      "filled": of_passes(vars(mixture)["filled"]) if "filled" in vars(mixture) else None}

    def look(self, given, first, model, path, best, bounds, accidents):
        """Where a climb is, between two calls of its path; see `driver.fit`."""
        if time.monotonic() - self.last < self.every:
            return
        finer = model is not given  # and has samples of its own
        self.write({**self.place, "climb": {
            "first": first.arrays, "finer": finer, "path": of_path(path), "best": of_point(best),
            "bounds": list(bounds),
            "accidents": {"partings": accidents.partings, "seedings": accidents.seedings, "seeded": accidents.seeded,
                          "events": list(accidents.events)},
            "passes": [of_passes(each.samples) for each in (given, model)[: 1 + finer]],
        }})
        self.last = time.monotonic()

    def schedule(self, mixture, k, rng, stages):
        """The climb that an earlier fit was in: its number, its start, and the best before; random numbers go on."""
        begun = Nest(self.begun)
        stage = begun.count("stage")
        if stage >= stages:
            raise damaged("stage")
        try:
            rng.bit_generator.state = begun["rng"]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise damaged("rng") from error
        recall(mixture.samples, k, begun.nest("passes"))
        if begun["filled"] is not None:
            recall(mixture.filled, k, begun.nest("filled"))
        first = to_parameters(mixture, k, begun.nest("climb").nest("first"))
        return stage, first, None if begun["best"] is None else to_fit(mixture, k, begun.nest("best"))

    def resumed(self, given, k, accidents, tol, walk):
        """The model, path, best point and bounds of the climb that an earlier fit was in; once."""
        kept, self.begun = Nest(self.begun).nest("climb"), None
        model = given.finer() if kept.flag("finer") else given
        if model is None:
            raise damaged("finer")
        passes = kept.items("passes", 1 + kept.flag("finer"))
        for each, own in zip((given, model), passes, strict=False):
            recall(each.samples, k, own)
        events = kept.nest("accidents")
        accidents.model, accidents.partings, accidents.seeded = model, events.count("partings"), events.flag("seeded")
        accidents.seedings = None if events["seedings"] is None else events.count("seedings", signed=True)
        accidents.events = events.texts("events")
        path = to_path(model, k, kept.nest("path"), accidents, tol, walk)
        return model, path, to_point(model, k, kept.nest("best")), kept.numbers("bounds")


def damaged(name):
    return ValueError(f"the checkpoint is damaged, or none of this fit: {name!r} is not what it must be")


class Nest:
    """A dict of kept values, each asked for as what it must be."""

    def __init__(self, values):
        if not isinstance(values, dict):
            raise damaged("a part of it")
        self.values = values

    def __getitem__(self, name):
        if name not in self.values:
            raise damaged(name)
        return self.values[name]

    def nest(self, name):
        if not isinstance(self[name], dict):
            raise damaged(name)
        return Nest(self[name])

    def items(self, name, count):
        if not isinstance(self[name], list) or len(self[name]) != count:
            raise damaged(name)
        return [Nest(each) for each in self[name]]

    def array(self, name, shape, dtype=np.float64):
        value = self[name]
        if not isinstance(value, np.ndarray) or value.shape != shape or value.dtype != dtype:
            raise damaged(name)
        return value.copy()

    def number(self, name):
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise damaged(name)
        return float(value)

    def count(self, name, signed=False):
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int) or not (signed or value >= 0):
            raise damaged(name)
        return value

    def flag(self, name):
        if not isinstance(self[name], bool):
            raise damaged(name)
        return self[name]

    def texts(self, name):
        if not isinstance(self[name], list) or not all(isinstance(each, str) for each in self[name]):
            raise damaged(name)
        return list(self[name])

    def numbers(self, name):
        value = self[name]
        if not isinstance(value, list) or not all(isinstance(each, float) for each in value):
            raise damaged(name)
        return list(value)


def to_parameters(problem, k, kept):
    """Parameters of a problem, from their arrays."""
    return problem.family.restored(k, kept)


def of_statistics(s):
    return {"sums": s.buffer, "about": np.ascontiguousarray(s.about), "unit": s.unit}


def to_statistics(problem, k, kept):
    d, family = len(problem.frame.units), problem.family
    kind, more = kind_of(k, family.heavy, family.noisy)
    size = kernel.statistics_size(k, d, MOMENTS[family.moments]) + more
    return kind(kept.array("sums", (size,)), kept.array("about", (k, d)), problem.frame, kept.number("unit"))


def of_point(point):
    return {"parameters": point.parameters.arrays, "statistics": of_statistics(point.statistics), "value": point.value}


def to_point(problem, k, kept):
    return driver.Point(to_parameters(problem, k, kept.nest("parameters")),
                        to_statistics(problem, k, kept.nest("statistics")), kept.number("value"))


def of_fit(fit):
    return {**of_point(fit), "bounds": list(fit.bounds), "converged": fit.converged, "events": list(fit.events),
            "troubled": bool(fit.troubled)}


def to_fit(problem, k, kept):
    point = to_point(problem, k, kept)
    return driver.Fit(point.parameters, point.value, tuple(kept.numbers("bounds")), kept.flag("converged"),
                      tuple(kept.texts("events")), kept.flag("troubled"), point.statistics)


def of_path(path):
    if isinstance(path, compiled.Ascent):
        return {"compiled": True, "statistics": of_statistics(path.statistics), "blocks": path.blocks,
                "state": path.ascent.state, "gain": float(path.gain)}
    leap, convergence = path.leap, path.convergence
    return {"compiled": False, "point": of_point(path.point),
            "before": None if path.before is None else of_point(path.before), "iterations": path.iterations,
            "longest": float(leap.longest), "bounded": bool(leap.bounded), "gain": float(convergence.gain),
            "rates": [float(rate) for rate in convergence.rates], "near": convergence.near}


def to_path(model, k, kept, accidents, tol, walk):
    if kept.flag("compiled"):
        if model.family.engine is None or not (model.samples.at_once and model.samples.complete):
            raise damaged("compiled")
        d, state = len(model.frame.units), kept.array("state", (STATE,))
        if state[KNOWN] not in range(driver.MEMORY + 1):
            raise damaged("state")
        path = compiled.Ascent.at(model, to_statistics(model, k, kept.nest("statistics")),
                                  kept.array("blocks", (2, compiled.size(model.family, k, d))), state, tol, walk)
        path.gain = kept.number("gain")
        return path
    path = driver.Ascent(model, to_point(model, k, kept.nest("point")), done=kept.count("iterations"), tol=tol,
                         walk=walk, accidents=accidents)
    path.before = None if kept["before"] is None else to_point(model, k, kept.nest("before"))
    path.leap.longest, path.leap.bounded = kept.number("longest"), kept.flag("bounded")
    path.convergence.gain, path.convergence.rates = kept.number("gain"), kept.numbers("rates")[-driver.MEMORY :]
    path.convergence.near = kept.count("near")
    return path


def of_passes(samples):
    """What passes over samples have learned of what they can leave out: sums are taken in the order of that.

    Of rows that are not in memory it is that of the part at hand, and what this was drawn by.
    """
    if isinstance(samples, Chunks):
        return {"seed": samples.source.seed,
                "at hand": of_passes(samples.at_hand) if "at_hand" in vars(samples) else None}
    samples = samples if samples.complete else samples.exact
    if samples is None:
        return {"owned": 1.0, "signs": 0, "hopeless": False, "bounds": None}
    own = samples.pruner
    bounds = None if own.bounds is None else {
        "order": own.bounds.order.copy(), "nearest": own.bounds.nearest.copy(), "age": own.bounds.age,
        "kind": own.bounds.density.kind, "means": own.bounds.density.means.copy(),
        "factors": own.bounds.density.factors.copy(), "constants": own.bounds.density.constants.copy()}
    return {"owned": own.owned, "signs": own.signs, "hopeless": own.hopeless, "bounds": bounds}


def recall(samples, k, kept):
    """Put back what `of_passes` has told."""
    if isinstance(samples, Chunks):
        seed = kept.count("seed")
        if seed != samples.source.seed:
            samples.source = samples.source.seeded(seed)
        if kept["at hand"] is not None:
            recall(samples.at_hand, k, kept.nest("at hand"))
        return
    samples = samples if samples.complete else samples.exact
    if samples is None:
        return
    own = samples.pruner
    own.owned, own.signs, own.hopeless = kept.number("owned"), kept.count("signs"), kept.flag("hopeless")
    own.bounds = None
    if kept["bounds"] is None:
        return
    bounds, (n, d) = kept.nest("bounds"), samples.X.shape
    factors, kind = bounds["factors"], bounds["kind"]
    shapes = {"diagonal": (k, 1, d), "spherical": (k, 1, 1), "triangular": (k, d, d), "whitened": (1, d, d)}
    if kind not in shapes:
        raise damaged("kind")
    factors = bounds.array("factors", shapes[kind])
    density = Density(kind, bounds.array("means", (k, d)), factors, bounds.array("constants", (k,)))
    order = bounds.array("order", (n,), np.intp)
    if not np.array_equal(np.sort(order), np.arange(n)):
        raise damaged("order")
    made = Bounds.__new__(Bounds)
    made.order, made.density, made.age = order, density, bounds.count("age")
    made.nearest = bounds.array("nearest", (kernel.tiles(n), k), np.float32)
    own.bounds = made
