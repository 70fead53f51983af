"""What is chosen on real labelled data, and is it right?

``python benchmarks/selected.py`` writes `results/selected.md`, which `ci/bench` puts at the end of `latest.md`.

For each set that is on this machine: the number of components and the structure that `cyem.select` chooses among all 14
and 1 to 9 components by BIC, the adjusted Rand index of its clusters and labels, seconds, and the verdict; beside
scikit-learn's best BIC over its four structures and R's mclust. Then, at the true number of groups, a default fit of
ten seeds against one of scikit-learn: mean and least index, and the log-likelihood of rows that were left out (5 folds,
3 seeds), in nats for a row.
"""

import csv
import itertools
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from labelled import SETS, Missing, labelled
from test_select import has_mclust

import cyem

MOST = 9
SEEDS, FOLDS, TURNS = 10, 5, 3
RESULTS = Path(__file__).parent / "results/selected.md"
PROGRAM = """
suppressMessages(library(mclust))
arguments <- commandArgs(TRUE)
x <- as.matrix(read.csv(arguments[1], header = FALSE))
seconds <- system.time(found <- Mclust(x, G = 1:9, verbose = FALSE))[["elapsed"]]
cat(seconds, found$G, found$modelName, found$classification, sep = ",")
"""


def index(labels, found):
    from sklearn.metrics import adjusted_rand_score

    return adjusted_rand_score(labels, found)


def theirs(k, X, seed=0, **how):
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(k, random_state=seed, **how).fit(X)


def chosen_by_sklearn(X):
    """Number, structure, labels, seconds: the least BIC over the four structures."""
    begin = time.perf_counter()
    names = "full", "tied", "diag", "spherical"
    fits = [theirs(k, X, covariance_type=name) for k, name in itertools.product(range(1, MOST + 1), names)]
    best = min(fits, key=lambda model: model.bic(X))
    return best.n_components, best.covariance_type, best.predict(X), time.perf_counter() - begin


def chosen_by_mclust(X, folder):
    file = folder / "x.csv"
    np.savetxt(file, X, delimiter=",", fmt="%.17g")
    done = subprocess.run(["Rscript", "-e", PROGRAM, str(file)], capture_output=True, text=True, check=True)
    (row,) = csv.reader([done.stdout])
    return int(row[1]), row[2], np.array(row[3:], int), float(row[0])


def chosen(X):
    """Number, structure, labels, seconds, kind of verdict and its groups."""
    begin = time.perf_counter()
    choice = cyem.select(X, range(1, MOST + 1), "all", random_state=0)
    seconds, row, verdict = time.perf_counter() - begin, choice.best_row, choice.verdict
    return row.n_components, row.covariance_type, choice.best_.predict(X), seconds, verdict.headline


def left_out(X, k):
    """The mean over folds and seeds of what rows score that were left out, ours less theirs."""
    gains = []
    for seed in range(TURNS):
        fold = np.random.default_rng(seed).permutation(len(X)) % FOLDS
        for i in range(FOLDS):
            old, new = X[fold != i], X[fold == i]
            ours = cyem.GaussianMixture(k, random_state=seed).fit(old)
            gains.append(ours.score(new) - theirs(k, old, seed).score(new))
    return float(np.mean(gains))


def row_of(cells):
    return f"| {' | '.join(map(str, cells))} |"


def main(folder, *names):
    warnings.simplefilter("ignore")
    mclust = has_mclust()
    tables = [["| | cyem | index | time | verdict | scikit-learn | index | time | mclust | index | time |",
               "| --- | --- | ---: | ---: | --- | --- | ---: | ---: | --- | ---: | ---: |"],
              ["| | k | mean, least of ten seeds | scikit-learn | rows left out, nats for each above |",
               "| --- | ---: | ---: | ---: | ---: |"]]
    for name in names or SETS:
        try:
            X, labels = labelled(name)
        except Missing as missing:
            print(f"{name}: needs {missing}")
            continue
        k = int(labels.max()) + 1
        mine, others = chosen(X), [chosen_by_sklearn(X)]
        if mclust:
            others.append(chosen_by_mclust(X, folder))
        cells = [f"{name}, {k}", f"{mine[0]} {mine[1]}", f"{index(labels, mine[2]):.3f}", f"{mine[3]:.2f} s", mine[4]]
        for number, structure, found, seconds in others:
            cells += [f"{number} {structure}", f"{index(labels, found):.3f}", f"{seconds:.2f} s"]
        tables[0].append(row_of(cells))
        fits = [[index(labels, fit(seed).predict(X)) for seed in range(SEEDS)] for fit in (
            lambda seed, X=X, k=k: cyem.GaussianMixture(k, random_state=seed).fit(X),
            lambda seed, X=X, k=k: theirs(k, X, seed))]
        told = [f"{np.mean(each):.3f}, {min(each):.3f}" for each in fits]
        tables[1].append(row_of([name, k, *told, f"{left_out(X, k):+.3f}"]))
        print(tables[0][-1], tables[1][-1], sep="\n", flush=True)
    if not names:
        head = "Made by `python benchmarks/selected.py`, which says what is measured.\n"
        RESULTS.write_text("\n".join(["### Real data with labels", "", head, *tables[0], "", *tables[1], ""]))


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as made:
        main(Path(made), *sys.argv[1:])
