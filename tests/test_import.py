"""What ``import cyem`` does to a process: next to nothing. Each test looks into a fresh one."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest


def run(code, *options):
    """The output of a fresh Python that runs the code; -P: the folder that the tests run in is not searched."""
    command = [sys.executable, "-P", *options, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_public_names():
    import cyem

    expected = {"GaussianMixture", "examine", "select", "e_step", "m_step", "load", "show_config"}
    expected |= {"config_context", "get_config", "set_config"}
    expected |= {"StudentMixture", "MixtureRegressor", "MixtureClassifier"}
    expected |= {"ConvergenceWarning", "NotFittedError", "__version__"}
    assert not {name for name in expected if not hasattr(cyem, name)}
    assert set(cyem.__all__) >= expected - {"__version__"}
    assert not {name for name in cyem.__all__ if not hasattr(cyem, name)}


def test_completion_offers_the_public_names():
    """To those who run it (`dir`) and to those who only read it (editors): no module of cyem's own, no helper."""
    import cyem

    assert [name for name in dir(cyem) if not name.startswith("__")] == sorted({*cyem.__all__} - {"__version__"})
    tree = ast.parse(Path(cyem.__file__).read_text(encoding="utf-8"))
    read, offered = {}, set()
    for node in [inner for outer in tree.body for inner in [outer, *getattr(outer, "body", [])]]:
        if isinstance(node, ast.ImportFrom) and node.module != "importlib":
            read |= {name.asname or name.name: node.module.removeprefix("cyem.") for name in node.names}
            offered |= {node.module} if node.level else set()  # editors offer a module that is imported so
    assert set(read) == set(cyem.__all__) and not offered
    public = [name for name in cyem._LATER if name in cyem.__all__]
    assert {name: read[name] for name in public} == {name: cyem._LATER[name] for name in public}


def test_version_is_that_of_the_distribution():
    from importlib.metadata import version

    import cyem

    assert cyem.__version__ == version("cyem")


HEAVY = ["sklearn", "scipy", "pandas", "polars", "matplotlib", "joblib", "argparse", "csv", "json", "multiprocessing",
         "pathlib"]


@pytest.mark.parametrize("heavy", HEAVY)
def test_import_brings_only_numpy(heavy):
    """What NumPy itself loads is not ours."""
    look = f"print({heavy!r} in sys.modules);"
    before, after = run(f"import sys, numpy; {look} import cyem; {look}").split()
    assert after == before


FIT = """
import numpy as np
X = np.random.default_rng(0).normal(size=(2000, 2))
X[:1000] += 8
"""


def test_a_first_fit_imports_nothing():
    """A child forked in the midst of an import waits for ever when it comes to the same import."""
    assert run("""
import sys
import numpy as np
import cyem
X = np.sin(np.arange(4000.0)).reshape(-1, 2)
imported = set(sys.modules)
model = cyem.GaussianMixture(3, random_state=0).fit(X)
model.predict(X), model.score_samples(X), model.sample(10), model.bic(X)
print(sorted(set(sys.modules) - imported))
""") == "[]"


def test_works_where_scikit_learn_is_not_installed():
    code = """
import sys
for name in ("sklearn", "scipy", "pandas", "polars"):
    sys.modules[name] = None  # importing it raises ImportError
import cyem
""" + FIT + """
model = cyem.GaussianMixture(2, random_state=0).fit(X)
print(model.converged_, np.bincount(model.predict(X)).tolist(), np.isfinite(model.bic(X)))
repr(model), model.get_params(), cyem.select(X, [1, 2], ["diag"]).best_
model.predict_conditional(X[:, :1], 1).quantile(0.5), model.condition({0: 1.0}).marginal(0)
cyem.MixtureRegressor(2, random_state=0).fit(X[:, :1], X[:, 1]).score(X[:, :1], X[:, 1])
cyem.MixtureClassifier().fit(X, [1] * 1000 + [0] * 1000).cross_validated(X, [1] * 1000 + [0] * 1000, 2)
"""
    assert run(code) == "True [1000, 1000] True"


def test_subnormal_numbers_survive_import_and_kernels():
    """A library linked with -ffast-math flushes them to zero for the whole process."""
    code = """
import threading
import numpy as np
tiny = np.array([1e-310])
print((tiny / 2 != 0).item())
import cyem
print((tiny / 2 != 0).item())
""" + FIT + """
cyem.GaussianMixture(2, random_state=0, n_threads=2).fit(X)
print((tiny / 2 != 0).item())
thread = threading.Thread(target=lambda: print((tiny / 2 != 0).item()))  # born after the import
thread.start()
thread.join()
"""
    assert run(code).split() == ["True"] * 4


def test_import_and_fit_warn_of_nothing():
    assert run("import cyem" + FIT + "cyem.GaussianMixture(2, random_state=0).fit(X)", "-W", "error") == ""


def test_module_runs_as_a_command():
    done = subprocess.run([sys.executable, "-P", "-m", "cyem", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "cyem"
