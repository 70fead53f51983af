"""What the conformance tests share: the bundled data, and one fixed profile for hypothesis."""

from pathlib import Path

import hypothesis
import numpy as np
import pytest

DATA = Path(__file__).parent / "data"

# The same examples on every machine and every run, and no verdict that depends on how busy the machine is.
hypothesis.settings.register_profile("cyem", derandomize=True, max_examples=25, deadline=None, database=None)
hypothesis.settings.load_profile("cyem")


@pytest.fixture(scope="session")
def load():
    """``load("iris")``: a bundled table as a read-only float64 array (n, d)."""

    def load(name):
        X = np.loadtxt(DATA / f"{name}.csv", delimiter=",", skiprows=1, ndmin=2)
        X.flags.writeable = False
        return X

    return load
