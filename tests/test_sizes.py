"""How much memory the kernels ask for, and how far places reach: beyond what an int holds, and no d x d where no
component has a matrix."""

import itertools
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from cyem import kernels
from cyem.em.start import ALL, some
from cyem.families.covariance import structure
from cyem.families.covariance.base import Estimate
from cyem.families.gaussian import Parameters, coincident
from cyem.kernels import reference

DENSITIES, MOMENTS = reference.DENSITIES, reference.MOMENTS
HEAD, TILE, SPARSE, SPARSER, WORD = 2, 192, 80, 40, 8

every_isa = pytest.mark.parametrize("isa", kernels.available())


# --- what the kernels ask for, in exact integers; of numbers of features of which all blocks are whole --------------


def aligned(size):
    return -(-size // 64) * 64


def matrices(k, d, moments):
    return dict(scatter=k * d * d, pooled=d * d, squares=k * d, norms=k, none=0)[moments]


def statistics(k, d, moments):
    return HEAD + k + k * d + matrices(k, d, moments)


def block(k, d, moments):
    return 3 * k + 2 * k * d + 2 * matrices(k, d, moments)


def coordinates(k, d, moments):
    triangles = {"scatter": k * d * (d + 1) // 2, "pooled": d * (d + 1) // 2}
    return k + k * d + triangles.get(moments, matrices(k, d, moments))


def panels(d):
    return d // 4 * (d // 4 + 1) // 2 * 16


def workspace(n, d, k, density, moments, itemsize, n_threads):
    most = 0
    for prunes, kind in itertools.product((False, True), (moments, "none")):
        sums = aligned((statistics(k, d, kind) + 1) * WORD)  # and what a background takes
        shards = 64
        while (shards > 4 and shards * sums > 2**25) or (shards > 16 and shards * 4 > -(-n // TILE)):
            shards //= 2
        shards = min(shards, -(-n // TILE))
        group = 2**19 // ((2 * d + k) * TILE * itemsize) if sums > 2**19 and not prunes else 1
        group = min(max(group, 1), 8)
        square = kind in ("scatter", "pooled")
        strip = d if square else min(d, 256 + 8)
        scratch = (aligned(group * d * TILE * itemsize) * (2 if density == "whitened" else 1)
                   + aligned((max(TILE, 2 * SPARSE + 1) if square else 2 * SPARSER + 1) * strip * itemsize)
                   + aligned(group * k * TILE * itemsize) + 2 * aligned(k * WORD) + aligned(group * TILE * itemsize)
                   + aligned(group * TILE * WORD))
        most = max(most, n_threads * scratch + shards * (sums + 16))
    factors = dict(triangular=k * panels(d), whitened=panels(d), diagonal=k * d, spherical=k)[density]
    return (128 + aligned(factors * itemsize) + aligned(k * itemsize) + aligned(k * d * itemsize)
            + aligned((3 + k) * d * itemsize) + most)


def climb(n, d, k, density, moments, itemsize, n_threads, at_once):
    each = workspace(n, d, k, density, moments, itemsize, n_threads) + aligned(block(k, d, moments) * WORD)
    return at_once * each + 64


def ascent(n, d, k, density, moments, itemsize, n_threads):
    beside = 2 + 4 + 1  # what a background adds to each
    numbers = 2 * block(k, d, moments) + 4 * coordinates(k, d, moments) + k * d + statistics(k, d, moments) + beside
    return workspace(n, d, k, density, moments, itemsize, n_threads) + 64 + WORD * numbers


def begin(n, looked, d, k, moments, itemsize, n_threads, whitens):
    numbers = 4 * looked + d
    passes = workspace(n, d, k, "diagonal", moments, itemsize, n_threads)
    if whitens:
        numbers += d * d + d + statistics(1, d, "scatter") + block(1, d, "scatter")
        passes = max(passes, workspace(n, d, k, "whitened", moments, itemsize, n_threads),
                     workspace(n, d, 1, "diagonal", "scatter", itemsize, n_threads))
    return 64 + aligned(looked * d * itemsize) + aligned(numbers * WORD) + passes


def splits(n, d, density, moments, itemsize, iterations, at_once):
    own = 2 * d * d + 2 * d if moments in ("scatter", "pooled") else 0
    numbers = 3 * statistics(2, d, moments) + 6 * d + block(2, d, moments) + d + own + iterations
    return at_once * (aligned(n * WORD) + aligned(n * itemsize) + 64 + aligned(numbers * WORD)
                      + climb(n, d, 2, density, moments, itemsize, 1, 1)) + 64


def mergers(d, k, moments):
    return 2 * k + k * k + 2 * d + 2 * dict(scatter=d * d, pooled=d * d, squares=d).get(moments, 1)


ALONE = dict(scatter="triangular", pooled="whitened", squares="diagonal", norms="spherical")
LARGE = [(10, 2**15, 2), (2**33, 8, 3), (1000, 2**17, 5), (2**20, 400, 2**14), (2**31 + 192, 16, 2**16)]


@every_isa
@pytest.mark.parametrize("kind", MOMENTS[1:])
@pytest.mark.parametrize(("n", "d", "k"), LARGE)
def test_sizes_are_exact(isa, kind, n, d, k):
    sweep, linalg = kernels.module("sweep", isa), kernels.module("linalg", isa)
    moments, density, d_kind = MOMENTS.index(kind), ALONE[kind], DENSITIES.index(ALONE[kind])
    assert sweep.statistics_size(k, d, moments) == statistics(k, d, kind)
    assert linalg.block_size(k, d, moments) == block(k, d, kind)
    assert linalg.coordinates_size(k, d, moments) == coordinates(k, d, kind)
    assert sweep.mergers_size(d, k, moments) == mergers(d, k, kind)
    for itemsize, n_threads in itertools.product((4, 8), (1, 7)):
        sizes = itemsize, n_threads
        found = sweep.workspace_size(n, d, k, d_kind, moments, *sizes)
        assert found == workspace(n, d, k, density, kind, *sizes)
        assert sweep.climb_size(n, d, k, d_kind, moments, *sizes, 3) == climb(n, d, k, density, kind, *sizes, 3)
        assert sweep.ascent_size(n, d, k, d_kind, moments, *sizes) == ascent(n, d, k, density, kind, *sizes)
        assert sweep.splits_size(n, d, d_kind, moments, *sizes, 3) == splits(n, d, density, kind, *sizes, 3)
        for whitens in (False, True):
            found = sweep.begin_size(n, n // 2, d, k, moments, *sizes, whitens)
            assert found == begin(n, n // 2, d, k, kind, *sizes, whitens)
    assert sweep.tiles(n) == -(-n // TILE)


def test_places_of_rows_reach_as_far_as_memory():
    """They are as wide as a size, in what starts and passes are given as well."""
    assert ALL.dtype == some(10**4, 1, np.random.default_rng(0)).dtype == np.intp
    assert some(2**33, 1, np.random.default_rng(0)).max() > 2**32


# --- wide data -------------------------------------------------------------------------------------------------------


def peak_of(program):
    """Megabytes that a process of its own takes for a program, beyond those of the imports."""
    program = ("import resource, numpy as np\nfrom cyem import GaussianMixture, select\n"
               "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\nbefore = peak()\n"
               + program + "\nprint(peak() - before)")
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


@pytest.mark.parametrize("kind", ["diag", "spherical", "EVI"])
def test_no_matrices_of_all_features_where_components_have_none(kind):
    """One of them would be 800 MB; the samples and what a pass holds of them are about 40 MB."""
    whole = f"""
X = np.random.default_rng(0).normal(size=(60, 10000))
X[:30] += 1
model = GaussianMixture(2, covariance_type="{kind}", random_state=0, search="swap").fit(X)
model.predict_proba(X), model.sample(3), model.bic(X), model.summary(X)
GaussianMixture(2, covariance_type="{kind}", random_state=0, init_params="kmeans").fit(X)
GaussianMixture(2, covariance_type="{kind}", warm_start=True, init_params=[0, 1] * 30).fit(X)"""
    assert peak_of(whole) < 300
    assert peak_of(f"""
X = np.random.default_rng(0).normal(size=(60, 10000))
X[:30] += 1
assert select(X, n_components=[1, 2, 3], covariance_types="{kind}", random_state=0).best_.n_components""") < 300


@pytest.mark.parametrize("kind", ["diag", "spherical"])
def test_a_mixture_of_many_components_and_features(kind):
    """As one matrix for each component it would be 3,200 MB."""
    shape = "(100, 2000)" if kind == "diag" else "100"
    assert peak_of(f"""
rng = np.random.default_rng(0)
model = GaussianMixture.from_parameters(np.full(100, 0.01), rng.normal(size=(100, 2000)),
                                        rng.uniform(1, 2, {shape}), "{kind}")
X = rng.normal(size=(20, 2000))
model.predict(X), model.score(X), model.sample(5), model.summary()""") < 100


# --- components that coincide ----------------------------------------------------------------------------------------


def parameters_of(shape, means, covariances):
    k = len(means)
    return Parameters.of(shape, np.full(k, 1 / k), means, Estimate(covariances, np.zeros(k, bool)))


def mixture_of(kind, k, d, rng):
    shape = structure(kind)
    means = 3.0 * rng.permutation(k * d).reshape(k, d)
    A = rng.normal(size=(k, d, 2 * d))
    covariances = dict(
        full=A @ A.swapaxes(1, 2) / d, tied=A[0] @ A[0].T / d, diag=rng.uniform(1, 2, (k, d)),
        spherical=rng.uniform(1, 2, k)
    )[kind]
    return parameters_of(shape, means, covariances)


def divergent(parameters):
    """Groups by the definition, from whole matrices: every one of a group is near its first."""
    k, d = parameters.means.shape
    C = np.broadcast_to(parameters.structure.full(parameters.covariances, k, d), (k, d, d))
    P = np.linalg.inv(C)
    near = np.zeros((k, k), bool)
    for i, j in itertools.product(range(k), repeat=2):
        gap = parameters.means[i] - parameters.means[j]
        near[i, j] = (np.trace(P[i] @ C[j] + P[j] @ C[i]) + gap @ (P[i] + P[j]) @ gap) / 2 - d < 0.02
    return {tuple(np.flatnonzero(row).tolist()) for row in near if row.sum() > 1}


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_coincident_components_are_those_of_the_definition(kind, d):
    rng = np.random.default_rng([d, len(kind)])
    for k in (2, 3, 12):
        parameters = mixture_of(kind, k, d, rng)
        assert {tuple(group) for group in coincident(parameters)} == divergent(parameters)
        several = rng.integers(max(1, k // 2), size=k)  # each is one of these
        parameters = parameters_of(parameters.structure, parameters.means[several],
                                   parameters.structure.taken(parameters.covariances, several))
        assert {tuple(group) for group in coincident(parameters)} == divergent(parameters) != set()


def test_many_components_are_compared_without_a_matrix_of_pairs():
    """One of 40,000 x 40,000 numbers would be 12.8 GB."""
    k = 40_000
    means = np.arange(k, dtype=float)[:, None]
    means[k // 2] = means[k // 2 - 1]
    parameters = parameters_of(structure("full"), means, np.full((k, 1, 1), 1e-2))
    tracemalloc.start()
    assert coincident(parameters) == [[k // 2 - 1, k // 2]]
    assert tracemalloc.get_traced_memory()[1] < 50e6
    same = parameters_of(structure("full"), np.zeros((k, 1)), np.full((k, 1, 1), 1e-2))
    tracemalloc.reset_peak()
    assert coincident(same) == [list(range(k))]
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
