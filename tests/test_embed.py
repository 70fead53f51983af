"""Scoring for other programs: does a compiled or exported mixture say what the mixture itself says, and are the
promises of cyem.h and of the .pxd files kept?"""

import copy
import ctypes
import math
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import cyem
from cyem import GaussianMixture, StudentMixture, embed
from cyem.cli import main
from cyem.families.covariance import STRUCTURES, structure

CODES = [shape.code for shape in STRUCTURES]
HEAVY = ["full", "tied", "diag", "spherical"]
SIZES = [(1, 1), (2, 3), (4, 3), (5, 4), (7, 9), (9, 70), (33, 5)]  # d, k: whole and broken panels, groups and parts
CC = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(CC is None, reason="needs a C compiler")


def mixture(code, d, k, heavy=False, seed=0):
    """A mixture of the structure, with correlations where it has any and one component that is far from the others."""
    rng = np.random.default_rng(seed)
    shape = structure(code)
    A = rng.normal(size=(k, d, d + 2)) / np.sqrt(d) + np.eye(d, d + 2)
    S = A @ A.transpose(0, 2, 1)
    if shape.density == "whitened" or shape.code[1:] != "VV":
        S = np.repeat(S[:1], k, axis=0)
    if not shape.square:
        S = S * np.eye(d)
    if shape.density == "spherical":
        S = np.eye(d) * rng.uniform(0.5, 2, size=(k, 1, 1))
    weights, means = rng.dirichlet(np.full(k, 5.0)), 2 * rng.normal(size=(k, d))
    means[-1] += 30
    weights[0] += 1 - weights.sum()
    if heavy:
        nu = np.resize([3.0, np.inf, 0.5, 1e7], k)
        return StudentMixture.from_parameters(weights, means, shape.condensed(S), nu, code)
    return GaussianMixture.from_parameters(weights, means, shape.condensed(S), code)


def rows(model, n=300):
    """Samples of the mixture, and some that are far from it."""
    X = model.sample(n, random_state=1)[0]
    X[::10] *= 100
    return np.ascontiguousarray(np.clip(X, -1e6, 1e6))


EVERY = [(code, False) for code in CODES] + [(code, True) for code in HEAVY]


@pytest.mark.parametrize(("code", "heavy"), EVERY)
def test_a_scorer_says_what_the_mixture_says(code, heavy):
    for d, k in SIZES:
        model = mixture(code, d, k, heavy)
        scorer, X = model.compiled(), rows(model)
        # as many roundings as numbers that are added, of numbers as large as the result
        assert_allclose(scorer.score_samples(X), model.score_samples(X), rtol=1e-13 * d, atol=1e-13 * d)
        assert_allclose(scorer.predict_proba(X), model.predict_proba(X), rtol=1e-9, atol=1e-13 * d)
        assert_array_equal(scorer.predict(X), model.predict(X))
        one = X[0]
        assert scorer.score_samples(one) == scorer.score_samples(X)[0]
        assert_array_equal(scorer.predict_proba(one), scorer.predict_proba(X)[0])
        assert scorer.predict(one) == scorer.predict(X)[0]


@pytest.mark.parametrize(("code", "heavy"), [("full", False), ("tied", True), ("diag", False), ("spherical", True)])
def test_single_precision_is_computed_in_double(code, heavy):
    model = mixture(code, 5, 9, heavy)
    scorer, X = model.compiled(), rows(model).astype(np.float32)
    for score in (scorer.score_samples, scorer.predict_proba, scorer.predict):
        assert_allclose(score(X), score(X.astype(np.float64)), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("code", "heavy"), EVERY)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_sample(code, heavy, bad):
    for k in (3, 70):
        scorer = mixture(code, 5, k, heavy).compiled()
        for place in range(5):
            X = np.zeros((3, 5))
            X[1, place] = bad
            assert_array_equal(np.isnan(scorer.score_samples(X)), [False, True, False])
            assert_array_equal(np.isnan(scorer.predict_proba(X)).any(axis=1), [False, True, False])
            assert scorer.predict(X)[1] == -1


