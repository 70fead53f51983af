"""The compiled kernels against their twins in `cyem.kernels.reference`, for every instruction set that runs here.

A twin runs on exactly the numbers that the kernel is given, in higher precision: extended (where the platform has it)
against float64, float64 against float32. All inputs are read-only and lie between NaN, and so do the unread triangles
of factors; outputs lie between sentinels; the workspace is NaN before each call and stands at an odd address. So
every comparison below is also a test of what is read and written.
"""

import functools
import inspect
import itertools
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from cyem import kernels
from cyem.em import driver
from cyem.em.problem import Problem as Mixture
from cyem.families.covariance import STRUCTURES, structure
from cyem.families.gaussian import Gaussian, Parameters
from cyem.kernels import arguments, reference
from cyem.rows.samples import Frame, Samples
from cyem.rows.statistics import Statistics

SIZES = (1, 2, 3, 5, 7, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97)
DTYPES = (np.float32, np.float64)
DOORS = ("sweep", "accumulate", "score_samples", "responsibilities", "labels")
DENSITIES = range(4)  # with normal tails
HEAVY = len(DENSITIES)  # so much further on are those with heavy ones
SIMPLEST = reference.DENSITIES.index("spherical")  # where there is none
SOFT, HARD = range(len(reference.POSTERIORS))
MOMENTS = range(len(reference.MOMENTS))
SCATTER, POOLED = (reference.MOMENTS.index(kind) for kind in ("scatter", "pooled"))
TRIANGULAR, WHITENED = (reference.DENSITIES.index(kind) for kind in ("triangular", "whitened"))

EXTENDED = np.finfo(np.longdouble).eps < 1e-18
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}  # of the sum of absolute values, see `magnitudes`
CUT = {np.float32: -25.0, np.float64: -45.0}
FENCE = 5  # numbers on either side of an array

every_isa = pytest.mark.parametrize("isa", kernels.available())
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
every_density = pytest.mark.parametrize("density", DENSITIES, ids=reference.DENSITIES.__getitem__)


# --- problems --------------------------------------------------------------------------------------------------------


def fenced(shape, dtype, value=None):
    """An array between sentinels: read-only with the given values, or to be written to."""
    buffer = np.full(np.prod(shape, dtype=int) + 2 * FENCE, np.nan if np.dtype(dtype).kind == "f" else -7, dtype)
    array = buffer[FENCE:-FENCE].reshape(shape)
    if value is not None:
        array[...] = value
        array.flags.writeable = False
    return array


def assert_fence_stands(array):
    buffer = array if array.base is None else array.base
    outside = np.concatenate([buffer[:FENCE], buffer[-FENCE:]])
    assert np.isnan(outside).all() if array.dtype.kind == "f" else (outside == -7).all()


@dataclass(frozen=True, eq=False)
class Problem:
    """All that the doors of sweep take; equal to itself only, so that what is computed from it can be kept.

    Means, factors and constants are of double precision, and of no more digits than the samples have.
    """

    X: np.ndarray
    weights: np.ndarray
    frame: np.ndarray
    means: np.ndarray
    factors: np.ndarray
    constants: np.ndarray
    resp: np.ndarray

    def rows(self, of=arguments, weighted=True, whole=None):
        """The samples as the kernels take them, or their twins."""
        return of.Rows(self.X, self.frame, self.weights if weighted else None, whole)

    def density(self, kind, of=arguments):
        """The same of the density."""
        return of.Density(reference.DENSITIES[kind], self.means, self.factors, self.constants)

    def inputs(self, door, density=None, of=arguments, **rows):
        """The arguments of a door of sweep before its outputs."""
        if door == "accumulate":
            return self.rows(of, **rows), self.means, self.resp
        return self.rows(of, **rows), self.density(density, of)

    def map(self, change):
        return Problem(*(change(getattr(self, field.name)) for field in fields(self)))

    def fence(self):
        return self.map(lambda a: fenced(a.shape, a.dtype, a))

    @functools.cached_property
    def wide(self):
        dtype = np.float64 if self.X.dtype == np.float32 else np.longdouble
        return self.map(lambda a: a.astype(dtype))


@functools.cache
def problem(n, d, k, density, dtype):
    """Overlapping components; samples that two of them claim alike are left out, since rounding would decide there."""
    rng = np.random.default_rng([n, d, k, density])
    means = rng.normal(size=(k, d)) * 3 / np.sqrt(d)
    frame = np.stack([rng.normal(size=d) * 3, 2.0 ** rng.integers(-2, 4, size=d)])
    factors = {
        "triangular": np.triu(rng.normal(size=(k, d, d)) / (2 * np.sqrt(d)), 1) + np.eye(d) * rng.uniform(0.7, 1.5, d),
        "whitened": np.triu(rng.normal(size=(1, d, d)) / (2 * np.sqrt(d)), 1) + np.eye(d) * rng.uniform(0.7, 1.5, d),
        "diagonal": rng.uniform(0.7, 1.5, (k, 1, d)),
        "spherical": rng.uniform(0.7, 1.5, (k, 1, 1)),
    }[reference.DENSITIES[density]]
    constants = rng.normal(size=k) - d
    X = frame[0] + (means[rng.integers(k, size=2 * n + 8)] + rng.normal(size=(2 * n + 8, d))) / frame[1]
    X, means, frame, factors = (a.astype(dtype) for a in (X, means, frame, factors))
    means, factors = means.astype(float), factors.astype(float)
    twins = reference.Rows(X.astype(float), frame.astype(float)), reference.Density(
        reference.DENSITIES[density], means, factors, constants)
    best = np.sort(reference.log_joint(*twins))
    margin = best[:, -1] - best[:, -2] if k > 1 else np.arange(len(X))
    X = X[np.sort(np.argsort(margin)[-n:])]
    if factors.shape[1] > 1:
        factors[:, *np.tril_indices(d, -1)] = np.nan  # of a triangle only one half is read
    resp = rng.exponential(size=(n, k)) * (rng.random((n, k)) < 0.7)
    if k > 2:
        resp[:, 1] = 0
    weights = rng.integers(0, 5, size=n) / 4
    return Problem(X, weights.astype(dtype), frame, means, factors, constants, resp.astype(dtype)).fence()


def shape_of_output(given, door, kinds):
    n, d = given.X.shape
    k = len(given.means)
    return {
        "sweep": lambda: kernels.sweep.statistics_size(k, d, kinds["moments"]),
        "accumulate": lambda: kernels.sweep.statistics_size(k, d, kinds["moments"]),
        "score_samples": lambda: n,
        "responsibilities": lambda: (n, k),
        "labels": lambda: n,
    }[door]()


def dtype_of_output(given, door):
    return {"labels": np.intp, "responsibilities": given.X.dtype}.get(door, np.float64)


def run(isa, door, given, weighted=True, whole=None, n_threads=1, density=None, **kinds):
    """What a door of the compiled sweep writes."""
    module = kernels.module("sweep", isa)
    n, d = given.X.shape
    out = fenced(shape_of_output(given, door, kinds), dtype_of_output(given, door))
    size = module.workspace_size(n, d, len(given.means), SIMPLEST if density is None else density,
                                 kinds.get("moments", 0), given.X.itemsize, n_threads)
    memory = np.full(size + 4096, 0xFF, np.uint8)  # NaN in both dtypes
    inputs = given.inputs(door, density, weighted=weighted, whole=whole)
    getattr(module, door)(*inputs, out, memory[1 : 1 + size], n_threads=n_threads, **kinds)
    assert memory[0] == 0xFF and (memory[1 + size :] == 0xFF).all()
    assert_fence_stands(out)
    return out


@functools.cache
def expect(door, given, weighted=True, density=None, **kinds):
    """What its twin writes, in higher precision."""
    wide = given.wide
    out = np.empty(shape_of_output(given, door, kinds), np.intp if door == "labels" else wide.X.dtype)
    getattr(reference, door)(*wide.inputs(door, density, reference, weighted=weighted), out, **kinds)
    return out


@functools.cache
def magnitudes(given, door, weighted, moments, density=None, posterior=None, cut=None):
    """The largest sum of absolute values in each block of the statistics, repeated over the block."""
    wide = given.wide
    k = len(wide.means)
    w = wide.weights[:, None] if weighted else np.ones((len(wide.X), 1))
    z = np.abs(wide.rows(reference).framed - wide.means[:, None])
    resp, head = wide.resp, [0, 0]
    if door == "sweep":
        joint = reference.log_joint(wide.rows(reference), wide.density(density, reference))
        loglik, resp = (reference.soft, reference.hard)[posterior](joint, cut)
        head = [(w[:, 0] * (1 + np.abs(a))).sum() for a in (loglik, np.log(resp.max(axis=1)))]
    rest = reference.sums(z, resp * w, moments)
    blocks = np.split(rest, [k, k + wide.means.size])
    return np.concatenate([head, *(np.full(len(block), block.max(initial=0)) for block in blocks)])


def assert_statistics(isa, door, given, **kinds):
    dtype = given.X.dtype.type
    got, exact = run(isa, door, given, **kinds), expect(door, given, **kinds)
    error, scale = np.abs(got - exact), magnitudes(given, door, **kinds)
    wrong = ~(error <= TOLERANCE[dtype] * scale)  # NaN is wrong too
    assert not wrong.any(), (door, kinds, np.flatnonzero(wrong), got[wrong], exact[wrong])


# Each of n, d, k over all sizes while the others are small.
ALONG_AXES = sorted({(n, 3, 2) for n in SIZES} | {(40, d, 3) for d in SIZES} | {(40, 3, k) for k in SIZES})


def cases(count):
    """Sizes from all corners at once, and everything else about them, at random but always the same."""
    rng = np.random.default_rng(7)
    return [
        (
            *(int(size) for size in rng.choice(SIZES, 3)),
            int(rng.choice(DENSITIES)),
            int(rng.integers(2)),
            int(rng.choice(MOMENTS)),
            bool(rng.integers(2)),
        )
        for _ in range(count)
    ]


by_size = functools.partial(pytest.mark.parametrize, "size", ids=lambda size: "x".join(map(str, size)))


# --- doors against twins ---------------------------------------------------------------------------------------------


