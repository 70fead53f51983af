"""The log-density of one row, called for by other languages: beside emlearn's C, ONNX runtime and the exported file."""

import ctypes
import os
import shlex
import subprocess
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from libraries import Whole, installed
from problems import SMALL, clusters, start

import cyem
from cyem import embed

CALLS = 100 if SMALL else 5000  # in one round
FEW = 10 if SMALL else 1000  # of those that Python makes
DOUBLE, P, SIZE = ctypes.c_double, ctypes.c_void_p, ctypes.c_ssize_t
EMLEARN = """
double rows(const float *X, ptrdiff_t n)
{{
    float joint[{k}], score = 0;
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++) {{
        mixture_score(X + i * {d}, {d}, joint, &score);
        sum += score;
    }}
    return sum;
}}
"""


def compiled(folder, name, text, *flags):
    """A library made of C."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    (folder / f"{name}.c").write_text(text)
    command = [*compiler, "-O3", "-march=native", "-shared", "-fPIC", *flags, f"{name}.c", "-o", f"{name}.so", "-lm"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs a C compiler: {error}")
    return ctypes.CDLL(folder / f"{name}.so")


def model_of(problem):
    first = start(problem, "full")
    return cyem.GaussianMixture.from_parameters(first.weights, problem.means, first.covariances)


def emlearn(folder, model, X):
    """The same density by emlearn, in single precision: it has no other."""
    from emlearn import common, mixture

    k, d = model.means_.shape
    factors = model.precisions_cholesky_
    wrapper = SimpleNamespace(
        _means=model.means_, _covariance_type="full", _precisions_col=factors.transpose(0, 2, 1).reshape(k, -1),
        _log_det=np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1), _log_weights=np.log(model.weights_),
    )
    text = "#include <stdbool.h>\n#include <stddef.h>\n" + mixture.generate_code(wrapper, name="mixture")
    library = compiled(folder, "emlearn", text + EMLEARN.format(d=d, k=k), f"-I{common.get_include_dir()}", "-w")
    library.rows.restype, library.rows.argtypes = DOUBLE, [P, SIZE]
    single = X.astype(np.float32)
    return Whole(lambda: library.rows(single.ctypes.data, len(single)), len(X))


def onnx(model, X):
    """The same by ONNX runtime, whose sessions are called from Python."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.to_onnx().SerializeToString(), options, ["CPUExecutionProvider"])

    def run():
        for i in range(FEW):
            session.run(["log_density"], {"X": X[i : i + 1]})

    return Whole(run, FEW)


@pytest.mark.parametrize(("d", "k"), [(4, 3), (11, 6), (10, 20)])
def test_one_row_from_c(race, tmp_path, d, k):
    problem = clusters(CALLS, d, k)
    (n, d), k = problem.X.shape, problem.k
    model, X = model_of(problem), problem.X
    scorer, library = model.compiled(), compiled(tmp_path, "rows", Path(__file__).with_name("rows.c").read_text())
    library.rows.restype, library.rows.argtypes = DOUBLE, [P, P, P, SIZE, SIZE]
    library.exported.restype, library.exported.argtypes = DOUBLE, [P, P, SIZE, SIZE]
    model.export_c(tmp_path / "model.c")
    exported = compiled(tmp_path, "model", (tmp_path / "model.c").read_text()).mixture_log_density
    others = {"exported C": Whole(lambda: library.exported(exported, X.ctypes.data, n, d), n)}
    if installed("emlearn"):
        others["emlearn"] = emlearn(tmp_path, model, X)
    if installed("onnx") and installed("onnxruntime"):
        others["ONNX runtime"] = onnx(model, X)
    race(f"d={d}, k={k}", lambda: library.rows(embed.addresses["log_density"], scorer.address, X.ctypes.data, n, d),
         others, rounds=15, per=n, group="log-density of one row, from C")


@pytest.mark.parametrize(("d", "k"), [(4, 3), (10, 20)])
def test_one_row_from_ctypes(race, d, k):
    problem = clusters(1000, d, k)
    model = model_of(problem)
    scorer, row = model.compiled(), problem.X[:1].copy()
    log_density, address, x = ctypes.CFUNCTYPE(DOUBLE, P, P)(embed.addresses["log_density"]), scorer.address, row.ctypes

    def repeat():
        at = x.data
        for _ in range(FEW):
            log_density(address, at)

    def by_estimator():
        for _ in range(FEW):
            model.score_samples(row)

    race(f"d={problem.X.shape[1]}, k={problem.k}", repeat, {"score_samples": Whole(by_estimator, FEW)}, rounds=15,
         per=FEW, group="log-density of one row, from ctypes")
