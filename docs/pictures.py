"""The pictures of the README, in docs/_static/readme: ``python docs/pictures.py`` draws them anew."""

import re
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

from cyem import GaussianMixture, MixtureRegressor, StudentMixture, select
from cyem.plotting import CriterionDisplay, MixtureDisplay, UncertaintyDisplay

HERE = Path(__file__).parent
OUT = HERE / "_static/readme"
RESULTS = HERE.parent / "benchmarks/results/latest.md"


def speed():
    """How many times as long others take for one EM iteration, as the last run of the benchmarks has it."""
    table = RESULTS.read_text().split("### One EM iteration, full covariances, float64")[1].split("###")[0]
    rows = re.findall(r"^\| (\(.*?\)), k=(\d+) \|.*\| ([\d.]+) \| ([\d.]+) \|$", table, re.M)
    names = [f"{size[1:-1]}, {k}" for size, k, *_ in rows]
    figure, ax = panel("times as long as cyem takes", "samples × features, components")
    for offset, column, name, colour in [(-0.2, 2, "scikit-learn", "#0072B2"), (0.2, 3, "oneDAL", "#D55E00")]:
        times = [float(row[column]) for row in rows]
        bars = ax.barh(np.arange(len(rows)) + offset, times, 0.38, label=name, color=colour)
        ax.bar_label(bars, [f"{time:.0f}×" for time in times], padding=3)
    ax.set(yticks=range(len(rows)), yticklabels=names, xscale="log", xlim=(1, 250))
    ax.invert_yaxis()
    ax.legend(frameon=False, loc="lower right")
    return figure


def panel(xlabel="eruption (min)", ylabel="wait (min)"):
    figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    return figure, ax


def odd_rows(X):
    """Rows from nowhere, and those that the core of a mixture of t distributions calls odd."""
    rng = np.random.default_rng(0)
    X = np.concatenate([X, np.column_stack([rng.uniform(0, 8, 12), rng.uniform(20, 140, 12)])])
    robust = StudentMixture(2, degrees_of_freedom="shared", random_state=0).fit(X)
    core = GaussianMixture.from_parameters(robust.weights_, robust.means_, robust.scales_)
    drawn = core.sample(100_000, random_state=0)[0]
    odd = core.score_samples(X) < np.quantile(core.score_samples(drawn), 0.001)
    figure, ax = panel()
    ax.scatter(*X.T, s=10, color="#0072B2")
    ax.scatter(*X[odd].T, s=80, facecolor="none", edgecolor="#D55E00")
    return figure


def prediction(X):
    """What is expected of one feature given another, with nine tenths of what is likely."""
    model = MixtureRegressor(2, random_state=0).fit(X[:, :1], X[:, 1])
    grid = np.linspace(1.4, 5.3, 200).reshape(-1, 1)
    low, high = model.predict_quantiles(grid, [0.05, 0.95]).T
    figure, ax = panel()
    ax.scatter(*X.T, s=10, color="#767676")
    ax.fill_between(grid[:, 0], low, high, alpha=0.25, color="#0072B2", linewidth=0)
    ax.plot(grid[:, 0], model.predict(grid), color="#0072B2")
    return figure


def main():
    OUT.mkdir(exist_ok=True)
    X = np.loadtxt(HERE / "data/faithful.csv", delimiter=",", skiprows=1)
    choice = select(X, range(1, 8), random_state=0)
    figures = {
        "speed": speed(),
        "criterion": CriterionDisplay.from_selection(choice).figure_,
        "mixture": MixtureDisplay.from_estimator(choice.best_, X).figure_,
        "uncertainty": UncertaintyDisplay.from_estimator(choice.best_, X).figure_,
        "odd": odd_rows(X),
        "prediction": prediction(X),
    }
    for name, figure in figures.items():
        figure.savefig(OUT / f"{name}.png", dpi=80, metadata={"Software": None})


if __name__ == "__main__":
    main()