@every_isa
@every_dtype
@every_density
@by_size(ALONG_AXES)
def test_sweep(isa, dtype, density, size):
    for posterior in (SOFT, HARD):
        for moments in MOMENTS:
            assert_statistics(
                isa,
                "sweep",
                problem(*size, density, dtype),
                weighted=bool((posterior + moments) % 2),
                density=density,
                posterior=posterior,
                moments=moments,
                cut=CUT[dtype],
            )


@every_isa
@every_dtype
@pytest.mark.parametrize("case", cases(40), ids=lambda case: "x".join(map(str, case)))
def test_sweep_of_drawn_sizes(isa, dtype, case):
    n, d, k, density, posterior, moments, weighted = case
    assert_statistics(isa, "sweep", problem(n, d, k, density, dtype), weighted=weighted, density=density,
                      posterior=posterior, moments=moments, cut=CUT[dtype])


@every_isa
@every_dtype
@every_density
def test_sweep_of_many_shards(isa, dtype, density):
    given = problem(20000, 3, 4, density, dtype)
    for posterior, moments in [*((SOFT, moments) for moments in MOMENTS), (HARD, SCATTER)]:
        assert_statistics(isa, "sweep", given, weighted=bool(moments % 2), density=density, posterior=posterior,
                          moments=moments, cut=CUT[dtype])


def whole(given, weighted):
    """Statistics of all samples as one component, about the origin."""
    n, d = given.X.shape
    out, everyone = np.empty(3 + d + d * d), np.ones((n, 1))
    rows = given.wide.rows(reference, weighted)
    reference.accumulate(rows, np.zeros((1, d)), everyone, out, moments=SCATTER)
    return out


def normal(given, scale=1):
    """The same problem with components of equal weight, whose factors U are scaled: their constants say so."""
    factors = (given.factors * scale).astype(given.X.dtype).astype(float)
    d = given.X.shape[1]
    log_dets = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    constants = np.broadcast_to(log_dets - d / 2 * np.log(2 * np.pi), len(given.means)) - np.log(len(given.means))
    return replace(given, factors=factors, constants=np.ascontiguousarray(constants))


FROM_THE_WHOLE = [(SCATTER, TRIANGULAR), (POOLED, WHITENED)]


def useful_whole(given, moments):
    """The same where moments can come from it, or nothing."""
    return whole(given, True) if moments in (SCATTER, POOLED) else None


@every_isa
@every_dtype
@pytest.mark.parametrize(("moments", "density"), FROM_THE_WHOLE, ids=["scatter", "pooled"])
@by_size([*ALONG_AXES, (20000, 3, 4), (1000, 33, 5)])
def test_moments_from_the_whole(isa, dtype, moments, density, size):
    given = normal(problem(*size, density, dtype))
    for posterior, weighted in itertools.product((SOFT, HARD), (False, True)):
        kinds = dict(weighted=weighted, density=density, posterior=posterior, moments=moments, cut=CUT[dtype])
        all_of_it = whole(given, weighted)
        got, exact = run(isa, "sweep", given, whole=all_of_it, **kinds), expect("sweep", given, **kinds)
        scale = magnitudes(given, "sweep", **kinds).copy()
        scale[2:] += np.abs(all_of_it).max() + all_of_it[2] * np.abs(given.means).max() ** 2
        assert (np.abs(got - exact) <= TOLERANCE[dtype] * scale).all()


@every_isa
@every_dtype
@pytest.mark.parametrize(("moments", "density"), FROM_THE_WHOLE, ids=["scatter", "pooled"])
def test_moments_come_from_the_samples_where_components_are_small(isa, dtype, moments, density):
    """Where samples spread a thousand times as far, a difference of the two would have lost six digits."""
    large, small = (normal(problem(3000, 5, 4, density, dtype), scale) for scale in (1, 1000))
    kinds = dict(density=density, posterior=SOFT, moments=moments, cut=CUT[dtype])
    np.testing.assert_array_equal(run(isa, "sweep", small, whole=whole(small, True), **kinds),
                                  run(isa, "sweep", small, **kinds))
    assert (run(isa, "sweep", large, whole=whole(large, True), **kinds) != run(isa, "sweep", large, **kinds)).any()


@every_isa
@every_dtype
@by_size([*ALONG_AXES, (20000, 3, 4)])
def test_accumulate(isa, dtype, size):
    for moments, weighted in itertools.product(MOMENTS, (False, True)):
        assert_statistics(isa, "accumulate", problem(*size, 0, dtype), weighted=weighted, moments=moments)


@every_isa
@every_dtype
@every_density
@by_size([*ALONG_AXES, (20000, 3, 4)])
def test_rows(isa, dtype, density, size):
    """Log-likelihoods, responsibilities and labels of single samples."""
    given, close = problem(*size, density, dtype), TOLERANCE[dtype]
    loglik, resp, label = (run(isa, door, given, density=density) for door in DOORS[2:])
    exact = expect("score_samples", given, density=density)
    scale = 1 + np.abs(exact) + np.abs(given.constants).max()
    assert (np.abs(loglik - exact) <= close * scale).all()
    assert (np.abs(resp - expect("responsibilities", given, density=density)) <= close).all()
    assert (np.abs(resp.sum(axis=1, dtype=float) - 1) <= (3 + size[2]) * np.finfo(dtype).eps).all()
    np.testing.assert_array_equal(label, expect("labels", given, density=density))
    np.testing.assert_array_equal(label, resp.argmax(axis=1))


# These have their twins in cyem.families, in cyem.em.driver, and below; the first is there for tests.
ELSEWHERE = {"exp_log", "log1p_inverse", "m_step", "coordinates", "at", "climb", "ascend", "splits"}


@pytest.mark.parametrize("kernel", ["sweep", "linalg"])
def test_every_loop_over_samples_has_a_twin_with_its_arguments(kernel):
    module = kernels.module(kernel, kernels.ISA)
    doors = {name: door for name, door in vars(module).items() if callable(door) and not name.startswith("_")}
    doors = {name: door for name, door in doors.items() if not name.endswith("_size") and name not in ELSEWHERE}
    assert doors
    assert doors.keys() <= vars(reference).keys()
    for name in doors:
        assert list(inspect.signature(doors[name]).parameters) == list(
            inspect.signature(getattr(reference, name)).parameters
        )


@every_isa
def test_kinds_have_the_positions_of_the_twins(isa):
    assert kernels.module("sweep", isa).POSTERIORS == reference.POSTERIORS
    for kinds in ("DENSITIES", "MOMENTS"):
        assert getattr(arguments, kinds) == getattr(reference, kinds)


@every_isa
@every_dtype
@every_density
def test_parameters_are_rounded_to_the_precision_of_the_samples(isa, dtype, density):
    given = problem(300, 5, 3, density, np.float64)  # of means and factors with all their digits
    given = replace(given, X=given.X.astype(dtype), frame=given.frame.astype(dtype), resp=given.resp.astype(dtype),
                    weights=given.weights.astype(dtype))
    rounded = replace(given, means=given.means.astype(dtype).astype(float),
                      factors=given.factors.astype(dtype).astype(float))
    kinds = dict(density=density, moments=SCATTER, posterior=SOFT, cut=CUT[dtype])
    np.testing.assert_array_equal(run(isa, "sweep", given, **kinds), run(isa, "sweep", rounded, **kinds))


def copied(given):
    """An object that doors take, made from what it says that it consists of."""
    return pickle.loads(pickle.dumps(given))


def test_what_doors_take_can_be_copied_and_not_be_changed():
    given = problem(40, 3, 2, 0, np.float32)
    rows, density = given.rows(), given.density(0)
    closed = arguments.ClosedForm("norms", "equal", np.ones(1), 0.5).with_equal_weights().beside(-2.0)
    ascent = arguments.Ascent(np.ones((2, 3)), np.ones(4), np.ones((1, 1)), np.ones(5), np.ones(1), True, 1, 2, 3, 4)
    for one, names in [(rows, ("X", "frame", "weights", "whole")),
                       (density, ("kind", "means", "factors", "constants", "heavy")),
                       (closed, ("moments", "ties", "floor", "part", "equal_weights", "background")),
                       (ascent, ("blocks", "statistics", "about", "state", "scale", "curved", "mass", "tol"))]:
        other = copied(one)
        for name in names:
            np.testing.assert_array_equal(getattr(other, name), getattr(one, name))
            with pytest.raises(AttributeError):
                setattr(one, name, None)


@pytest.mark.parametrize("wrong", [
    dict(X=np.zeros((3, 2), int)), dict(X=np.zeros((2, 3)).T), dict(X=np.zeros(6)), dict(frame=np.zeros((2, 2), "f4")),
    dict(weights=np.zeros(3, "f4")), dict(whole=np.zeros(3, "f4")),
], ids=lambda wrong: "".join(wrong))
def test_arrays_of_another_type_or_layout_are_refused(wrong):
    """Here, where the object is made: a loop would read beyond them."""
    fine = dict(X=np.zeros((3, 2)), frame=np.zeros((2, 2)), weights=np.zeros(3), whole=np.zeros(7))
    arguments.Rows(**fine)
    with pytest.raises(ValueError):
        arguments.Rows(**fine | wrong)


@pytest.mark.parametrize("wrong", [
    dict(kind="oval"), dict(means=np.zeros((2, 3), "f4")), dict(factors=np.zeros((2, 1, 3), "f4")),
    dict(constants=np.zeros((2, 1))), dict(means=np.zeros((3, 2)).T),
], ids=lambda wrong: "".join(wrong))
def test_densities_of_another_type_or_layout_are_refused(wrong):
    fine = dict(kind="diagonal", means=np.zeros((2, 3)), factors=np.zeros((2, 1, 3)), constants=np.zeros(2))
    arguments.Density(**fine)
    with pytest.raises(ValueError):
        arguments.Density(**fine | wrong)


# --- threads, shards, tiles ------------------------------------------------------------------------------------------


@every_isa
@every_dtype
@by_size([(20000, 3, 4), (1000, 7, 5), (200, 33, 31), (5, 2, 2)])
def test_the_same_bits_for_any_number_of_threads(isa, dtype, size):
    given = problem(*size, 0, dtype)
    calls = [("sweep", dict(density=0, posterior=SOFT, moments=moments, cut=CUT[dtype])) for moments in MOMENTS]
    calls += [("sweep", dict(density=0, posterior=HARD, moments=SCATTER, cut=CUT[dtype]))]
    calls += [("accumulate", dict(moments=moments)) for moments in MOMENTS]
    calls += [(door, dict(density=0)) for door in DOORS[2:]]
    for door, kinds in calls:
        one, *more = (run(isa, door, given, n_threads=n_threads, **kinds).tobytes() for n_threads in (1, 2, 3, 4))
        assert all(bits == one for bits in more), (door, kinds)


