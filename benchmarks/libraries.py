"""The libraries that are compared, each asked for the same: so many EM iterations from the same start."""

import time
from importlib import import_module, metadata
from importlib.util import find_spec

import numpy as np
from problems import SMALL, start

from cyem import GaussianMixture, __version__, threads
from cyem.em.problem import Problem
from cyem.families.covariance import structure
from cyem.families.gaussian import Gaussian, Parameters

WARM, TIMED = 1, 3  # iterations before the clock starts, and on it
SETTLED = 8  # iterations after which passes leave out what cannot matter
SETTLE = 0 if SMALL else 0.15  # seconds
DISTRIBUTIONS = ("numpy", "scipy", "scikit-learn", "daal", "emlearn", "onnxruntime", "pytest-benchmark")

# Textbook EM where there is something faster: what an iteration is compared by.
PLAIN = {"acceleration": None} if "acceleration" in GaussianMixture().get_params() else {}


def versions():
    """Version by distribution, of those that are installed."""
    found = {"cyem": __version__}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


class Iterations:
    """EM iterations of cyem: an update and a pass over the samples each. Also a rival, of other iterations of cyem.

    prunes: whether passes may leave out pairs that cannot matter; else every pass evaluates all of them.
    """

    def __init__(self, problem, covariance_type, n_threads=None, prunes=False):
        shape = structure(covariance_type)
        first = start(problem, covariance_type)
        self.mixture = Problem.of(Gaussian, problem.X, None, shape, 1e-6, threads.resolve(n_threads))
        self.mixture.samples.pruner.hopeless = not prunes
        self.warm = SETTLED if prunes else WARM
        frame = self.mixture.frame
        covariances = shape.scaled(first.covariances.astype(np.float64), 1 / frame.units)
        weights, means = first.weights.astype(np.float64), frame.enter(first.means)
        self.first = Parameters(shape, weights, means, covariances, shape.factors(covariances))
        self.times = []

    def begin(self):
        """Back to the start, and the iterations that are not timed."""
        self.statistics = self.mixture.sweep(self.first)
        self.run(self.warm)

    def run(self, iterations=TIMED):
        for _ in range(iterations):
            self.parameters = self.mixture.update(self.statistics).parameters
            self.statistics = self.mixture.sweep(self.parameters)

    def round(self):
        self.begin()
        begin = time.perf_counter()
        self.run()
        self.times.append(time.perf_counter() - begin)

    @property
    def seconds(self):
        return min(self.times) / TIMED

    @property
    def means(self):
        return self.mixture.frame.leave(self.parameters.means)


def settle():
    """Wait until the threads that another library left spinning have gone to sleep."""
    time.sleep(SETTLE)


class Difference:
    """Seconds of an EM iteration of another library: a long run less a short one, the best of each over the rounds.

    run(iterations) -> (seconds, means after them)
    """

    def __init__(self, run):
        self.run = run
        self.short, self.long = [], []

    def round(self):
        self.short.append(self.run(WARM)[0])
        seconds, self.means = self.run(WARM + TIMED)
        self.long.append(seconds)
        settle()

    @property
    def seconds(self):
        seconds = (min(self.long) - min(self.short)) / TIMED
        return seconds if seconds > 0 else None  # nothing that rises above the noise


class Whole:
    """Seconds of a call, over the rounds: of equal calls the best, of calls that differ by their seed the median."""

    def __init__(self, call, per=1, statistic=min):
        self.call, self.per, self.statistic = call, per, statistic
        self.times = []

    def round(self):
        begin = time.perf_counter()
        self.call()
        self.times.append(time.perf_counter() - begin)
        settle()

    @property
    def seconds(self):
        return float(self.statistic(self.times)) / self.per


def installed(module):
    return find_spec(module) is not None


def sklearn_mixture():
    """scikit-learn's GaussianMixture, or None."""
    return import_module("sklearn.mixture").GaussianMixture if installed("sklearn") else None


def rivals(problem, covariance_type, only=("scikit-learn", "oneDAL")):
    """The other libraries that are installed and know this structure, by name."""
    first = start(problem, covariance_type)
    found = {}
    if "scikit-learn" in only and installed("sklearn"):
        found["scikit-learn"] = Difference(lambda iterations: run_sklearn(problem, covariance_type, first, iterations))
    if "oneDAL" in only and covariance_type in ("full", "diag") and installed("daal4py"):
        found["oneDAL"] = Difference(lambda iterations: run_onedal(problem, covariance_type, first, iterations))
    return found


def run_sklearn(problem, covariance_type, first, iterations):
    model = sklearn_mixture()(
        problem.k, covariance_type=covariance_type, weights_init=first.weights, means_init=first.means,
        precisions_init=first.precisions, init_params="random_from_data", max_iter=iterations, tol=0, random_state=0,
    )
    begin = time.perf_counter()
    model.fit(problem.X)
    return time.perf_counter() - begin, model.means_


def run_onedal(problem, covariance_type, first, iterations):
    import daal4py

    single = problem.X.dtype == np.float32
    algorithm = daal4py.em_gmm(
        nComponents=problem.k, fptype="float" if single else "double", maxIterations=iterations, accuracyThreshold=0.0,
        covarianceStorage="full" if covariance_type == "full" else "diagonal",
    )
    covariances = [np.atleast_2d(c).copy() for c in first.covariances]  # it writes into them
    begin = time.perf_counter()
    found = algorithm.compute(problem.X, first.weights[None].copy(), first.means.copy(), covariances)
    return time.perf_counter() - begin, found.means
