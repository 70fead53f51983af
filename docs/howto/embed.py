"""
Score rows from C
=================

A fitted mixture in a program that has no Python, in a loop that has no time for it, or in a device.
"""

import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from cyem import GaussianMixture

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)
model = GaussianMixture(2, random_state=0).fit(X)

# %%
# One file of C
# -------------
#
# ``export_c`` writes the model itself, as C99 that needs nothing but ``exp`` and ``log``; from a shell,
# ``cyem export faithful.npz -o faithful.c``.

folder = Path(mkdtemp())
model.export_c(folder / "faithful.c", name="faithful")
print("\n".join((folder / "faithful.c").read_text().splitlines()[:10]))

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
print(f"Python: component {model.predict([[4.4, 82.0]])[0]}, log-density {model.score_samples([[4.4, 82.0]])[0]:.6f}")
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
#
# The same object gives pointers to C, Cython, ctypes, Numba and SciPy's ``LowLevelCallable``: ``cyem.embed.addresses``,
# and the header whose folder :func:`~cyem.get_include` tells. The folder ``examples/`` of the repository has a
# program for each, which the tests build and run.