def some(given, start, stop):
    return Problem(given.X[start:stop], given.weights[start:stop], given.frame, given.means, given.factors,
                   given.constants, given.resp[start:stop]).fence()


@every_isa
@every_dtype
@every_density
@by_size([(1, 1, 1), (40, 2, 3), (300, 3, 2), (500, 7, 5), (193, 33, 2)])
def test_heavy_tails(isa, dtype, density, size):
    """Student's t of each kind of distance, from very heavy tails to none."""
    given = problem(*size, density, dtype)
    n, d, k = size
    nu = np.array([0.3, 1e7, np.inf, 2.0, 30.0])[:k]
    given = replace(given, constants=np.concatenate([given.constants, nu]))
    density += HEAVY
    bits = 200 * np.finfo(dtype).eps
    module = kernels.module("sweep", isa)
    for weighted, moments, posterior in itertools.product((True, False), (0, 1, 3), (SOFT, HARD)):
        out, again = np.empty((2, kernels.sweep.statistics_size(k, d, moments) + 2 * k))
        kinds = dict(posterior=posterior, moments=moments, cut=CUT[dtype])
        for sums, n_threads in ((out, 1), (again, 3)):
            size = module.workspace_size(n, d, k, density, moments, given.X.itemsize, n_threads)
            module.sweep(*given.inputs("sweep", density, weighted=weighted), sums, np.empty(size, np.uint8),
                         n_threads=n_threads, **kinds)
        assert again.tobytes() == out.tobytes()
        exact = np.empty(len(out), given.wide.X.dtype)
        reference.sweep(*given.wide.inputs("sweep", density, reference, weighted=weighted), exact, **kinds)
        scale = np.abs(exact).max() + 1
        np.testing.assert_allclose(out, exact.astype(float), rtol=0, atol=bits * scale)
    for door in DOORS[2:]:
        got, exact = run(isa, door, given, density=density), expect(door, given, density=density)
        np.testing.assert_allclose(got, exact.astype(got.dtype), rtol=bits, atol=bits * 10)


@every_isa
@every_dtype
@by_size([(300, 2, 3), (500, 7, 5), (1000, 33, 5), (20000, 3, 4)])
def test_pooled_moments_of_heavy_tails(isa, dtype, size):
    """From each sample once, where what is known of the whole says that this loses no digits; else as ever."""
    density, (n, d, k) = WHITENED + HEAVY, size
    module = kernels.module("sweep", isa)
    kinds = dict(posterior=SOFT, moments=POOLED, cut=CUT[dtype])
    bits = 200 * np.finfo(dtype).eps
    for scale in (1, 1000):
        given = normal(problem(*size, WHITENED, dtype), scale)
        all_of_it = whole(given, True)
        given = replace(given, constants=np.concatenate([given.constants, np.array([1.5, 1e7, np.inf, 3.0, 30.0])[:k]]))
        found = []
        for known, n_threads in ((None, 1), (all_of_it, 1), (all_of_it, 3)):
            found.append(np.empty(kernels.sweep.statistics_size(k, d, POOLED) + 2 * k))
            work = module.workspace_size(n, d, k, density, POOLED, given.X.itemsize, n_threads)
            module.sweep(*given.inputs("sweep", density, whole=known), found[-1], np.empty(work, np.uint8),
                         n_threads=n_threads, **kinds)
        each, once, again = found
        assert once.tobytes() == again.tobytes()
        assert (each == once).all() == (scale > 1)
        exact = np.empty(len(once), given.wide.X.dtype)
        reference.sweep(*given.wide.inputs("sweep", density, reference), exact, **kinds)
        most = np.abs(exact).max() + np.abs(all_of_it).max() + all_of_it[2] * np.abs(given.means).max() ** 2
        np.testing.assert_allclose(once, exact.astype(float), rtol=0, atol=bits * most)


TILE = 192  # as in lanes.h: parts that begin at a tile are cut as the whole is


@every_isa
@every_dtype
@pytest.mark.parametrize("size", [(1250, 100, 48), (9000, 2, 3)], ids=["groups of tiles", "more tiles than shards"])
def test_statistics_add(isa, dtype, size):
    """The sums of a whole are the sums over its parts: in its shards there are several tiles, a part is one tile."""
    _, d, k = size
    given = problem(*size, 0, dtype)
    parts = [some(given, start, start + TILE) for start in range(0, size[0], TILE)]
    density = dict(density=0, posterior=SOFT, cut=CUT[dtype])
    for door, kinds in [("sweep", dict(moments=SCATTER, **density)), ("accumulate", dict(moments=SCATTER))]:
        whole, total = run(isa, door, given, **kinds), sum(run(isa, door, part, **kinds) for part in parts)
        for one, other in zip(*(np.split(a, [2, 2 + k, 2 + k + k * d]) for a in (whole, total)), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(other).max())
        assert_statistics(isa, door, parts[-1], weighted=True, **kinds)
        assert run(isa, door, given, n_threads=4, **kinds).tobytes() == whole.tobytes()


@every_isa
@every_dtype
@every_density
def test_a_row_does_not_see_its_neighbours(isa, dtype, density):
    """Its place in a tile may change the last bit: compilers order the sums of different lanes differently."""
    given, bits = problem(300, 5, 3, density, dtype), 4 * np.finfo(dtype).eps
    for door in DOORS[2:]:
        whole = run(isa, door, given, density=density)
        for start, stop in [(0, 1), (17, 18), (100, 203), (299, 300)]:
            part = run(isa, door, some(given, start, stop), density=density)
            np.testing.assert_allclose(part, whole[start:stop], rtol=bits, atol=bits)


# --- edges -----------------------------------------------------------------------------------------------------------


def changed(given, **arrays):
    now = {field.name: getattr(given, field.name) for field in fields(given)} | arrays
    return Problem(**{name: np.ascontiguousarray(a, getattr(given, name).dtype) for name, a in now.items()}).fence()


@every_isa
@every_dtype
@every_density
def test_a_row_of_weight_zero_is_not_there(isa, dtype, density):
    """Whatever it holds: here some lie so far away that their distance overflows."""
    given = problem(300, 3, 4, density, dtype)
    gone = given.weights == 0
    given = changed(given, X=np.where(gone[:, None], np.finfo(dtype).max / 1e3, given.X))
    left = changed(given, X=given.X[~gone], weights=given.weights[~gone], resp=given.resp[~gone])
    assert 0 < gone.sum() < 300
    for moments, posterior in itertools.product(MOMENTS, (SOFT, HARD)):
        kinds = dict(density=density, posterior=posterior, moments=moments, cut=CUT[dtype])
        scale = magnitudes(left, "sweep", True, **{"moments": moments, **kinds})
        error = np.abs(run(isa, "sweep", given, **kinds) - run(isa, "sweep", left, **kinds))
        assert (error <= TOLERANCE[dtype] * scale).all()


@every_isa
@every_dtype
def test_weight_two_is_the_row_twice(isa, dtype):
    given = problem(97, 3, 4, 0, dtype)
    counts = np.arange(97) % 4
    heavy = changed(given, weights=counts)
    many = changed(given, X=np.repeat(given.X, counts, axis=0), weights=np.ones(counts.sum()),
                   resp=np.repeat(given.resp, counts, axis=0))
    kinds = dict(density=0, posterior=SOFT, moments=SCATTER, cut=CUT[dtype])
    scale = magnitudes(many, "sweep", False, **{"moments": SCATTER, **kinds})
    error = np.abs(run(isa, "sweep", heavy, **kinds) - run(isa, "sweep", many, weighted=False, **kinds))
    assert (error <= TOLERANCE[dtype] * scale).all()


@every_isa
@every_dtype
@every_density
@pytest.mark.parametrize("power", [0.65, 0.99])
def test_a_sample_infinitely_far_has_responsibilities(isa, dtype, density, power):
    """So far that its squared distance, or already its projection, is beyond the range."""
    far = np.finfo(dtype).max ** power
    given = problem(33, 3, 4, density, dtype)
    X = given.X.copy()
    X[[0, 16, 32]] = [[far, far, far], [-far, far, -far], [0, far, 0]]
    given = changed(given, X=X)
    resp, label = (run(isa, door, given, density=density) for door in ("responsibilities", "labels"))
    assert np.isfinite(run(isa, "score_samples", given, density=density)).all()
    assert (np.abs(resp.sum(axis=1) - 1) <= 4 * np.finfo(dtype).eps).all() and (resp >= 0).all()
    np.testing.assert_array_equal(label, resp.argmax(axis=1))


@every_isa
@every_dtype
@every_density
def test_a_component_of_weight_zero_gets_nothing(isa, dtype, density):
    given = problem(65, 3, 4, density, dtype)
    for j in (0, 3):
        constants = given.constants.copy()
        constants[j] = -np.inf
        one = changed(given, constants=constants)
        statistics = run(isa, "sweep", one, density=density, posterior=SOFT, moments=SCATTER, cut=CUT[dtype])
        assert statistics[2 + j] == 0 and np.isfinite(statistics).all()
        assert (run(isa, "responsibilities", one, density=density)[:, j] == 0).all()
        assert (run(isa, "labels", one, density=density) != j).all()


@every_isa
@every_dtype
@every_density
def test_the_first_of_equals_wins(isa, dtype, density):
    given = problem(65, 3, 4, density, dtype)
    factors = given.factors if len(given.factors) == 1 else given.factors[[0, 1, 2, 1]]
    given = changed(given, means=given.means[[0, 1, 2, 1]], factors=factors, constants=given.constants[[0, 1, 2, 1]])
    label = run(isa, "labels", given, density=density)
    masses = run(isa, "sweep", given, weighted=False, density=density, posterior=HARD, moments=0, cut=0.0)[2:6]
    assert set(label) == {0, 1, 2}
    np.testing.assert_array_equal(masses, np.bincount(label, minlength=4))
    np.testing.assert_array_equal(label, run(isa, "responsibilities", given, density=density).argmax(axis=1))


