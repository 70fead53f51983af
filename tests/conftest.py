"""What the conformance tests share: the bundled data, and one fixed profile for hypothesis."""

import os
import signal
from pathlib import Path

import hypothesis
import numpy as np
import pytest

DATA = Path(__file__).parent / "data"

signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells ignore for what runs in the background
os.environ.setdefault("MPLBACKEND", "agg")  # pictures are drawn without a screen

# The same examples on every machine and every run, and no verdict that depends on how busy the machine is.
hypothesis.settings.register_profile("cyem", derandomize=True, max_examples=25, deadline=None, database=None)
hypothesis.settings.load_profile("cyem")
# `ci/deep laws`: other ones each time, and many
hypothesis.settings.register_profile("deep", max_examples=int(os.environ.get("EXAMPLES", "10000")), deadline=None,
                                     database=None, print_blob=True,
                                     suppress_health_check=list(hypothesis.HealthCheck))


@pytest.fixture(scope="session")
def load():
    """``load("iris")``: a bundled table as a read-only float64 array (n, d)."""

    def load(name):
        X = np.loadtxt(DATA / f"{name}.csv", delimiter=",", skiprows=1, ndmin=2)
        X.flags.writeable = False
        return X

    return load


def pytest_addoption(parser):
    parser.addoption("--draw", action="store_true", help="draw the images of tests/images anew")
