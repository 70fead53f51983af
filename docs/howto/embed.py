"""
Score rows from C
=================

A fitted mixture in a program that has no Python, in a loop that has no time for it, or in a device.
"""

import ctypes
import shutil
import subprocess
import sysconfig
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd

from cyem import GaussianMixture, get_include

rows = pd.read_csv("../data/faithful.csv")
X = np.ascontiguousarray(rows, dtype=float)  # row by row, as C reads it
model = GaussianMixture(2, random_state=0).fit(rows)

# %%
# One file of C
# -------------
#
# ``export_c`` writes the model itself, as C99 that needs nothing but ``exp`` and ``log``; from a shell,
# ``cyem export faithful.npz -o faithful.c``. Its first lines tell what there is, and, where the features had names when
# the mixture was fitted, in which order a sample has them:

folder = Path(mkdtemp())
model.export_c(folder / "faithful.c", name="faithful")
print("\n".join((folder / "faithful.c").read_text().splitlines()[:12]))

# %%
program = """
#include <stdio.h>
#include "faithful.c"

int main(void) {
    double x[2] = {4.4, 82.0};
    printf("component %d, log-density %.6f\\n", faithful_predict(x), faithful_log_density(x));
    return 0;
}
"""
(folder / "main.c").write_text(program)
subprocess.run(["cc", "-std=c99", "-O2", "main.c", "-o", "main", "-lm"], cwd=folder, check=True)
print("C:     ", subprocess.run([folder / "main"], capture_output=True, text=True, check=True).stdout.strip())
row = pd.DataFrame([[4.4, 82.0]], columns=rows.columns)
print(f"Python: component {model.predict(row)[0]}, log-density {model.score_samples(row)[0]:.6f}")
shutil.rmtree(folder)

# %%
# From Python, one row at a time
# ------------------------------
#
# ``compiled()`` is the mixture packed for single rows, without the checks that an array gets:

scorer = model.compiled()
scorer.score_samples([4.4, 82.0])

# %%
# ``to_onnx()`` makes a model of ONNX (``pip install '.[onnx]'``).

# %%
# From C beside Python
# --------------------
#
# The same object scores in loops of C, C++ and Cython, in any thread and without the GIL. ``cyem.h``, whose folder
# :func:`~cyem.get_include` tells, has a table of functions:

program = r"""
#include <Python.h>
#include <cyem.h>

/* How many of n rows are of a component. */
long count(PyObject *scorer, const double *X, long n, int component)
{
    const cyem_api *cyem = cyem_import();
    const cyem_scorer *mixture = cyem ? cyem_scorer_of(scorer) : NULL;
    long found = 0, i;

    if (mixture == NULL)
        return -1; /* with an exception, which Python raises */
    Py_BEGIN_ALLOW_THREADS
    for (i = 0; i < n; i++)
        found += cyem->predict(mixture, X + i * cyem->features(mixture)) == component;
    Py_END_ALLOW_THREADS
    return found;
}
"""
folder = Path(mkdtemp())
(folder / "count.c").write_text(program)
headers = [f"-I{sysconfig.get_path('include')}", f"-I{get_include()}"]
subprocess.run(["cc", "-O2", "-shared", "-fPIC", *headers, "count.c", "-o", "count.so"], cwd=folder, check=True)
library = ctypes.PyDLL(str(folder / "count.so"))  # PyDLL keeps the GIL, which the first two lines need
library.count.restype, library.count.argtypes = ctypes.c_long, [ctypes.py_object, ctypes.c_void_p, ctypes.c_long,
                                                                ctypes.c_int]
print("C:     ", library.count(scorer, X.ctypes.data, len(X), 0), "rows are of component 0")
print("Python:", np.count_nonzero(model.predict(rows) == 0), "rows are of component 0")
shutil.rmtree(folder)

# %%
# Cython has ``cimport cyem.embed``; ctypes, Numba and SciPy's ``LowLevelCallable`` take ``cyem.embed.addresses``.
# The folder ``examples/`` of the repository has a program for each, which the tests build and run.
