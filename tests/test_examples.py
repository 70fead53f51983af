"""Do the examples in other languages build with the installed cyem, as they tell to, and run?"""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import cyem
from cyem import GaussianMixture

EXAMPLES = Path(__file__).parents[1] / "examples"
CC = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
HEADERS = Path(sysconfig.get_path("include"))

pytestmark = [
    pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples come with the repository only"),
    pytest.mark.skipif(CC is None, reason="needs a C compiler"),
]
needs_headers = pytest.mark.skipif(not (HEADERS / "Python.h").exists(), reason="needs the headers of Python")
PATH = [path for path in sys.path if path]  # where programs find this cyem


@pytest.fixture
def model():
    return GaussianMixture.from_parameters([0.25, 0.75], [[-1.0], [1.0]], [1.0, 4.0], "spherical")


def run(*command, folder):
    path = os.pathsep.join([*PATH, str(folder)])  # what was built there is found, however strict Python is
    done = subprocess.run(list(map(str, command)), cwd=folder, env={**os.environ, "PYTHONPATH": path},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def right(told, model, accuracy=1e-13):
    assert float(told) == pytest.approx(model.score_samples([[0.5]])[0], rel=accuracy)


def test_none_is_left_out():
    told = (EXAMPLES / "README.md").read_text()
    assert all(f"`{path.name}`" in told for path in EXAMPLES.iterdir() if path.suffix in (".py", ".pyx", ".c"))
    assert all(f"`cluster/{path.name}`" in told for path in EXAMPLES.glob("cluster/*.py"))  # see test_elsewhere.py
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"by_ctypes", "by_scipy", "by_numba"}


@needs_headers
def test_cython(tmp_path, model):
    pytest.importorskip("Cython")
    shutil.copy(EXAMPLES / "score.pyx", tmp_path)
    run(sys.executable, "-P", "-m", "cython", "-3", "score.pyx", "-o", "score.c", folder=tmp_path)
    library = f"score{sysconfig.get_config_var('EXT_SUFFIX')}"
    run(CC, "-shared", "-fPIC", "-O0", "-I", HEADERS, "score.c", "-o", library, folder=tmp_path)
    right(run(sys.executable, "-c", "import score; score.main()", folder=tmp_path), model)


@needs_headers
def test_host(tmp_path, model):
    names = ("LIBDIR", "LIBPL", "LIBS", "SYSLIBS", "LINKFORSHARED")
    folder, archive, libs, syslibs, link = (sysconfig.get_config_var(name) or "" for name in names)
    library = f"python{sysconfig.get_config_var('LDVERSION')}"
    if not any(Path(place, f"lib{library}{end}").exists() for place in (folder, archive) for end in (".so", ".a")):
        pytest.skip("needs Python as a library")
    run(CC, "-Wall", "-Wextra", "-Werror", "-I", HEADERS, "-I", cyem.get_include(), EXAMPLES / "host.c", "-o", "host",
        f"-L{folder}", f"-L{archive}", f"-Wl,-rpath,{folder}", f"-l{library}", *libs.split(), *syslibs.split(),
        *link.split(), folder=tmp_path)
    right(run(tmp_path / "host", folder=tmp_path), model)


def test_exported(tmp_path, model):
    model.save(tmp_path / "model.npz")
    shutil.copy(EXAMPLES / "exported.c", tmp_path)
    run(sys.executable, "-P", "-m", "cyem", "export", "model.npz", "-o", "model.c", folder=tmp_path)
    run(CC, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "exported.c", "-o", "exported", "-lm",
        folder=tmp_path)
    right(run(tmp_path / "exported", folder=tmp_path), model)


@pytest.mark.parametrize(("name", "module", "accuracy"), [
    ("by_ctypes", "ctypes", 1e-13), ("by_scipy", "scipy", 1e-6), ("by_numba", "numba", 1e-13),
])
def test_scripts(tmp_path, model, name, module, accuracy):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"needs {module}")
    right(run(sys.executable, "-P", EXAMPLES / f"{name}.py", folder=tmp_path), model, accuracy)
