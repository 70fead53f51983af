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
# Give them a place of their own
# ------------------------------
#
# ``background=True`` adds noise of one density over the whole box of the data (Banfield & Raftery 1993): rows that are
# of no component go there, and draw none towards them. ``predict`` says -1 for these.

model = GaussianMixture(2, background=True, random_state=0).fit(X)
print(f"share of the background {model.background_weight_:.3f}")
print("of no component:", np.flatnonzero(model.predict(X) == -1).tolist())
print("widths", np.sqrt(np.diagonal(model.covariances_, axis1=1, axis2=2)).round(1).tolist())

# %%
# Say which, by a limit that can be explained
# -------------------------------------------
#
# ``outlyingness`` is the probability that a row of the components has a density as low as this one: of ordinary rows
# one in a thousand is below 0.001. ``outliers`` compares it with a level.

odd = np.flatnonzero(model.outliers(X, level=0.001))
for row in odd:
    print(row, X[row].tolist(), f"{model.outlyingness(X[row : row + 1])[0]:.1e}")

# %%
# All twelve, and no other. The same on the command line: ``cyem fit FILE --background -o MODEL``, then
# ``cyem outliers MODEL FILE``.

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
# - Rows from elsewhere that must not pull: ``background=True``, and ``outliers`` to say which.
# - Skewed columns: transform them (``examine`` names which, and how). Heavy tails are no cure for skew.
