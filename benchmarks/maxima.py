"""How often does a default fit end below the best maximum of the likelihood that is known and not spurious?

``python benchmarks/maxima.py`` makes default fits of 60 problems, 29 of real data and 31 drawn from shapes of the
literature, from six seeds each, and counts those that end more than 2 nats lower than `results/maxima.json` says that
can be had; fits by scikit-learn beside them. ``python benchmarks/maxima.py look [NAME]`` looks for better maxima first
(an hour for all): from many starts of every kind, from labels and from what scikit-learn finds, all of which go on to
the end of EM. Stored with each is how many of these starts ended there.

Spurious is called what is at the floor of variance, or has a component on fewer than 2 (d + 1) rows, or on fewer than
4 (d + 1) and with a size, the 2d-th root of the determinant of its covariance matrix, of less than a third of the
others' (McLachlan & Peel 2000, section 3.10).
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from labelled import SETS, Missing, labelled
from problems import QUALITY, ROOT, generated, table

from cyem import GaussianMixture

SEEDS = 6
NATS = 2.0
RESULTS = Path(__file__).parent / "results/maxima.json"
STARTS = {"short_em": 12, "kmeans": 12, "k-means++": 40, "random_from_data": 40, "random": 6}
THEIRS = 12  # fits of scikit-learn
FEW, SCARCE = 2, 4  # times the d + 1 rows that span a volume
SMALL = 1 / 3


def tests_table(name, columns=None):
    return np.loadtxt(ROOT / f"tests/data/{name}.csv", delimiter=",", skiprows=1, ndmin=2)[:, :columns]


def white():
    return np.loadtxt(ROOT.parent / "shared/data/winequality-white.csv", delimiter=",", skiprows=1)[:, :-1]


def sugars():
    """Blood and body of diabetics, six serum measurements."""
    from sklearn.datasets import load_diabetes

    return load_diabetes(scaled=False).data[:, 4:]


def marron_wand(weights, means, deviations, n=600):
    """One column of a mixture from Marron & Wand (1992, Annals of Statistics 20, 712-736)."""
    weights, means, deviations = np.broadcast_arrays(*map(np.asarray, (weights, means, deviations)))
    weights = weights / weights.sum()

    def draw(rng):
        which = rng.choice(len(weights), n, p=weights)
        return (means[which] + deviations[which] * rng.normal(size=n))[:, None]

    return draw


def components(weights, means, covariances, n):
    """Rows from a mixture."""
    weights, means = np.asarray(weights, float), np.asarray(means, float)
    factors = np.linalg.cholesky(np.asarray(covariances, float))

    def draw(rng):
        which = rng.choice(len(weights), n, p=weights / weights.sum())
        return means[which] + np.einsum("nij,nj->ni", factors[which], rng.normal(size=(n, means.shape[1])))

    return draw


def turned(angle, large, small):
    """A covariance matrix (2, 2) with an axis at an angle."""
    c, s = np.cos(angle), np.sin(angle)
    R = np.array([[c, -s], [s, c]])
    return R @ np.diag([large, small]) @ R.T


def cross():
    """Pairs of crossing components, and round ones (Baudry et al. 2010, example 4.1)."""
    flat = [turned(0.3, 1, 0.02), turned(0.3 + np.pi / 2, 1, 0.02)]
    return components([1, 1, 1, 1, 2, 2], [[0, 0], [0, 0], [8, 5], [8, 5], [1, 5], [8, 0]],
                      [*flat, *flat, np.eye(2) * 0.1, np.eye(2) * 0.1], 600)


def wreath():
    """Fourteen flat components around a centre, after the data set of mclust."""
    angles = np.arange(14) * 2 * np.pi / 14
    means = 20 * np.column_stack([np.cos(angles), np.sin(angles)])
    return components(np.ones(14), means, [turned(a, 3.5, 0.4) for a in angles], 1000)


def shells(rng):
    """A small dense cluster inside a wide one."""
    return np.concatenate([rng.normal(size=(100, 3)) * 0.3, rng.normal(size=(400, 3)) * 2])


def far_small(rng):
    """A tight group of 30 beside a thousand."""
    return np.concatenate([rng.normal(size=(1000, 5)), rng.normal(size=(30, 5)) * 0.2 + 12 / np.sqrt(5)])


def noisy(rng):
    """Three clusters and a tenth of rows anywhere."""
    X = np.concatenate([rng.normal(size=(150, 2)) + centre for centre in ([0, 0], [7, 0], [3, 6])])
    return np.concatenate([X, rng.uniform(-6, 14, size=(50, 2))])


def moons(rng):
    """Two half circles."""
    t, second = rng.uniform(0, np.pi, 600), np.arange(600) % 2
    X = np.column_stack([np.where(second, 1 - np.cos(t), np.cos(t)), np.where(second, 0.5 - np.sin(t), np.sin(t))])
    return X + rng.normal(size=X.shape) * 0.1


def ring(rng):
    angles = rng.uniform(0, 2 * np.pi, 500)
    return (3 + 0.3 * rng.normal(size=500))[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])


def lognormal(rng):
    return rng.lognormal(size=(500, 2))


def waves(rng):
    """Waveforms (Breiman, Friedman, Olshen & Stone 1984), eleven of the 21 features."""
    t = np.arange(1, 22)
    bumps = np.array([np.maximum(6 - abs(t - centre), 0) for centre in (7, 15, 11)])
    pairs, share = np.array([(0, 1), (0, 2), (1, 2)])[rng.integers(3, size=600)], rng.random((600, 1))
    return (share * bumps[pairs[:, 0]] + (1 - share) * bumps[pairs[:, 1]] + rng.normal(size=(600, 21)))[:, 5:16]


def few_rows(rng):
    """Three clusters of 40 rows in ten features."""
    return np.concatenate([rng.normal(size=(40, 10)) + centre for centre in rng.normal(size=(3, 10)) * 1.5])


def rounded(rng):
    """Three overlapping clusters to whole numbers."""
    centres = [0, 0, 0], [5, 1, 3], [2, 6, 0]
    return np.rint(np.concatenate([rng.normal(size=(200, 3)) * 2 + centre for centre in centres]))


def one_cloud(rng):
    return rng.normal(size=(300, 3))


# k, and where rows come from: a set of `labelled`, a function, or one of a generator
REAL = {
    **{f"faithful, k={k}": (k, lambda: table("faithful")) for k in (2, 3, 4)},
    **{f"iris, k={k}": (k, lambda: table("iris")) for k in (2, 3, 4)},
    **{f"acidity, k={k}": (k, lambda: tests_table("acidity")) for k in (2, 3)},
    "galaxies, k=3": (3, lambda: tests_table("galaxies")), "rainfall, k=2": (2, lambda: tests_table("precip")),
    **{f"banknotes, k={k}": (k, lambda: tests_table("banknote", 6)) for k in (2, 3)},
    **{f"diabetes, k={k}": (k, lambda: tests_table("diabetes")) for k in (3, 4)},
    **{f"clusters of Leisch, k={k}": (k, lambda: tests_table("nclus")) for k in (4, 5)},
    **{f"red wine, k={k}": (k, lambda: table("winequality-red")) for k in (3, 6)},
    **{f"white wine, k={k}": (k, white) for k in (3, 5)},
    **{f"serum, k={k}": (k, sugars) for k in (2, 3)},
    **{f"{name}, k={k}": (k, lambda name=name: labelled(name)[0]) for name, k in [
        ("wine, 13 columns", 3), ("breast cancer, 10 columns", 2), ("breast cancer, 10 columns", 3),
        ("breast cancer, 30 columns", 2), ("penguins", 3), ("penguins", 4), ("digits, 15 components", 10)]},
}
MADE = {
    "Marron & Wand: claw, k=6": (6, marron_wand([5, 1, 1, 1, 1, 1], [0, -1, -0.5, 0, 0.5, 1], [1, *[0.1] * 5])),
    "Marron & Wand: trimodal, k=3": (3, marron_wand([9, 9, 2], [-1.2, 1.2, 0], [0.6, 0.6, 0.25])),
    "Marron & Wand: skewed bimodal, k=2": (2, marron_wand([3, 1], [0, 1.5], [1, 1 / 3])),
    "Marron & Wand: outlier, k=2": (2, marron_wand([1, 9], [0, 0], [1, 0.1])),
    "Marron & Wand: strongly skewed, k=4": (4, marron_wand(1, [3 * ((2 / 3) ** i - 1) for i in range(8)],
                                                          [(2 / 3) ** i for i in range(8)])),
    "crosses, k=6": (6, cross()), "wreath, k=14": (14, wreath()), "one inside another, k=2": (2, shells),
    "a small group, k=2": (2, far_small), "three and noise, k=4": (4, noisy), "moons, k=6": (6, moons),
    "ring, k=7": (7, ring), "lognormal, k=4": (4, lognormal), "waveforms, k=3": (3, waves),
    "few rows, k=3": (3, few_rows), "rounded, k=3": (3, rounded), "two of one, k=2": (2, one_cloud),
    **{f"{name}": (q.k, lambda rng, name=name, q=q: generated(name, q, rng).X) for name, q in QUALITY.items()
       if name in ("separated, d=5, k=8", "separated on a grid, d=2, k=25", "overlapping, d=2, k=3",
                   "overlapping, d=2, k=8", "overlapping, d=5, k=5", "overlapping, d=8, k=6", "unbalanced, d=2, k=8",
                   "unbalanced, d=5, k=12", "unbalanced, d=15, k=10", "stretched, d=2, k=6", "stretched, d=4, k=10",
                   "stretched, d=20, k=5", "heavy-tailed, d=3, k=10", "all of it, d=6, k=15")},
}
NAMES = [*REAL, *MADE]


def rows(name):
    """X, k of a problem."""
    if name in REAL:
        k, read = REAL[name]
        return np.ascontiguousarray(read()), k
    k, draw = MADE[name]
    return draw(np.random.default_rng([12, list(MADE).index(name)])), k


def spurious(model, X):
    """Why a fit says nothing of the data, or nothing."""
    if any("floor" in line for line in model.fit_report_):
        return "the floor"
    d, w = X.shape[1], model.weights_
    sizes = np.exp(-np.log(np.diagonal(model.precisions_cholesky_, axis1=1, axis2=2)).mean(axis=1))
    others = (w @ sizes - w * sizes) / (1 - w)
    rows = w * len(X)
    poor = (rows < FEW * (d + 1)) | ((rows < SCARCE * (d + 1)) & (sizes < SMALL * others))
    return f"a component on {rows[poor].min():.1f} rows" if poor.any() else ""


def polished(k, X, first):
    """EM from the parameters of a fit to its very end."""
    return GaussianMixture(k, weights_init=first.weights_, means_init=first.means_, precisions_init=first.precisions_,
                           tol=1e-10, max_iter=20_000).fit(X)


def theirs(k, X, seed, **how):
    from sklearn.mixture import GaussianMixture as Theirs

    return Theirs(k, random_state=seed, **how).fit(X)


def many(name, X, k):
    """Fits from many starts."""
    for how, times in STARTS.items():
        for seed in range(times):
            yield GaussianMixture(k, init_params=how, random_state=1000 + seed).fit(X)
    for seed in range(SEEDS):
        yield GaussianMixture(k, random_state=2000 + seed, search="swap").fit(X)
    for seed in range(THEIRS):
        yield theirs(k, X, seed, init_params="k-means++" if seed % 2 else "kmeans")
    known = name.rpartition(",")[0]
    if known in SETS and labelled(known)[1].max() + 1 == k:
        yield GaussianMixture(k, init_params=labelled(known)[1]).fit(X)


def look(name, known):
    """The best that is known, after a look from many starts: its log-likelihood, its smallest component, how often."""
    X, k = rows(name)
    values = []
    for begin in many(name, X, k):
        model = polished(k, X, begin)
        if not spurious(model, X):
            values.append((model.score(X) * len(X), float(model.weights_.min() * len(X))))
    best, fewest = max(values)
    if name in known and known[name]["log_likelihood"] >= best - 1e-3:
        return known[name]
    return {"log_likelihood": round(best, 4), "fewest": round(fewest, 2), "of": len(values),
            "reached": sum(best - value <= 0.1 for value, _ in values)}


def count(name, best):
    """Gaps in nats to the best known, of default fits from each seed, ours and theirs, and what is spurious of ours."""
    X, k = rows(name)
    ours = [GaussianMixture(k, random_state=seed).fit(X) for seed in range(SEEDS)]
    other = [theirs(k, X, seed) for seed in range(SEEDS)]
    gaps = [[float(model.score(X) * len(X) - best) for model in models] for models in (ours, other)]
    return (*gaps, [spurious(model, X) for model in ours])


def main(*arguments):
    warnings.simplefilter("ignore")
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    names = [name for name in NAMES if name in arguments or not arguments[1:]]
    low = total = their_low = 0
    for name in names:
        try:
            if arguments[:1] == ("look",):
                known[name] = look(name, known)
                RESULTS.write_text(json.dumps({each: known[each] for each in NAMES if each in known}, indent=1) + "\n")
            ours, other, why = count(name, known[name]["log_likelihood"])
        except Missing as missing:
            print(f"{name:40} needs {missing}")
            continue
        below = [sum(gap < -NATS for gap in gaps) for gaps in (ours, other)]
        low, their_low, total = low + below[0], their_low + below[1], total + SEEDS
        marks = " ".join(f"{gap:.2f}{'*' if each else ''}" for gap, each in zip(ours, why, strict=True))
        print(f"{name:40} {known[name]['log_likelihood']:12.3f} {below[0]} {below[1]}  {marks}  | "
              + " ".join(f"{gap:.1f}" for gap in other), flush=True)
    print(f"below by more than {NATS:g} nats: {low} of {total} ({low / total:.1%}), scikit-learn {their_low} "
          f"({their_low / total:.1%}); *: spurious")


if __name__ == "__main__":
    main(*sys.argv[1:])
