"""Nobody reads or writes what is not his own: neither before nor behind an array."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cyem import GaussianMixture, kernels
from cyem.families.covariance import STRUCTURES
from cyem.kernels import reference

FUZZ = Path(__file__).parent / "fuzz"
guarded_pages = pytest.mark.skipif(sys.platform == "win32", reason="pages are guarded by mprotect")
NOT_OPENED = {"exp_log", "log1p_inverse", "tiles"}  # two are for tests, one takes no array


def fuzz(program, isa, seed, cases):
    """What a program says of some cases, which has to end well."""
    done = subprocess.run(
        [sys.executable, FUZZ / program, "--seconds", "3000", "--seed", str(seed), "--cases", str(cases)],
        env=os.environ | {"CYEM_ISA": isa, "PYTHONSAFEPATH": ""}, capture_output=True, text=True, timeout=4000,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@guarded_pages
@pytest.mark.parametrize("isa", kernels.available())
def test_what_scores_one_row_leaves_its_arrays_alone(isa):
    """Every kind of density, called by address as from C, beside pages whose touch ends the process; what it says is
    what NumPy says.
    """
    told = fuzz("one_row.py", isa, seed=0, cases=60)
    assert [kind for kind in reference.DENSITIES if not re.search(rf"\d {kind}(,|$)", told, re.MULTILINE)] == []


@guarded_pages
@pytest.mark.parametrize("isa", kernels.available())
def test_no_kernel_leaves_its_arrays(isa):
    """In a process of its own all arrays of all doors, outputs and workspaces too, lie beside pages whose touch ends
    it; fits of all structures open every door.
    """
    opened = set(fuzz("guarded_fits.py", isa, seed=488, cases=40).partition("doors opened: ")[2].split())
    doors = {name for module in (kernels.sweep, kernels.linalg, kernels.views) for name, door in vars(module).items()
             if callable(door) and not name.startswith("_") and not name.endswith("_size")}
    assert opened == doors - NOT_OPENED


@pytest.mark.filterwarnings("ignore::cyem.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("structure", [structure.name for structure in STRUCTURES])
def test_what_lies_around_the_data_changes_no_bit(structure, dtype):
    """Nothing there is read, not even to be multiplied by zero: NaN would remain."""
    n, d, k, around = 300, 5, 6, 8
    table, weights = np.empty((n + 2 * around, d), dtype), np.empty(n + 2 * around)
    inside = slice(around, -around)
    for seed in (2, 3):
        rng = np.random.default_rng(seed)
        table[inside] = rng.normal(size=(n, d)) + rng.normal(0, 1.5, (k, d))[rng.integers(k, size=n)]
        weights[inside] = 1 if seed % 2 else rng.exponential(size=n)
        found = set()
        for value in (np.nan, 0, 1e30):
            for array in (table, weights):
                array[:around] = array[-around:] = value
            model = GaussianMixture(k, covariance_type=structure, random_state=seed)
            model.fit(table[inside], sample_weight=weights[inside])
            found.add((model.lower_bound_, model.means_.tobytes(), model.predict_proba(table[inside]).tobytes()))
        assert len(found) == 1