@pytest.mark.parametrize(("code", "heavy"), EVERY)
def test_beyond_the_range_of_densities(code, heavy):
    """As the mixture has it: finite, and responsibilities add up."""
    model = mixture(code, 4, 6, heavy)
    X = np.array([[1e200] * 4, [-1e160] * 4, [1e100, 0, 0, 0]])
    scorer = model.compiled()
    assert np.isfinite(scorer.score_samples(X)).all()
    assert_allclose(scorer.predict_proba(X).sum(axis=1), 1)
    assert_allclose(scorer.score_samples(X), model.score_samples(X), rtol=1e-12)


def test_components_without_weight():
    model = GaussianMixture.from_parameters([0.5, 0.0, 0.5], [[0.0], [1.0], [2.0]], [1.0, 1.0, 1.0], "spherical")
    scorer, X = model.compiled(), np.linspace(-3, 5, 50)[:, None]
    assert_allclose(scorer.score_samples(X), model.score_samples(X), rtol=1e-13)
    assert (scorer.predict_proba(X)[:, 1] == 0).all()


@pytest.mark.parametrize("unit", [1e-150, 1e-30, 1e30, 1e150])
def test_any_unit(unit):
    model = mixture("full", 3, 4)
    other = GaussianMixture.from_parameters(model.weights_, model.means_ * unit, model.covariances_ * unit**2)
    X = rows(model)
    assert_allclose(other.compiled().score_samples(X * unit), model.score_samples(X) - 3 * math.log(unit), rtol=1e-12)


def test_it_does_not_change():
    model = mixture("full", 4, 3)
    X, scorer = rows(model), model.compiled()
    before = scorer.score_samples(X)
    model.means_ += 1
    assert_array_equal(scorer.score_samples(X), before)
    assert (model.compiled().score_samples(X) != before).any()
    for other in (copy.copy(scorer), copy.deepcopy(scorer), pickle.loads(pickle.dumps(scorer))):
        assert_array_equal(other.score_samples(X), before)
    with pytest.raises(AttributeError):
        scorer.n_components = 4
    with pytest.raises(ValueError, match="read-only"):
        scorer.memory[0] = 0


def test_attributes_are_checked_before_they_are_packed():
    model = mixture("full", 4, 3)
    model.precisions_cholesky_ = np.eye(4)
    with pytest.raises(ValueError, match="precisions_cholesky_"):
        model.compiled()
    with pytest.raises(cyem.NotFittedError):
        GaussianMixture(2).compiled()


@pytest.mark.parametrize("X", [np.zeros((2, 3)), np.zeros(3), np.zeros((1, 2, 4)), 0.0])
def test_rows_of_another_shape(X):
    with pytest.raises(ValueError, match=r"X must have shape \(n, 4\) or \(4,\), got"):
        mixture("full", 4, 3).compiled().predict(X)


def test_many_threads_score_with_one_scorer():
    scorer = mixture("full", 7, 70).compiled()
    X = np.random.default_rng(0).normal(size=(2000, 7))
    expected, found = scorer.predict_proba(X), [None] * 8

    def score(i):
        found[i] = scorer.predict_proba(X)

    threads = [threading.Thread(target=score, args=[i]) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in found:
        assert_array_equal(each, expected)


# --- what is promised ----------------------------------------------------------------------------------------------

# In the order of the table, which only grows: lines are added at the end, and none is ever changed.
TABLE = """\
uint32_t abi;
uint32_t size;
ptrdiff_t (*features)(const cyem_scorer *scorer);
ptrdiff_t (*components)(const cyem_scorer *scorer);
double (*log_density)(const cyem_scorer *scorer, const double *x);
int (*responsibilities)(const cyem_scorer *scorer, const double *x, double *out);
int (*predict)(const cyem_scorer *scorer, const double *x);
double (*log_density_float)(const cyem_scorer *scorer, const float *x);
int (*responsibilities_float)(const cyem_scorer *scorer, const float *x, double *out);
int (*predict_float)(const cyem_scorer *scorer, const float *x);
double (*density)(int features, double *x, void *scorer);
"""
EXPORTED = {  # to modules in Cython
    "log_density": "double (void const *, double const *)",
    "responsibilities": "int (void const *, double const *, double *)",
    "predict": "int (void const *, double const *)",
    "log_density_float": "double (void const *, float const *)",
    "responsibilities_float": "int (void const *, float const *, double *)",
    "predict_float": "int (void const *, float const *)",
}


def pointer(capsule, name):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, name)