@every_isa
@every_dtype
@pytest.mark.parametrize("nearer", [True, False])
def test_responsibilities_below_the_cut_are_exact_zeros(isa, dtype, nearer):
    """Two components: samples at the first lie from the second where it has just more, or just less, than exp(cut)."""
    for cut in (CUT[dtype], -3.0):
        apart = np.sqrt(-2 * cut) * (0.999 if nearer else 1.001)
        given = Problem(
            X=np.zeros((3, 1), dtype), weights=np.ones(3, dtype), frame=np.array([[0], [1]], dtype),
            means=np.array([[0], [apart]], dtype).astype(float), factors=np.ones((2, 1, 1)), constants=np.zeros(2),
            resp=np.ones((3, 2), dtype),
        ).fence()
        mass = run(isa, "sweep", given, density=0, posterior=SOFT, moments=0, cut=cut)[3]
        share = np.exp(-(apart**2) / 2)
        np.testing.assert_allclose(mass, 3 * share / (1 + share) if nearer else 0, rtol=1e-4)


# --- elementary functions --------------------------------------------------------------------------------------------


def ulps(got, exact, dtype):
    """The largest error, in units of the last place of the result."""
    return float(np.max(np.abs(got - exact) / np.spacing(np.abs(exact).astype(dtype))))


def exp_log(isa, x):
    exp, log = fenced(x.shape, x.dtype), fenced(x.shape, np.float64)
    kernels.module("sweep", isa).exp_log(fenced(x.shape, x.dtype, x), exp, log)
    assert_fence_stands(exp)
    assert_fence_stands(log)
    return exp, log


def exponents(dtype):
    """Random ones of all magnitudes, whole and half multiples of log 2 and their neighbours, and both ends."""
    rng = np.random.default_rng(0)
    end = {np.float32: -87, np.float64: -708}[dtype]
    halves = -np.arange(0, -2 * end / np.log(2)) * np.log(2) / 2
    small = -np.exp(rng.uniform(-45, np.log(-end), 100_000))
    x = np.concatenate([rng.uniform(end, 0, 100_000), small, halves, [0, end]]).astype(dtype)
    return np.concatenate([x, np.nextafter(x, dtype(end)), np.minimum(np.nextafter(x, dtype(1)), 0)]).clip(end, 0)


@every_isa
@every_dtype
@pytest.mark.skipif(not EXTENDED, reason="long double is double here")
def test_exp_is_accurate(isa, dtype):
    x = exponents(dtype)
    exp, _ = exp_log(isa, x)
    assert ulps(exp, np.exp(x.astype(np.longdouble)), dtype) <= 3
    assert (exp[x == 0] == 1).all()


@every_isa
@pytest.mark.skipif(not EXTENDED, reason="long double is double here")
def test_log_is_accurate(isa):
    rng = np.random.default_rng(0)
    large, roots, small = np.exp(rng.uniform(0, 690, 100_000)), np.sqrt(2.0) ** np.arange(1990), 2.0 ** -np.arange(53)
    y = np.concatenate([rng.uniform(1, 2, 100_000), large, roots, 1 + small])
    x = 1 - np.concatenate([y, np.nextafter(y, 1), np.nextafter(y, 1e300)]).clip(1, 1e300)
    _, log = exp_log(isa, x)
    assert ulps(log, np.log((1 - x).astype(np.longdouble)), np.float64) <= 3
    assert (log[x == 0] == 0).all()


@every_isa
@every_dtype
@pytest.mark.skipif(not EXTENDED, reason="long double is double here")
def test_log1p_and_inverse_are_accurate(isa, dtype):
    """Also where one and the number have lost most of it."""
    rng, end = np.random.default_rng(0), {np.float32: 85, np.float64: 688}[dtype]
    x = np.concatenate([np.exp(rng.uniform(-end, end, 100_000)), rng.uniform(0, 3, 100_000), [0], np.exp([end]),
                        np.sqrt(2) * 2.0 ** np.arange(60) - 1]).astype(dtype)
    x = np.concatenate([x, np.nextafter(x, dtype(1)), np.nextafter(x, dtype(np.inf))])
    log, inverse = fenced(x.shape, dtype), fenced(x.shape, dtype)
    kernels.module("sweep", isa).log1p_inverse(x, log, inverse)
    assert_fence_stands(log)
    assert_fence_stands(inverse)
    wide = x.astype(np.longdouble)
    assert ulps(log, np.log1p(wide), dtype) <= 3
    assert ulps(inverse, 1 / (1 + wide), dtype) <= 3
    assert (log[x == 0] == 0).all()


@every_isa
@every_dtype
@pytest.mark.parametrize("n", SIZES)
def test_exp_of_any_number_of_numbers(isa, dtype, n):
    x = np.linspace(-20, 0, n, dtype=dtype)
    exp, log = exp_log(isa, x)
    np.testing.assert_allclose(exp, np.exp(x.astype(float)), rtol=3 * np.finfo(dtype).eps)
    np.testing.assert_allclose(log, np.log1p(-x.astype(float)), rtol=1e-15)


# --- small dense algebra ---------------------------------------------------------------------------------------------


def covariances(k, d):
    A = np.random.default_rng([k, d]).normal(size=(k, d, 2 * d + 1))
    return fenced((k, d, d), float, A @ A.transpose(0, 2, 1) / (2 * d + 1))


@every_isa
@pytest.mark.parametrize(("k", "d"), sorted({(3, d) for d in SIZES} | {(k, 3) for k in SIZES}))
def test_precision_factors(isa, k, d):
    A = covariances(k, d)
    U, exact = fenced((k, d, d), float), np.empty((k, d, d))
    definite, expected = fenced(k, np.intc), np.empty(k, np.intc)
    kernels.module("linalg", isa).precision_factors(A, U, np.full((d, d), np.nan), definite)
    reference.precision_factors(A, exact, None, expected)
    assert_fence_stands(U)
    assert_fence_stands(definite)
    np.testing.assert_array_equal(definite, expected)
    np.testing.assert_allclose(U, exact, rtol=0, atol=1e-12 * np.abs(exact).max())
    np.testing.assert_allclose(U.transpose(0, 2, 1) @ A @ U, np.broadcast_to(np.eye(d), A.shape), atol=1e-12)
    assert (np.tril(U, -1) == 0).all()


@every_isa
@pytest.mark.parametrize("bad", [-1.0, 0.0, np.nan, np.inf])
def test_precision_factors_of_what_is_not_positive_definite(isa, bad):
    A = covariances(4, 5).copy()
    A[1, 4, 4] = bad
    A[2] = np.outer(A[2, 0], A[2, 0]) - np.eye(5)
    U, exact = fenced((4, 5, 5), float), np.full((4, 5, 5), np.nan)
    definite, expected = fenced(4, np.intc), np.empty(4, np.intc)
    kernels.module("linalg", isa).precision_factors(A, U, np.empty((5, 5)), definite)
    np.testing.assert_array_equal(definite, [1, 0, 0, 1])
    assert np.isnan(U[1:3]).all(), "left as it was"
    if np.isfinite(bad):
        reference.precision_factors(A, exact, None, expected)
        np.testing.assert_array_equal(definite, expected)
        np.testing.assert_allclose(U[[0, 3]], exact[[0, 3]], rtol=0, atol=1e-12 * np.abs(exact[[0, 3]]).max())


@every_isa
@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_precision_factors_at_the_ends_of_the_range(isa, scale):
    A = covariances(2, 3)
    U, scaled = np.empty((2, 3, 3)), np.empty((2, 3, 3))
    definite = np.zeros(2, np.intc)
    door = kernels.module("linalg", isa).precision_factors
    door(A, U, np.empty((3, 3)), definite)
    door(A * scale, scaled, np.empty((3, 3)), definite)
    assert definite.all()
    np.testing.assert_allclose(scaled * np.sqrt(scale), U, rtol=1e-12, atol=1e-13)


@every_isa
@pytest.mark.parametrize(("k", "d"), sorted({(3, d) for d in SIZES} | {(k, 3) for k in SIZES}))
def test_exceeds(isa, k, d):
    """Floors a thousandth below and above what a covariance just exceeds, by turns from component to component."""
    A = covariances(k, d)
    touch = np.linalg.eigvalsh(A)[:, 0]
    units = np.random.default_rng(d).uniform(0.1, 10, d)
    A = A * np.sqrt(units[:, None] * units)
    for shares in ([0.999, 1.001], [1.001, 0.999]):
        floor = fenced((k, d), float, units * touch[:, None] * np.resize(shares, k)[:, None])
        definite, expected = fenced(k, np.intc), np.empty(k, np.intc)
        kernels.module("linalg", isa).exceeds(A, floor, np.full((d, d), np.nan), definite)
        reference.exceeds(A, floor, None, expected)
        assert_fence_stands(definite)
        np.testing.assert_array_equal(definite, expected)
        np.testing.assert_array_equal(definite, np.resize(shares, k) < 1)


# --- seeding ---------------------------------------------------------------------------------------------------------


def begin(module, X, weights, uniform, *, looked=(), frame=None, whitens=False, floor=1e-9, n_threads=1):
    """The samples that are chosen, where they are in the frame, and the statistics of the partitions by them."""
    (n, d), (runs, k, _) = X.shape, uniform.shape
    frame = np.array([np.zeros(d), np.ones(d)]) if frame is None else frame
    given = X, frame.astype(X.dtype), weights.astype(X.dtype)
    closed = arguments.ClosedForm("scatter", "free", np.full(d, floor), 4 * d * float(np.finfo(X.dtype).eps))
    closed = closed if whitens else None
    numbers = np.array(looked, np.intp), 1.5 ** np.arange(d), uniform
    chosen, about = fenced((runs, k), np.intp), fenced((runs, k, d), float)
    statistics = fenced((runs, kernels.sweep.statistics_size(k, d, SCATTER)), float)
    if module is reference:
        rows = reference.Rows(*(a.astype(float) for a in given))
        reference.begin(rows, closed, *numbers, chosen, statistics, about, moments=SCATTER)
    else:
        size = kernels.sweep.begin_size(n, len(looked) or n, d, k, SCATTER, X.itemsize, n_threads, whitens)
        workspace = np.full(size + 1, 255, np.uint8)
        rows = arguments.Rows(*(fenced(a.shape, a.dtype, a) for a in given))
        module.begin(rows, closed, *(fenced(a.shape, a.dtype, a) for a in numbers), chosen, statistics, about,
                     workspace[1:], moments=SCATTER, n_threads=n_threads)
        for array in (chosen, statistics, about):
            assert_fence_stands(array)
    return chosen, about, statistics


