"""
Which rows are odd? Penguins, mistyped
======================================

The penguins again (:download:`penguins.csv </data/penguins.csv>`), this time with three slips of the pen, as they
happen: a digit that was misread, two values in each other's place, and the weight of another bird.
*Which rows should somebody look at again?*
"""

import numpy as np
import pandas as pd

penguins = pd.read_csv("../data/penguins.csv")
X = penguins[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]].dropna().reset_index(drop=True)
X.columns = ["bill", "depth", "flipper", "mass"]

X.loc[12, "flipper"] = 128  # 191
X.loc[200, ["bill", "depth"]] = X.loc[200, ["depth", "bill"]].to_numpy()
X.loc[70, "mass"] = 5600  # 3900, and many penguins do weigh 5600 g
X.loc[[12, 70, 200]]

# %%
# Without a model
# ---------------
#
# :func:`~cyem.examine` names rows that stand alone, beyond a gap, in a column or in a combination of columns:

from cyem import examine

print(examine(X))

# %%
# Two of three. The first is no flipper of a penguin, and what it should be nobody knows: it becomes a gap, which a
# mixture can live with. The second is plain: exchange the values.

X.loc[12, "flipper"] = np.nan
X.loc[200, ["bill", "depth"]] = X.loc[200, ["depth", "bill"]].to_numpy()
print(examine(X))

# %%
# Odd among its like
# ------------------
#
# Row 70 is ordinary in each column. Odd it is as a *combination*, and to see that one has to know which combinations
# are usual. That is what a mixture is: its density of a row says how usual the row is. Far rows would drag normal
# clouds towards themselves, or get a component of their own, where nothing is odd any more. Components of t
# distributions let them count for less.

from cyem import select

choice = select(X, range(1, 6), family="student", random_state=0)
model = choice.best_
print(choice.choice)

density = pd.Series(model.score_samples(X), name="log_density")
X.join(density).sort_values("log_density").head(5)

# %%
# How low is too low? Draw rows from the model, and see how low its own rows get:

drawn = pd.DataFrame(model.sample(100_000, random_state=0)[0], columns=X.columns)
limit = np.quantile(model.score_samples(drawn), 0.001)
odd = np.flatnonzero(density < limit)
print(f"one in a thousand of its own rows is below {limit:.1f}; so are rows {odd.tolist()}")

# %%
# Is it odd, or just rare?
# ------------------------
#
# Ask what the mass of such a bird should be, given its other measures:

mass = model.predict_conditional(X.loc[odd, ["bill", "depth", "flipper"]].to_numpy(), features="mass")
for row, expected, spread in zip(odd, mass.mean()[:, 0], mass.std()[:, 0], strict=True):
    print(f"row {row}: {X.mass[row]:.0f} g, where {expected:.0f} ± {spread:.0f} g are expected")

# %%
# Row 70 is nearly six standard deviations too heavy for its measures. Row 291 has the mass that
# it should have: what is rare in it is a bill of 58 mm on a small bird.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
for ax, feature in zip(axes, ["mass", "bill"], strict=True):
    points = ax.scatter(X.flipper, X[feature], c=density, s=12, cmap="viridis")
    ax.scatter(X.flipper[odd], X[feature][odd], s=90, facecolor="none", edgecolor="crimson")
    for row in odd:
        ax.annotate(row, (X.flipper[row], X[feature][row]), xytext=(7, 7), textcoords="offset points")
    ax.set(xlabel="flipper (mm)", ylabel={"mass": "mass (g)", "bill": "bill (mm)"}[feature])
figure.colorbar(points, label="log-density")

# %%
# For a colleague
# ---------------
#
# *Please look up three birds. Row 12 had a flipper of 128 mm, which I took for missing. In row 200 length and depth of
# the bill were exchanged; I exchanged them back. Row 70 is far too heavy for its measures: was another bird on the
# scales? Row 291 has an unusually long bill, but nothing else speaks against it, and I left it in.*
#
# (Row 291 is as it was published.)
#
# How to go on: :doc:`/pages/howto/outliers`, or :doc:`any other task </pages/howto/index>`.
