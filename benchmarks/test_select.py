"""The search over the grid of structures and sizes beside R's mclust: how fast, and how often it finds the truth."""

import csv
import shutil
import subprocess

import numpy as np
import pytest
from problems import KNOWN, SMALL, clusters, generated, table

import cyem

MOST = 3 if SMALL else 9
NEGLIGIBLE = 1e-5  # nats per sample
# For each FILE: the seconds that the whole grid takes, the chosen model, and the log-likelihood of every cell.
PROGRAM = """
suppressMessages(library(mclust))
arguments <- commandArgs(TRUE)
for (file in arguments[-1]) {
  x <- as.matrix(read.csv(file, header = FALSE))
  seconds <- system.time(bic <- mclustBIC(x, G = 1:as.integer(arguments[1]), verbose = FALSE))[["elapsed"]]
  best <- which(bic == max(bic, na.rm = TRUE), arr.ind = TRUE)[1, ]
  cat(seconds, rownames(bic)[best[1]], colnames(bic)[best[2]], sep = ",")
  for (g in rownames(bic)) for (name in colnames(bic)) if (!is.na(bic[g, name])) {
    df <- nMclustParams(name, ncol(x), as.integer(g))
    cat(",", g, " ", name, " ", format((bic[g, name] + df * log(nrow(x))) / 2, digits = 15), sep = "")
  }
  cat("\\n")
}
"""


def has_mclust():
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(mclust)"], capture_output=True).returncode == 0


needs_mclust = pytest.mark.skipif(not has_mclust(), reason="needs R with the package mclust")


class Mclust:
    """mclustBIC of all its structures, from its one start, for several data sets in turn; R itself is off the clock."""

    def __init__(self, folder, tables, most):
        self.files = [folder / f"{i}.csv" for i in range(len(tables))]
        self.most = most
        self.times = []
        for file, X in zip(self.files, tables, strict=True):
            np.savetxt(file, X, delimiter=",", fmt="%.17g")

    def round(self):
        done = subprocess.run(["Rscript", "-e", PROGRAM, str(self.most), *map(str, self.files)],
                              capture_output=True, text=True, check=True)
        rows = list(csv.reader(done.stdout.splitlines()))
        self.times.append(sum(float(row[0]) for row in rows))
        self.choices = [(int(row[1]), row[2]) for row in rows]
        cells = [[cell.split() for cell in row[3:]] for row in rows]
        self.cells = [{(int(k), name): float(value) for k, name, value in table} for table in cells]

    @property
    def seconds(self):
        return min(self.times)


@needs_mclust
@pytest.mark.parametrize("name", ["faithful", "iris", pytest.param("(5,000 × 8)", marks=pytest.mark.long)])
def test_grid(race, benchmark, name, tmp_path):
    """The whole grid, 14 structures with one to nine components."""
    X = clusters(5000, 8, 5).X if name.startswith("(") else table(name)
    rival = Mclust(tmp_path, [X], MOST)
    found = []

    def ours():
        found[:] = cyem.select(X, range(1, MOST + 1), "all", random_state=0).rows

    race(f"{name}, {14 * MOST} cells", ours, {"mclust": rival}, rounds=2, group="The grid of all structures")
    (theirs,) = rival.cells
    gains = [row.log_likelihood - theirs[row[:2]] for row in found if row[:2] in theirs and not row.reason]
    benchmark.extra_info |= {
        "not_lower": [sum(gain >= -NEGLIGIBLE * len(X) for gain in gains), len(gains)],
        "worst": min(gains) / len(X),
    }


@needs_mclust
@pytest.mark.long
def test_truth(race, benchmark, tmp_path):
    """How often BIC finds the number of components that the samples were drawn from, here and by mclust."""
    known = dict(list(KNOWN.items())[:: 16 if SMALL else 1])
    problems = [generated(name, q, np.random.default_rng([7, i])) for i, (name, q) in enumerate(known.items())]
    most = min(MOST, 7)
    rival = Mclust(tmp_path, [problem.X for problem in problems], most)
    found = []

    def ours():
        found[:] = [cyem.select(problem.X, range(1, most + 1), "all", random_state=0).best_row for problem in problems]

    race(f"{len(problems)} mixtures, 1 to {most} components", ours, {"mclust": rival}, rounds=1,
         group="The true number of components, by BIC")
    truth = [problem.k for problem in problems]
    benchmark.extra_info |= {
        "found": [sum(row.n_components == k for row, k in zip(found, truth, strict=True)), len(truth)],
        "found_by_mclust": [sum(choice[0] == k for choice, k in zip(rival.choices, truth, strict=True)), len(truth)],
        "choices": [(problem.name, problem.k, *row[:2], *choice)
                    for problem, row, choice in zip(problems, found, rival.choices, strict=True)],
    }