def test_the_table_of_functions():
    header = Path(cyem.get_include(), "cyem.h").read_text()
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    body = re.search(r"typedef struct \{(.*?)\} cyem_api;", header, re.DOTALL)
    assert "".join(f"{line.strip()}\n" for line in body[1].strip().splitlines()) == TABLE
    address = pointer(cyem._C_API, b"cyem._C_API")
    abi, size = ctypes.cast(address, ctypes.POINTER(ctypes.c_uint32))[:2]
    names = re.findall(r"\(\*(\w+)\)", TABLE)
    assert (abi, size) == (1, 8 + len(names) * ctypes.sizeof(ctypes.c_void_p))
    table = ctypes.cast(address + 8, ctypes.POINTER(ctypes.c_void_p))[: len(names)]
    assert dict(zip(names, table, strict=True)) == embed.addresses


def test_the_functions_for_cython():
    from cyem.embed import scorer

    capi = scorer.__pyx_capi__
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    assert {key: name(capsule).decode() for key, capsule in capi.items()} == EXPORTED


def test_pointers():
    """What other languages get by the addresses."""
    model = mixture("full", 4, 3)
    scorer, x = model.compiled(), np.array([0.5, 1.0, -1.0, 2.0])
    mixed, row, P = scorer.address, x.ctypes.data, ctypes.c_void_p

    def function(name, result, *arguments):
        return ctypes.CFUNCTYPE(result, *arguments)(embed.addresses[name])

    assert pointer(scorer.capsule, b"cyem.scorer") == scorer.address
    assert function("features", ctypes.c_ssize_t, P)(mixed) == 4
    assert function("components", ctypes.c_ssize_t, P)(mixed) == 3
    assert function("log_density", ctypes.c_double, P, P)(mixed, row) == scorer.score_samples(x)
    assert function("predict", ctypes.c_int, P, P)(mixed, row) == scorer.predict(x)
    resp = np.zeros(3)
    assert function("responsibilities", ctypes.c_int, P, P, P)(mixed, row, resp.ctypes.data) == 0
    assert_array_equal(resp, scorer.predict_proba(x))
    density = function("density", ctypes.c_double, ctypes.c_int, P, P)
    assert density(4, row, mixed) == math.exp(scorer.score_samples(x))
    assert math.isnan(density(3, row, mixed))
    x[2] = np.nan
    resp[:] = 7
    assert function("responsibilities", ctypes.c_int, P, P, P)(mixed, row, resp.ctypes.data) == -1
    assert_array_equal(resp, 7)  # for any number of components up to those of one part of the stack


# --- as C ----------------------------------------------------------------------------------------------------------

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2"]


