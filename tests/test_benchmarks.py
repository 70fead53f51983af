"""The benchmarks run: each of them once, on tiny problems, and their table. What they measure is not looked at."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.skipif(not BENCHMARKS.exists(), reason="the benchmarks come with the repository only")
def test_benchmarks_run(tmp_path):
    pytest.importorskip("pytest_benchmark")
    results = tmp_path / "results.json"
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    # which measure nothing where several processes run tests
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment = {**outside, "CYEM_BENCH_SMALL": "1", "PYTHONSAFEPATH": "1", **one_thread}

    def run(*command):
        command = [sys.executable, *command]
        done = subprocess.run(command, cwd=BENCHMARKS, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    told = run("-m", "pytest", "-q", "-rs", f"--benchmark-json={results}")
    timed = json.loads(results.read_text())["benchmarks"]
    table = run("table.py", results)
    assert "00,000 ×" not in table  # tiny problems are called so
    modules = {row["fullname"].split("::")[0] for row in timed}
    skipped = set(re.findall(r"SKIPPED .* (test_\w+\.py):\d+: needs", told))  # what is not installed here
    assert modules | skipped == {path.name for path in BENCHMARKS.glob("test_*.py")}
    for row in timed:
        assert f"### {row['group']}\n" in table
        assert f"| {row['extra_info']['case']} |" in table
        assert ("flops" in row["extra_info"]) == ("fma_share" in row["extra_info"])