def symmetric_matrices(kind, d):
    """A stack (4, d, d)."""
    rng = np.random.default_rng([d, len(kind)])
    B = rng.normal(size=(4, d, d))
    scales = np.logspace(0, -9, d)
    return {
        "any": B + B.swapaxes(1, 2),
        "graded": B @ B.swapaxes(1, 2) * scales * scales[:, None],
        "singular": B[:, :, : d // 3 + 1] @ B[:, :, : d // 3 + 1].swapaxes(1, 2),
        "diagonal": np.eye(d) * rng.integers(-1, 2, size=(4, 1, d)),
        "zero": np.zeros((4, d, d)),
    }[kind]


@every_isa
@pytest.mark.parametrize("d", [1, 2, 3, 4, 7, 16, 33, 128])
@pytest.mark.parametrize("kind", ["any", "graded", "singular", "diagonal", "zero"])
def test_eigh(isa, d, kind):
    A = fenced((4, d, d), float, symmetric_matrices(kind, d))
    values, vectors, done = fenced((4, d), float), fenced((4, d, d), float), np.zeros(4, np.int32)
    kernels.module("linalg", isa).eigh(A, values, vectors, np.full((d + 1, d), np.nan), done)
    assert done.all()
    assert_fence_stands(values)
    assert_fence_stands(vectors)
    eps = 1e-15 * (d + 4)
    size = np.abs(A).max()
    assert (np.diff(values) >= 0).all()
    assert np.abs(values - np.linalg.eigvalsh(A)).max() <= eps * size * np.sqrt(d)
    assert np.abs(vectors @ vectors.swapaxes(1, 2) - np.eye(d)).max() <= eps
    again = fenced((4, d, d), float)
    kernels.module("linalg", isa).compose(values, vectors, again)
    assert_fence_stands(again)
    assert np.abs(again - A).max() <= eps * size * np.sqrt(d)
    assert (again == again.swapaxes(1, 2)).all()


@every_isa
@pytest.mark.parametrize("d", [2, 3, 4, 6])
def test_eigh_where_units_are_far_apart(isa, d):
    """The least eigenvalue is as exact as the largest, which of the inverse is its own inverse."""
    rng = np.random.default_rng(d)
    units = rng.permutation(np.logspace(-4, 4, d))
    C = covariances(4, d)
    A = np.ascontiguousarray(C * np.outer(units, units))
    values, vectors, done = np.empty((4, d)), np.empty((4, d, d)), np.zeros(4, np.int32)
    kernels.module("linalg", isa).eigh(A, values, vectors, np.empty((d + 1, d)), done)
    least = 1 / np.linalg.eigvalsh(np.linalg.inv(C) / np.outer(units, units))[:, -1]
    np.testing.assert_allclose(values[:, 0], least, rtol=1e-10)
    along = ((vectors @ A) * vectors).sum(axis=2)
    np.testing.assert_allclose(along[:, -1], values[:, -1], rtol=1e-12)


@every_isa
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_eigh_of_what_is_not_finite(isa, bad):
    A = np.eye(5)[None].repeat(2, axis=0)
    A[1, 2, 2] = bad
    done = np.ones(2, np.int32)
    kernels.module("linalg", isa).eigh(A, np.empty((2, 5)), np.empty((2, 5, 5)), np.empty((6, 5)), done)
    assert done.tolist() == [1, 0]


@every_isa
@every_dtype
@pytest.mark.parametrize("candidates", [1, 2, 5])
@by_size([*ALONG_AXES, (1500, 3, 20)])
def test_seeds(isa, dtype, candidates, size):
    n, d, k = size
    rng = np.random.default_rng(size)
    X = rng.normal(size=(n, d)).astype(dtype)
    weights, uniform = rng.random(n) * (rng.random(n) < 0.8), rng.random((3, k, candidates))  # equal ones make ties
    weights[n // 2] = 1
    weights = weights.astype(dtype)
    found, expected = (begin(module, X, weights, uniform)[0] for module in (kernels.module("sweep", isa), reference))
    np.testing.assert_array_equal(found, expected)


@every_isa
@every_dtype
@pytest.mark.parametrize("looked", [(), range(7, 500, 3)], ids=["all", "some"])
def test_begin(isa, dtype, looked):
    """Stretched samples in a frame: seeds among some of them, by turns in whitened and in standardised features."""
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(500, 3)) @ [[1, 1, 0], [0, 0.1, 0], [2, 0, 1]]).astype(dtype)
    frame, uniform = np.array([[1, 2, 3], [0.5, 1, 2]]), rng.random((4, 5, 3))
    found, expected = (
        begin(module, X, np.arange(500) % 3, uniform, looked=looked, frame=frame,
              whitens=True, n_threads=2)
        for module in (kernels.module("sweep", isa), reference)
    )
    np.testing.assert_array_equal(found[0], expected[0])
    for a, b in zip(found[1:], expected[1:], strict=True):  # a metric is as exact as sums of float32 are
        np.testing.assert_allclose(a, b, rtol=0, atol=100 * np.abs(b).max() * TOLERANCE[dtype])


@every_isa
def test_nothing_is_whitened_that_is_thinner_than_the_floor(isa):
    """Two features that are one: the direction in which they differ is measured in units of the floor."""
    rng = np.random.default_rng(0)
    X, uniform = rng.normal(size=(300, 2)), rng.random((2, 4, 3))
    X[:, 1] = X[:, 0]
    found, expected = (begin(module, X, np.ones(300), uniform, whitens=True, floor=0.01)
                       for module in (kernels.module("sweep", isa), reference))
    np.testing.assert_array_equal(found[0], expected[0])


@every_isa
@every_dtype
@pytest.mark.parametrize("uniform", [0.0, 0.5, np.nextafter(1.0, 0)])
def test_seeds_have_weight_even_when_there_are_too_few(isa, dtype, uniform):
    """Two places of positive weight, four seeds: once both are taken nothing is left to draw from."""
    X = np.array([[9, 0, 0, 5, 5, 7]], dtype).T
    weights = np.array([0.0, 0, 1, 1, 2, 0])
    chosen = begin(kernels.module("sweep", isa), X, weights, np.full((1, 4, 2), uniform))[0][0]
    assert (weights[chosen] > 0).all()
    assert set(X[chosen[:2], 0]) == {0, 5}


@every_isa
@every_dtype
@pytest.mark.parametrize(("iterations", "tol"), [(0, 0.0), (2, 0.0), (100, 1e-2), (100, 1e-6)])
def test_partitions(isa, dtype, iterations, tol):
    """Each is the pass with hard responsibilities, in features times the scales; after k-means, if it is asked for."""
    given = problem(300, 3, 4, 0, dtype)
    centres = np.array([given.means, given.means * 2, given.means + 1, given.means * [1, 1, 1e3]], dtype).astype(float)
    centres[1, 0] = 1e6  # nearest to no sample
    scales = np.array([1, 0.5, 3])
    size = kernels.sweep.statistics_size(4, 3, SCATTER)
    moved, found, expected = fenced(centres.shape, float), fenced((4, size), float), np.empty((4, size))
    moved[:] = centres
    diagonal = reference.DENSITIES.index("diagonal")
    needed = kernels.sweep.workspace_size(300, 3, 4, diagonal, SCATTER, given.X.itemsize, 2)
    workspace = np.full(needed + 1, 255, np.uint8)
    how = dict(moments=SCATTER, n_threads=2, iterations=iterations, tol=tol)
    kernels.module("sweep", isa).partitions(given.rows(), moved, scales, found, workspace[1:], **how)
    reference.partitions(given.wide.rows(reference), centres, scales, expected, **how)
    assert_fence_stands(found)
    assert_fence_stands(moved)
    np.testing.assert_allclose(moved, centres, rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(found, expected, rtol=0, atol=np.abs(expected).max() * TOLERANCE[dtype])


# --- the choice of an instruction set --------------------------------------------------------------------------------


def imported_with(isa):
    program = "from cyem import kernels as K; print(K.ISA, K.sweep.__name__, K.linalg.__name__)"
    return subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=os.environ | {"CYEM_ISA": isa}, capture_output=True, text=True, timeout=60,
    )


@every_isa
def test_cyem_isa_overrides_the_choice(isa):
    names = f"{isa} cyem.kernels._sweep_{isa} cyem.kernels._linalg_{isa}"
    assert imported_with(isa).stdout.strip() == names


def test_the_best_instruction_set_is_the_default():
    assert imported_with("").stdout.split()[0] == kernels.available()[-1]


def test_an_unknown_instruction_set_is_an_error_that_names_the_known_ones():
    done = imported_with("v9")
    assert done.returncode == 1
    assert "ImportError: CYEM_ISA='v9' is not one of the instruction sets" in done.stderr
    assert f"have: {', '.join(kernels.available())}. Unset it to use the best one." in done.stderr


# --- M-steps: the twin is what a structure estimates ------------------------------------------------------------------

CODES = [s.code for s in STRUCTURES]
FREE = dict(scatter="VVV", pooled="EEE", squares="VVI", norms="VII")  # as far as second moments see covariances
UNUSUAL, ORDINARY, HELD = range(3)
NONE = np.empty(0)


def searches(code):
    """Whether covariances are looked for step by step: until that gains 1e-10, so that they are known to the root."""
    return "E" in code and "V" in code


def family(code, d, floor=1e-6, eps=1e-16, equal_weights=False, compiled=True):
    """Formulas with compiled ones, or without."""
    made = Gaussian(structure(code), np.full(d, 0.25), np.resize(floor, d).astype(float), eps, equal_weights)
    if not compiled:
        made.closed = None
    return made