class Exported:
    """The functions of an exported file."""

    def __init__(self, source, name="mixture", real=ctypes.c_double):
        library = source.with_suffix(".so")
        done = subprocess.run([CC, *STRICT, "-shared", "-fPIC", source, "-o", library, "-lm"], capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr
        loaded, P = ctypes.CDLL(library), ctypes.c_void_p
        self.real = real
        self.log_density = ctypes.CFUNCTYPE(real, P)((f"{name}_log_density", loaded))
        self.responsibilities = ctypes.CFUNCTYPE(None, P, P)((f"{name}_responsibilities", loaded))
        self.predict = ctypes.CFUNCTYPE(ctypes.c_int, P)((f"{name}_predict", loaded))

    def score(self, X, k):
        """Log-densities, responsibilities and components of rows."""
        resp = np.empty((len(X), k), X.dtype)
        at, out = X.ctypes.data, resp.ctypes.data
        places = [(at + i * X.strides[0], out + i * resp.strides[0]) for i in range(len(X))]
        for x, r in places:
            self.responsibilities(x, r)
        each = [(self.log_density(x), self.predict(x)) for x, _ in places]
        return np.array([value for value, _ in each]), resp, np.array([label for _, label in each])


@needs_compiler
@pytest.mark.parametrize(("code", "heavy", "d", "k"), [
    ("VVV", False, 4, 3), ("VVV", True, 5, 6), ("EEE", False, 7, 9), ("EEE", True, 1, 1), ("VVI", False, 3, 70),
    ("VVI", True, 9, 2), ("EII", False, 2, 5), ("VII", True, 4, 3), ("EVE", False, 3, 3), ("VVV", False, 1, 4),
])  # fmt: skip
def test_exported_c_says_what_the_mixture_says(tmp_path, code, heavy, d, k):
    model = mixture(code, d, k, heavy)
    model.export_c(tmp_path / "model.c")
    X = rows(model, 10_000)
    log_density, resp, labels = Exported(tmp_path / "model.c").score(X, k)
    assert_the_same(log_density, resp, model, X)
    assert_array_equal(labels, model.predict(X))


def assert_the_same(log_density, resp, model, X):
    """To 1e-12; responsibilities of far rows as the rounding of densities lets them, whose quotients they are."""
    expected = model.score_samples(X)
    assert_allclose(log_density, expected, rtol=1e-12, atol=1e-12)
    apart = abs(resp - model.predict_proba(X)).max(axis=1)
    assert (apart <= 1e-12 + 4 * np.finfo(float).eps * abs(expected)).all()


@pytest.mark.parametrize(("code", "heavy"), [("full", False), ("tied", True)])
def test_exported_c_on_another_processor(tmp_path, code, heavy):
    """Arm, emulated: the package ziglang brings a compiler, Debian's qemu-user-static what runs its program."""
    pytest.importorskip("ziglang")
    emulator = shutil.which("qemu-aarch64-static")
    if emulator is None:
        pytest.skip("needs qemu-aarch64-static")
    model = mixture(code, 4, 3, heavy)
    model.export_c(tmp_path / "model.c")
    (tmp_path / "main.c").write_text(
        '#include "model.c"\n#include <stdio.h>\n'
        "int main(void) { double x[4], r[3], l; while (fread(x, 8, 4, stdin) == 4) { l = mixture_log_density(x); "
        "mixture_responsibilities(x, r); fwrite(&l, 8, 1, stdout); fwrite(r, 8, 3, stdout); } return 0; }\n"
    )
    subprocess.run([sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-musl", *STRICT, "main.c", "-o",
                    "main"], cwd=tmp_path, check=True)
    X = rows(model, 10_000)
    told = subprocess.run([emulator, tmp_path / "main"], input=X.tobytes(), capture_output=True, check=True).stdout
    found = np.frombuffer(told).reshape(-1, 4)
    assert_the_same(found[:, 0], found[:, 1:], model, X)


@needs_compiler
@pytest.mark.parametrize(("code", "heavy"), [("full", False), ("tied", False), ("diag", True), ("spherical", False)])
@pytest.mark.parametrize("offset", [0, 1000])
def test_exported_in_single_precision(tmp_path, code, heavy, offset):
    model = mixture(code, 4, 3, heavy)
    model.means_ = model.means_ + offset
    model.export_c(tmp_path / "model.c", "small", "float32")
    X = (model.sample(1000, random_state=0)[0]).astype(np.float32)
    log_density, resp, labels = Exported(tmp_path / "model.c", "small", ctypes.c_float).score(X, 3)
    assert_allclose(log_density, model.score_samples(X.astype(np.float64)), rtol=1e-5, atol=1e-4)
    assert_allclose(resp, model.predict_proba(X.astype(np.float64)), atol=1e-4)
    assert (labels == model.predict(X.astype(np.float64))).mean() > 0.999


@needs_compiler
@pytest.mark.parametrize("heavy", [False, True])
def test_exported_c_of_what_is_no_sample(tmp_path, heavy):
    model = mixture("full", 3, 4, heavy)
    model.export_c(tmp_path / "model.c")
    X = np.array([[0.0, np.nan, 0], [np.inf, 0, 0], [0, 0, -np.inf], [1e200, 0, 0]])
    log_density, resp, labels = Exported(tmp_path / "model.c").score(X, 4)
    assert_array_equal(np.isnan(log_density), [True, True, True, False])
    assert_array_equal(np.isnan(resp).all(axis=1), [True, True, True, False])
    assert_array_equal(labels[:3], -1)
    assert_allclose(resp[3].sum(), 1)


@needs_compiler
def test_two_exported_mixtures_in_one_program_of_cpp(tmp_path):
    """Their names do not meet, and declarations are those of C."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    program = ['#include <cstdio>\n#define FIRST_DECLARATIONS\n#define SECOND_DECLARATIONS\n'
               '#include "first.c"\n#include "second.c"\n'
               'int main() { double x[2] = {0, 1}; '
               'std::printf("%.17g %.17g", first_log_density(x), second_log_density(x)); }\n']
    (tmp_path / "main.cpp").write_text(program[0])
    models = [mixture("full", 2, 3), mixture("tied", 2, 2)]
    for model, name in zip(models, ("first", "second"), strict=True):
        model.export_c(tmp_path / f"{name}.c", name)
        subprocess.run([CC, *STRICT, "-c", f"{name}.c", "-o", f"{name}.o"], cwd=tmp_path, check=True)
    subprocess.run([compiler, "-Wall", "-Werror", "main.cpp", "first.o", "second.o", "-o", "main", "-lm"], cwd=tmp_path,
                   check=True)
    told = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    assert_allclose([float(value) for value in told.split()], [m.score_samples([[0.0, 1.0]])[0] for m in models], 1e-13)


@pytest.mark.parametrize(("settings", "error", "said"), [
    (dict(name="2d"), ValueError, "name must be at most"),
    (dict(name="a b"), ValueError, "name must be"), (dict(name="x" * 62), ValueError, "name must be"),
    (dict(name="a\n"), ValueError, "name must be"), (dict(name=3), TypeError, "name must be text, got 3"),
    (dict(dtype="float16"), ValueError, "dtype must be"), (dict(dtype="numbers"), ValueError, "dtype must be"),
])  # fmt: skip
def test_what_cannot_be_exported(tmp_path, settings, error, said):
    (tmp_path / "model.c").write_text("before")
    with pytest.raises(error, match=said):
        mixture("full", 2, 2).export_c(tmp_path / "model.c", **settings)
    assert (tmp_path / "model.c").read_text() == "before"


def test_beyond_single_precision(tmp_path):
    model = GaussianMixture.from_parameters([1.0], [[1e60]], [[[1e100]]])
    with pytest.raises(ValueError, match=r"has no room for 1e\+60"):
        model.export_c(tmp_path / "model.c", dtype="float32")


@needs_compiler
def test_exported_c_says_which_feature_is_where(tmp_path):
    """In a comment, whatever they are called."""
    pd = pytest.importorskip("pandas")
    X = np.random.default_rng(0).normal(size=(60, 4))
    frame = pd.DataFrame(X, columns=["length", "*/ int x; /*/", "L\u00e4nge\n", "a??/"])
    GaussianMixture(2, random_state=0).fit(frame).export_c(tmp_path / "model.c")
    text = (tmp_path / "model.c").read_text()
    assert " * x[0]  length\n" in text and " * x[2]  L\\xe4nge\\n\n" in text
    Exported(tmp_path / "model.c")  # which compiles it
    doubled = np.column_stack([X[:, 0], X[:, 0] * 2, X[:, 1]])
    choice = cyem.select(doubled, 1, random_state=0)
    choice.best_.export_c(tmp_path / "part.c")
    used = np.flatnonzero(choice.best_.columns_used_).tolist()
    assert [f" * x[{place}]  column {j}, counted" in (tmp_path / "part.c").read_text()
            for place, j in enumerate(used)] == [True, True]


def test_export_on_the_command_line(tmp_path, capsys):
    model, path, out = mixture("full", 3, 4), str(tmp_path / "model.npz"), tmp_path / "model.c"
    model.save(path)
    assert main(["export", path, "-o", str(out), "--name", "ours", "--single"]) == 0
    model.export_c(tmp_path / "other.c", "ours", "float32")
    assert out.read_text() == (tmp_path / "other.c").read_text()
    assert main(["export", path, "-o", path]) == 2
    assert "is the model too" in capsys.readouterr().err
    assert cyem.load(path).n_components == 4


@needs_compiler
def test_the_header_is_c99_and_cpp(tmp_path):
    include, python = cyem.get_include(), __import__("sysconfig").get_path("include")
    text = '#include "cyem.h"\nint main(void) { return sizeof(cyem_api) != 8 + 9 * sizeof(void *); }\n'
    for suffix, flags in ((".c", STRICT), (".cpp", ["-x", "c++", "-Wall", "-Wextra", "-Werror"])):
        if suffix == ".cpp" and not (shutil.which("c++") or shutil.which("g++")):
            continue
        (tmp_path / f"a{suffix}").write_text(text)
        subprocess.run([CC, *flags, "-I", include, f"a{suffix}", "-o", f"a{suffix}.out"], cwd=tmp_path, check=True)
        subprocess.run([tmp_path / f"a{suffix}.out"], check=True)
        (tmp_path / f"b{suffix}").write_text(f"#include <Python.h>\n{text}")
        if Path(python, "Python.h").exists():
            flags = [flag for flag in flags if flag != "-pedantic"]  # which Python's own headers are not
            subprocess.run([CC, *flags, "-fsyntax-only", "-I", include, "-I", python, f"b{suffix}"], cwd=tmp_path,
                           check=True)


@pytest.mark.parametrize(("code", "heavy"), [*((code, False) for code in ("VVV", "EEE", "VVI", "EII")),
                                             *((code, True) for code in HEAVY)])
def test_onnx_says_what_the_mixture_says(code, heavy):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    for d, k in ((1, 1), (4, 3), (3, 20)):
        model = mixture(code, d, k, heavy)
        X = rows(model)
        session = runtime.InferenceSession(model.to_onnx().SerializeToString(), providers=["CPUExecutionProvider"])
        log_density, resp, labels = session.run(["log_density", "probabilities", "label"], {"X": X})
        assert_allclose(log_density, model.score_samples(X), rtol=1e-12, atol=1e-12)
        assert_allclose(resp, model.predict_proba(X), rtol=1e-9, atol=1e-12)
        assert_array_equal(labels, model.predict(X))


def test_without_onnx(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'cyem\[onnx\]'"):
        mixture("full", 2, 2).to_onnx()


def test_who_only_fits_does_not_load_it():
    code = ("import sys, cyem; cyem.GaussianMixture(1).fit([[1.0], [2.0]]); "
            "print([name for name in sys.modules if name.startswith('cyem.embed')])")
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
