"""
Find outliers, or live with them
================================

Name them, let them count for less, and decide by a limit that can be explained.
"""

import numpy as np

from cyem import GaussianMixture, StudentMixture, examine

rng = np.random.default_rng(0)
X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)
nowhere = np.column_stack([rng.uniform(0, 8, 12).round(3), rng.uniform(20, 140, 12).round()])
X = np.concatenate([X, nowhere])  # rows 272 to 283

# %%
# Name them
# ---------
#
# ``examine`` names rows that stand alone beyond a gap, no more than four of them together: what is certain without a
# model. Twelve rows all over the place are too many for that.

print(examine(X))

# %%
# Let them count for less
# -----------------------
#
# Components of t distributions have a weight for each row, which falls with its distance. How heavy the tails are,
# their degrees of freedom, is found with everything else: below 10 is heavy, above 50 as good as normal.

robust = StudentMixture(2, degrees_of_freedom="shared", random_state=0).fit(X)
normal = GaussianMixture(2, random_state=0).fit(X)
print("degrees of freedom", robust.degrees_of_freedom_.round(1))
for name, model, matrices in [("t", robust, robust.scales_), ("normal", normal, normal.covariances_)]:
    widths = np.sqrt(np.diagonal(matrices, axis1=1, axis2=2))
    print(f"{name:>6}: centres {model.means_.round(1).tolist()}, widths {widths.round(1).tolist()}")

# %%
# The normal components are wider, one of them more than twice as wide, to make room for twelve rows of 284.
# ``select(X, ..., family="student")`` chooses how many components of t distributions there are.
#
# Say which
# ---------
#
# To the t distributions these rows are not odd: that is how they bear them. Odd they are to the *core*, normal
# clouds of the centres and scales that were found in spite of them. How low a density is too low, the core
# tells by rows of its own:

core = GaussianMixture.from_parameters(robust.weights_, robust.means_, robust.scales_)
density = core.score_samples(X)
limit = np.quantile(core.score_samples(core.sample(100_000, random_state=0)[0]), 0.001)
odd = np.flatnonzero(density < limit)
print("odd rows:", odd.tolist())

# %%
# All twelve, and three more at the rims of the clouds. The limit can be explained: of ordinary rows one in a thousand
# is as odd.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
ax.scatter(*X.T, s=12)
ax.scatter(*X[odd].T, s=90, facecolor="none", edgecolor="crimson")
_ = ax.set(xlabel="eruption (min)", ylabel="wait (min)")

# %%
# Which to choose
# ---------------
#
# - Typing errors: ``examine``, then mend the values, or make gaps of them (:doc:`missing_values`), and write down
#   which.
# - Tails that belong to the data: :class:`~cyem.StudentMixture`, for the fit and for densities.
# - Rows from elsewhere that must not pull: :class:`~cyem.StudentMixture` for the fit, its core for the decision.
# - Skewed columns: transform them (``examine`` names which, and how). Heavy tails are no cure for skew.