def sums_about_means(k, d, moments, dtype=float):
    """Statistics of some samples about means that are not theirs."""
    rng = np.random.default_rng([k, d, moments])
    n = 20 * d + 5
    X = rng.normal(size=(n, d)).astype(dtype)
    resp = (rng.exponential(size=(n, k)) + 0.1).astype(dtype)
    means = rng.normal(size=(k, d)).astype(dtype) / 3
    return Statistics(np.concatenate([np.zeros(2, dtype), reference.sums(X - means[:, None], resp, moments)]), means)


def sums_for(code, k, d, **how):
    return sums_about_means(k, d, reference.MOMENTS.index(structure(code).moments), **how)


def empty_block(code, k, d):
    return fenced(kernels.linalg.block_size(k, d, reference.MOMENTS.index(structure(code).moments)), float)


def m_step(isa, family, statistics, current=NONE, n_threads=1):
    """What the compiled one says, and the block that it writes."""
    block = empty_block(family.structure.code, *statistics.about.shape)
    inputs = (fenced(a.shape, float, a) for a in (statistics.buffer, statistics.about, current))
    outcome = kernels.module("linalg", isa).m_step(family.closed, *inputs, block, n_threads=n_threads)
    assert_fence_stands(block)
    return outcome, block


def unpacked(family, block, statistics):
    return Parameters.unpack(family.structure, block, *statistics.about.shape)


PARTS = ("weights", "means", "constants", "covariances", "factors")


def assert_parameters(got, expected, close):
    """Relative to the largest number of each array."""
    for name in PARTS:
        ours, theirs = getattr(got, name), getattr(expected, name)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=close * np.abs(theirs).max(), err_msg=name)


@every_isa
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("k", "d"), [(1, 1), (3, 1), (1, 4), (2, 2), (3, 5), (7, 16), (4, 33)])
def test_m_step(isa, code, k, d):
    statistics = sums_for(code, k, d)
    close = 1e-4 if searches(code) else 1e-11
    for equal_weights in (False, True):
        compiled, twin = (family(code, d, equal_weights=equal_weights, compiled=how) for how in (True, False))
        if compiled.closed is None:
            pytest.skip("nothing is compiled")
        outcome, block = m_step(isa, compiled, statistics)
        expected = twin.update(statistics, share=None).parameters
        assert outcome == ORDINARY
        assert_parameters(unpacked(compiled, block, statistics), expected, close)
        if equal_weights:
            assert (block[:k] == 1 / k).all()

        outcome, block = m_step(isa, compiled, statistics, block)  # a search goes on from where it is
        assert outcome == ORDINARY
        expected = twin.update(statistics, expected, share=None).parameters
        assert_parameters(unpacked(compiled, block, statistics), expected, close)


@every_isa
@pytest.mark.parametrize("code", FREE.values())
@pytest.mark.parametrize(("k", "d"), [(1, 1), (3, 1), (1, 4), (2, 2), (3, 5), (7, 16), (4, 33)])
def test_m_step_at_the_floor(isa, code, k, d):
    """A floor between the least and the largest variances holds components that are free, as the structure does."""
    statistics = sums_for(code, k, d)
    S = family(code, d, compiled=False).update(statistics, share=None).parameters.covariances
    variances = np.linalg.eigvalsh(S) if structure(code).square else S
    floor = np.linspace(1.01, 1.2, d) * (0.4 * variances.min() + 0.6 * variances.max())
    compiled, twin = (family(code, d, floor, compiled=how) for how in (True, False))
    outcome, block = m_step(isa, compiled, statistics)
    found = twin.update(statistics, share=None)
    assert outcome == HELD
    np.testing.assert_array_equal(np.flatnonzero(block[-k:] == HELD), found.held)
    assert_parameters(unpacked(compiled, block, statistics), found.parameters, 1e-11)


@every_isa
@pytest.mark.parametrize("code", [s.code for s in STRUCTURES if s.moments == "scatter"])
def test_m_step_the_same_bits_for_any_number_of_threads(isa, code):
    k, d = 33, 33  # enough for several
    statistics, compiled = sums_for(code, k, d), family(code, d)
    if compiled.closed is None:
        pytest.skip("nothing is compiled")
    one, *more = (m_step(isa, compiled, statistics, n_threads=n_threads)[1] for n_threads in (1, 2, 5))
    scratch = k * (d + 1)
    for other in more:
        np.testing.assert_array_equal(one[:-scratch], other[:-scratch])


@pytest.mark.skipif(not EXTENDED, reason="long double is no longer than double here")
@every_isa
@pytest.mark.parametrize("code", FREE.values())
def test_m_step_against_extended_precision(isa, code):
    """What the textbook says, from the samples themselves and the new means."""
    k, d = 4, 6
    exact, compiled = sums_for(code, k, d, dtype=np.longdouble), family(code, d)
    outcome, block = m_step(isa, compiled, Statistics(exact.buffer.astype(float), exact.about.astype(float)))
    assert outcome == ORDINARY
    found = unpacked(compiled, block, exact)
    masses, first, second = np.split(exact.buffer[2:], [k, k + k * d])
    shift = first.reshape(k, d) / masses[:, None]
    np.testing.assert_allclose(found.weights, (masses / masses.sum()).astype(float), rtol=1e-15)
    np.testing.assert_allclose(found.means, (exact.about + shift).astype(float), rtol=0, atol=1e-15)
    outer = shift[:, :, None] * shift[:, None, :]
    expected = {
        "scatter": lambda: second.reshape(k, d, d) / masses[:, None, None] - outer,
        "pooled": lambda: (second.reshape(d, d) - (masses[:, None, None] * outer).sum(axis=0)) / masses.sum(),
        "squares": lambda: second.reshape(k, d) / masses[:, None] - shift**2,
        "norms": lambda: (second / masses - (shift**2).sum(axis=1)) / d,
    }[compiled.moments]().astype(float)
    S, U = found.covariances, found.factors
    np.testing.assert_allclose(S, expected, rtol=0, atol=2e-15 * np.abs(S).max())
    if compiled.structure.square:
        one = np.swapaxes(U, -1, -2) @ expected @ U
        np.testing.assert_allclose(one, np.broadcast_to(np.eye(d), one.shape), atol=1e-13)
        log_det = -np.linalg.slogdet(expected)[1] / 2
    else:
        log_det = -np.log(np.broadcast_to(expected.reshape(k, -1), (k, d))).sum(axis=1) / 2
    np.testing.assert_allclose(found.constants, np.log(found.weights) + log_det - d / 2 * np.log(2 * np.pi), rtol=1e-14)


@every_isa
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("what", ["empty", "flat", "thin", "nan", "infinite"])
def test_m_step_leaves_what_is_out_of_the_ordinary_to_others(isa, code, what):
    k, d = 3, 4
    statistics = sums_for(code, k, d)
    if what == "empty":
        statistics.masses[1] = 1e-13 * statistics.masses[0]
    elif what == "flat":
        statistics.second[:] = 0
    elif what == "nan":
        statistics.masses[:] = statistics.first[:] = np.nan
    elif what == "infinite":
        statistics.second[:] = np.inf
    outcome, _ = m_step(isa, family(code, d, 1e3 if what == "thin" else 1e-6), statistics)
    free = code in FREE.values() and what in ("flat", "thin")  # variances that are low may rise
    assert outcome == (HELD if free else UNUSUAL)


@every_isa
@pytest.mark.parametrize("code", FREE.values())
@pytest.mark.parametrize(("k", "d"), [(1, 1), (2, 2), (3, 5), (4, 17)])
def test_coordinates(isa, code, k, d):
    """They are those of the family, and lead back to the parameters; every vector is a mixture."""
    linalg, statistics, twin = kernels.module("linalg", isa), sums_for(code, k, d), family(code, d, compiled=False)
    moments = reference.MOMENTS.index(twin.moments)
    block = m_step(isa, family(code, d), statistics)[1]
    scale = fenced(d, float, np.full(d, 0.5) if code == "VII" else np.linspace(0.5, 2, d))
    twin.scale = np.array(scale)
    given = unpacked(twin, block, statistics)
    known = Parameters(given.structure, *(getattr(given, name) for name in PARTS if name != "constants"))
    x = fenced(linalg.coordinates_size(k, d, moments), float)
    linalg.coordinates(block, scale, x, k=k, moments=moments)
    expected = twin.coordinates(known)
    assert_fence_stands(x)
    np.testing.assert_allclose(x, expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    for place, close in ((x.copy(), 1e-12), (x + np.random.default_rng(d).normal(size=len(x)) / 3, 1e-10)):
        back = empty_block(code, k, d)
        linalg.at(place, scale, back, k=k, moments=moments)
        assert_fence_stands(back)
        assert_parameters(unpacked(twin, back, statistics), twin.at(place, known), close)
        if close == 1e-12:
            assert_parameters(unpacked(twin, back, statistics), known, close)


# --- many iterations: the twin is the driver, on passes of the twins -------------------------------------------------


class Twins:
    """Samples whose passes are those of the twins, in double precision, at parameters as the kernels round them."""

    def __init__(self, X, frame, weights, dtype):
        self.X, self.frame, self.dtype, self.single = X, frame, np.dtype(dtype), dtype is np.float32
        self.rows = reference.Rows(*(a.astype(float) for a in (X, frame, weights)))
        self.mass = self.total = float(weights.sum(dtype=float))

    def sweep(self, density, moments):
        means, factors = (a.astype(self.dtype).astype(float) for a in (density.means, density.factors))
        moments = reference.MOMENTS.index(moments)
        sums = np.empty(kernels.sweep.statistics_size(*means.shape, moments))
        reference.sweep(self.rows, reference.Density(density.kind, means, factors, density.constants), sums,
                        posterior=SOFT, moments=moments, cut=CUT[self.dtype.type])
        return Statistics(sums, means)

    def threads(self, k, structure):
        return 1


def twins(given, code):
    """A mixture that the driver fits without a kernel, but for M-steps that search: where these end is their own."""
    dtype, d = given.X.dtype.type, given.X.shape[1]
    made = family(code, d, 1e-9, float(np.finfo(dtype).eps), compiled=searches(code))
    return Mixture(made, Twins(given.X, given.frame, given.weights, dtype))


def compiled_form(given, code):
    d = given.X.shape[1]
    return family(code, d, 1e-9, float(np.finfo(given.X.dtype).eps)).closed


def starts(given, code, runs):
    """Statistics under random responsibilities."""
    (n, _), k = given.X.shape, len(given.means)
    moments = reference.MOMENTS.index(structure(code).moments)
    found = []
    for r in range(runs):
        resp = np.random.default_rng([r, k]).exponential(size=(n, k)).astype(given.X.dtype)
        sums = np.empty(kernels.sweep.statistics_size(*given.means.shape, moments))
        reference.accumulate(given.rows(reference), given.means, resp, sums, moments=moments)
        found.append(Statistics(sums, given.means.copy()))
    return found


def sizes_of(given, code):
    """What the doors that tell sizes are told."""
    s = structure(code)
    return reference.DENSITIES.index(s.density), reference.MOMENTS.index(s.moments), given.X.itemsize


def climb(isa, given, code, runs, *, iterations=5, tol=0.0, n_threads=1, at_once=1):
    """Runs from statistics under random responsibilities, and what they come to."""
    begin, (n, d), k = starts(given, code, runs), given.X.shape, len(given.means)
    statistics, about = (np.array([getattr(s, name) for s in begin]) for name in ("buffer", "about"))
    values, done = np.full((runs, iterations), np.nan), np.zeros(runs, np.intc)
    size = kernels.sweep.climb_size(n, d, k, *sizes_of(given, code), n_threads, at_once)
    workspace = np.full(size + 1, 255, np.uint8)
    kernels.module("sweep", isa).climb(
        given.rows(whole=useful_whole(given, sizes_of(given, code)[1])), compiled_form(given, code), statistics, about,
        values, done, workspace[1:], cut=CUT[given.X.dtype.type], tol=tol, n_threads=n_threads, at_once=at_once)
    return statistics, about, values, done


def climbed(mixture, s, iterations, tol=0.0):
    """The same of one run, one M-step and one pass after the other: statistics and values; None if one is unusual."""
    values = []
    for _ in range(iterations):
        parameters, empty, held, _ = mixture.update(s)
        if empty or held:
            return None
        s = mixture.sweep(parameters)
        values.append(mixture.value(s))
        if len(values) > 2:
            last, gain = np.diff(values[-3:])
            if gain * gain <= tol * (last - gain):
                break
    return s, values


@every_isa
@every_dtype
@pytest.mark.parametrize("code", FREE.values())
@by_size([(300, 2, 3), (700, 5, 2), (1000, 9, 3)])
def test_climb(isa, dtype, code, size):
    """M-steps and passes, one after the other, each run for itself."""
    given = problem(*size, 0, dtype)
    statistics, about, values, done = climb(isa, given, code, 3)
    close = dict(rtol=0, atol=1e-9 if dtype is np.float64 else 1e-3)
    mixture, n = twins(given, code), given.weights.sum()
    assert done.tolist() == [5, 5, 5]
    for r, start in enumerate(starts(given, code, 3)):
        s, expected = climbed(mixture, start, 5)
        np.testing.assert_allclose(values[r], expected, **close)
        np.testing.assert_allclose(about[r], s.about, **close)
        np.testing.assert_allclose(statistics[r] / n, s.buffer / n, **close)
    assert (np.diff(values, axis=1) > (-1e-12 if dtype is np.float64 else -1e-5)).all(), "EM never loses"


@every_isa
@every_dtype
def test_climb_the_same_bits_however_it_is_shared(isa, dtype):
    given = problem(3000, 4, 3, 0, dtype)
    shared = [climb(isa, given, "VVV", 5, n_threads=a, at_once=b) for a, b in ((1, 1), (3, 1), (1, 3))]
    for other in shared[1:]:
        for ours, theirs in zip(shared[0], other, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def flattened(given):
    """Two features that are one."""
    flat = given.map(np.array)
    flat.X[:, 1] = flat.X[:, 0]
    return flat


@every_isa
def test_climb_ends_where_little_is_left_or_something_is_wrong(isa):
    given = problem(300, 2, 3, 0, np.float64)
    *_, values, done = climb(isa, given, "VVV", 2, iterations=200, tol=1e-3)
    long = climb(isa, given, "VVV", 2, iterations=400)[2]
    for r, last in enumerate(done):
        assert 2 < last < 200
        assert np.isfinite(values[r, :last]).all()
        assert np.isnan(values[r, last:]).all()
        assert long[r, last - 1] == values[r, last - 1]
    assert (climb(isa, flattened(given), "VVV", 2)[3] == -1).all()


def begun(given, code):
    """A mixture of the twins, and parameters that have been swept."""
    mixture = twins(given, code)
    return mixture, driver.look(mixture, mixture.update(starts(given, code, 1)[0]).parameters)


def ascend(isa, given, code, *, tol=1e-7, walk=5, n_threads=1, stride=120):
    """EM with leaps: the values on the way, where it ends, and how."""
    mixture, point = begun(given, code)
    (n, d), k, s, module = given.X.shape, len(given.means), point.statistics, kernels.module("sweep", isa)
    blocks, state = np.zeros((2, len(point.parameters.packed))), np.zeros(kernels.sweep.state_size())
    blocks[0] = point.parameters.packed
    path, ascent = [], arguments.Ascent(
        blocks, s.buffer, s.about, state, np.full(d, 0.5), structure(code).curved, mixture.samples.mass, tol,
        mixture.resolution, walk)
    size = kernels.sweep.ascent_size(n, d, k, *sizes_of(given, code), n_threads)
    workspace = np.full(size + 1, 255, np.uint8)
    rows = given.rows(whole=useful_whole(given, sizes_of(given, code)[1]))
    while len(path) < 120:
        values = np.full(stride, np.nan)
        done, outcome, gain = module.ascend(rows, compiled_form(given, code), ascent, values, workspace[1:],
                                            cut=CUT[given.X.dtype.type], n_threads=n_threads)
        path += values[:done].tolist()
        if outcome != 0:
            break
    return np.array(path), blocks[:, : -k * (d + 1)], s.buffer, s.about, module.OUTCOMES[outcome], gain


@every_isa
@pytest.mark.parametrize("code", [*FREE.values(), "VVE", "VEE"])
@by_size([(300, 2, 3), (700, 5, 2)])
def test_ascend(isa, code, size):
    """Updates and leaps, one after the other, to the same end as those of the driver."""
    given = problem(*size, 0, np.float64)
    values, blocks, *_, outcome, _ = ascend(isa, given, code)
    mixture, point = begun(given, code)
    path = driver.Ascent(mixture, point, done=0, tol=1e-7, walk=5, accidents=driver.Accidents(mixture))
    expected, reached = [], False
    while not reached and len(expected) < 120:
        more, reached = path.go(1)
        expected += more
    n = min(len(values), len(expected))  # at the end gains are those of rounding
    assert n > 5
    np.testing.assert_allclose(values[:n], expected[:n], atol=1e-7)
    theirs = path.point.parameters.packed
    np.testing.assert_allclose(blocks[0], theirs[: blocks.shape[1]], atol=1e-3)
    assert reached and outcome == "converged"
    assert (np.diff(values) > -1e-12).all(), "EM never loses"


@every_isa
@every_dtype
def test_ascend_the_same_bits_however_it_is_cut(isa, dtype):
    """Threads, and calls of a few iterations each."""
    given = problem(3000, 4, 3, 0, dtype)
    whole = ascend(isa, given, "VVV")
    for other in (ascend(isa, given, "VVV", n_threads=3), ascend(isa, given, "VVV", stride=7)):
        for ours, theirs in zip(whole, other, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@every_isa
def test_ascend_without_leaps_is_plain_em(isa):
    given = problem(300, 2, 3, 0, np.float64)
    plain, leaping = ascend(isa, given, "VVV", walk=1000)[0], ascend(isa, given, "VVV")[0]
    np.testing.assert_array_equal(plain[:5], leaping[:5])
    assert (plain[5:8] != leaping[5:8]).any()


@every_isa
def test_ascend_leaves_what_is_out_of_the_ordinary(isa):
    """Nothing has changed where the M-step is none: whoever called can go on from there."""
    flat = flattened(problem(300, 2, 3, 0, np.float64))
    path, _, statistics, about, outcome, _ = ascend(isa, flat, "VVV")
    assert len(path) == 0 and outcome == "out of the ordinary"
    s = begun(flat, "VVV")[1].statistics
    np.testing.assert_array_equal(statistics, s.buffer)
    np.testing.assert_array_equal(about, s.about)


# --- what moves of a search promise ----------------------------------------------------------------------------------


def mixture_of(given, k=None):
    """Shares, means, covariance matrices and responsibilities of a mixture of a problem's samples."""
    n, d = given.X.shape
    k = len(given.means) if k is None else k
    rng = np.random.default_rng([n, d, k])
    x = given.rows(reference).framed.astype(float)
    centres = x[rng.choice(n, k, replace=False)]
    distances = ((x[:, None] - centres) ** 2).sum(axis=2)
    resp = np.exp(-(distances - distances.min(axis=1, keepdims=True)) / 4)
    resp = np.where(resp > 1e-4, resp, 0)
    resp /= resp.sum(axis=1, keepdims=True)
    masses = given.weights.astype(float) @ resp
    means = (resp * given.weights[:, None]).T @ x / masses[:, None]
    z = x - means[:, None]
    C = (z * (resp * given.weights[:, None]).T[:, :, None]).swapaxes(1, 2) @ z / masses[:, None, None]
    return masses / masses.sum(), means, C, resp.astype(given.X.dtype)


SPLITTING = dict(tol=1e-4, trial=3, iterations=4, owned=1e-3, enough=50, least=2)


def splits(isa, given, code, *, at_once=1, **how):
    """Gains (k - 1,), and shares, means and covariances of two in the place of all components but the last."""
    (n, d), how = given.X.shape, SPLITTING | how
    density, moments, itemsize = sizes_of(given, code)
    _, means, C, resp = mixture_of(given)
    C = reference.seen(C, moments)
    found = fenced((len(means) - 1, 3 + 2 * d + 2 * C.shape[1]), float)
    size = kernels.sweep.splits_size(n, d, density, moments, itemsize, 5, at_once)
    workspace = np.full(size + 1, 255, np.uint8)
    kernels.module("sweep", isa).splits(
        given.rows(), compiled_form(given, code), how, means, C, resp, np.arange(len(means) - 1), found, workspace[1:],
        cut=CUT[given.X.dtype.type], at_once=at_once)
    assert_fence_stands(found)
    gains, *rest = np.split(found, [1, 3, 3 + 2 * d], axis=1)
    return gains[:, 0], *rest


def sum_up(w, means, C, moments):
    """What samples of Gaussians of weights w (k,) and covariance matrices C (k, d, d) sum up to about their means."""
    w, means, scatter = np.array(w), np.array(means), np.array(w)[:, None, None] * np.array(C)
    second = dict(scatter=scatter, pooled=scatter.sum(axis=0), squares=np.diagonal(scatter, axis1=1, axis2=2),
                  norms=np.trace(scatter, axis1=1, axis2=2))[moments]
    return Statistics(np.concatenate([np.zeros(2), w, np.zeros(means.size), second.ravel()]), means)


def split(given, code, j, enough):
    """The same of one component by the twins: a tuple, or None where there is no split."""
    _, means, C, resp = mixture_of(given)
    d, dtype, how = given.X.shape[1], given.X.dtype.type, SPLITTING
    moments = structure(code).moments
    C = reference.widened(reference.seen(C, reference.MOMENTS.index(moments)), reference.MOMENTS.index(moments), d)[j]
    rows = np.flatnonzero(resp[:, j] > how["owned"])
    own = resp[rows, j] * given.weights[rows]
    mass = own.sum(dtype=float)
    if mass < 2 * (how["least"] * d + 1):
        return None
    thin = slice(None, None, max(1, len(rows) // (enough * (d + 1))))
    mixture = twins(given, code)
    mixture.samples = Twins(given.X[rows[thin]], given.frame, own[thin], dtype)
    alone, held = mixture.update(sum_up([1], means[j : j + 1], C[None], moments))[:3:2]
    if held:
        return None
    before = mixture.value(mixture.sweep(alone))
    values, Q = np.linalg.eigh(C)
    step = 0.8 * np.sqrt(values[-1]) * Q[:, -1]
    half = C - np.outer(step, step)
    first = [sum_up([1 / 2, 1 / 2], [means[j] - step, means[j] + step], [half, half], moments),  # its halves
             sum_up([2 / 3, 1 / 3], [means[j], means[j]], [C / 2, 2 * C], moments)]  # its core and its shell
    for length in (how["trial"], how["iterations"]):  # from both, and from the better one
        ends = [end for end in (climbed(mixture, s, length, how["tol"]) for s in first) if end is not None]
        if not ends:
            return None
        s, values = max(ends, key=lambda end: end[1][-1])
        first = [s]
    found = mixture.update(s).parameters
    two = reference.seen(found.structure.full(found.covariances, 2, d), reference.MOMENTS.index(moments))
    if found.weights.min() * mass < how["least"] * d + 1:
        return None
    return mass * (values[-1] - before), found.weights, found.means.ravel(), two.ravel()


@every_isa
@every_dtype
@pytest.mark.parametrize("code", FREE.values())
@by_size([(300, 2, 3), (900, 5, 4), (40, 3, 4)])
def test_splits(isa, dtype, code, size):
    """The better of two starts, each after a few iterations; the two halves in either order."""
    given = problem(*size, 0, dtype)
    gains, *found = splits(isa, given, code)
    close = dict(rtol=1e-6, atol=1e-6) if dtype is np.float64 else dict(rtol=1e-2, atol=2e-3 * size[0])
    for j, gain in enumerate(gains):
        expected = split(given, code, j, SPLITTING["enough"])
        if expected is None:
            assert gain == -np.inf
            continue
        np.testing.assert_allclose(gain, expected[0], **close)
        pairs = [(two[j].reshape(2, -1), other.reshape(2, -1)) for two, other in zip(found, expected[1:], strict=True)]
        turn = slice(None, None, 1 if abs(np.subtract(*pairs[1])).max() < 1e-6 else -1)
        for ours, theirs in pairs if dtype is np.float64 else ():
            np.testing.assert_allclose(ours[turn], theirs, atol=1e-6)


@every_isa
def test_splits_the_same_bits_side_by_side(isa):
    given = problem(900, 5, 4, 0, np.float64)
    for ours, theirs in zip(splits(isa, given, "VVV"), splits(isa, given, "VVV", at_once=2), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@every_isa
def test_splits_look_at_some_of_many_samples(isa):
    given = problem(900, 2, 3, 0, np.float64)
    all_of_them, some = splits(isa, given, "VVV", enough=1000), splits(isa, given, "VVV", enough=20)
    np.testing.assert_allclose(some[0], [split(given, "VVV", j, 20)[0] for j in range(2)], rtol=1e-6)
    assert (all_of_them[0] != some[0]).all()


@every_isa
@every_dtype
@pytest.mark.parametrize("moments", MOMENTS[1:])
@pytest.mark.parametrize("weighted", [True, False])
@by_size([(300, 2, 1), (300, 2, 2), (900, 5, 7)])
def test_mergers(isa, dtype, moments, weighted, size):
    given = problem(*size, 0, dtype)
    shares, means, C, resp = mixture_of(given)
    k, d = means.shape
    C = reference.seen(C, moments)
    found, expected = np.full((k, k), np.nan), np.empty((k, k))
    scratch = np.full(kernels.sweep.mergers_size(d, k, moments), np.nan)
    kernels.module("sweep", isa).mergers(given.rows(weighted=weighted), shares, means, C, resp, found, scratch,
                                         moments=moments, near=3)
    rows = given.rows(reference, weighted)
    reference.mergers(rows, shares, means, C, resp, expected, moments=moments, near=3)
    np.testing.assert_allclose(found, expected, rtol=1e-9 if dtype is np.float64 else 1e-4)


# --- what data have to pass ------------------------------------------------------------------------------------------


@every_isa
@every_dtype
@pytest.mark.parametrize("one_unit", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_locate(isa, dtype, one_unit, weighted):
    """Features of any size, a constant and a constant zero among them, one sample, and equal weights."""
    rng = np.random.default_rng(0)
    ends = np.finfo(dtype)
    units = np.array([1, 1e-12, 3e9, 0, 0, ends.tiny, ends.max / 8], dtype)
    X = (rng.normal(size=(50, 7)) * units + np.array([5, 0, 1e9, 7, 0, 0, 0], dtype)).astype(dtype)
    for n in (50, 1):
        weights = rng.exponential(size=n) if weighted else np.empty(0)
        outputs = [[fenced(7, float) for _ in range(3)] for _ in range(2)]
        for module, found in zip((kernels.module("linalg", isa), reference), outputs, strict=True):
            module.locate(fenced((n, 7), dtype, X[:n]), weights, *found, np.full((4, 7), np.nan), one_unit=one_unit)
        for ours, theirs in zip(*outputs, strict=True):
            assert_fence_stands(ours)
            np.testing.assert_allclose(ours, theirs, rtol=1e-6 if dtype is np.float32 else 1e-12)


@every_isa
@every_dtype
@pytest.mark.parametrize("n", [1, 7, 64, 1001])
def test_all_finite(isa, dtype, n):
    door = kernels.module("linalg", isa).all_finite
    ends = np.finfo(dtype)
    fine = np.resize(np.array([0, -0.0, 1, ends.max, ends.min, ends.tiny / 2], dtype), n)
    assert door(fine)
    assert reference.all_finite(fine)
    for bad in (np.nan, -np.nan, np.inf, -np.inf):
        for place in {0, n // 2, n - 1}:
            x = fine.copy()
            x[place] = bad
            assert not door(x)
            assert not reference.all_finite(x)


@every_isa
@every_dtype
def test_ready(isa, dtype):
    door = kernels.module("linalg", isa).ready
    X, memory = np.arange(12.0).astype(dtype).reshape(4, 3), np.zeros(12 * np.dtype(dtype).itemsize + 1, np.uint8)
    fixed, hole = X.copy(), X.copy()
    fixed.flags.writeable = False
    hole[3, 2] = np.nan
    fine = [X, X[1:3], X[:1], X[:, :1].copy(), fixed]
    other = [X[:, :2], X[::2], X.T, X[0], X[None], X[:0], X[:, :0], hole, X.astype(X.dtype.newbyteorder()),
             X.astype(int), X.astype(np.float16), X.astype(complex), X.astype(np.longdouble), X.astype(object),
             X.astype("M8[D]"), X.astype(str), X > 1, memory[1:].view(dtype).reshape(4, 3), X.view([("a", dtype)])]
    for each, expected in [*((x, True) for x in fine), *((x, False) for x in other)]:
        assert door(each) is expected, each
        assert reference.ready(each) is expected, each


@every_isa
@pytest.mark.parametrize("d", [1, 2, 3, 8, 17])
def test_upper_triangular(isa, d):
    door = kernels.module("linalg", isa).upper_triangular
    fine = np.triu(np.random.default_rng(d).normal(size=(3, d, d)), 1) + np.eye(d) * np.finfo(float).tiny / 2
    assert door(fine) and reference.upper_triangular(fine)
    for row in range(d):
        for column in range(row + 1):
            for bad in (np.nan, -1.0, *([0.0] if row == column else [1e-320])):
                U = fine.copy()
                U[2, row, column] = bad
                assert not door(U) and not reference.upper_triangular(U)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("d", [256, 257, 700])
def test_gathered_rows_of_very_many_features(d, dtype):
    """Few rows a component are summed by strips of features."""
    rng = np.random.default_rng(d)
    k, n = 8, 60
    means = 3 * rng.normal(size=(k, d))
    X = (rng.normal(size=(n, d)) + means[rng.integers(k, size=n)]).astype(dtype)
    samples = Samples(X, rng.random(n), Frame(np.zeros(d), np.ones(d)), 2)
    rows = reference.Rows(X.astype(float), samples.coordinates.astype(float), samples.weights.astype(float))
    for kind, numbers in (("diagonal", d), ("spherical", 1)):
        density = arguments.Density(kind, means, np.ones((k, 1, numbers)), np.full(k, -np.log(k)))
        for moments in ("none", "squares", "norms"):
            found = samples.sweep(density, moments).buffer
            expected = np.empty_like(found)
            twin = reference.Density(kind, means, density.factors, density.constants)
            reference.sweep(rows, twin, expected, posterior=0, moments=reference.MOMENTS.index(moments))
            np.testing.assert_allclose(found, expected, rtol=0, atol=np.finfo(dtype).eps * 100 * np.abs(expected).max())
