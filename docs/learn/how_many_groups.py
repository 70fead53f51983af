"""
How many groups? Penguins
=========================

A biologist measured 344 penguins on three islands: bill, flipper, weight. *How many species are that, if nobody tells?*

(:download:`penguins.csv </data/penguins.csv>`; Gorman, Williams & Fraser 2014. The species are in the file. We look at
them at the end only.)
"""

import pandas as pd

penguins = pd.read_csv("../data/penguins.csv")
measures = penguins[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]]
measures.describe().round(1)

# %%
# Look before
# -----------

from cyem import examine

print(examine(measures))

# %%
# Two penguins were not measured at all. Fits take what was observed, so nothing has to be dropped in general; these two
# rows say nothing, and we leave them out, so that the tools below that ask for complete rows have them.
#
# Choose
# ------
#
# Units do not matter: nothing has to be standardised. ``"all"`` tries the 14 covariance structures instead of four.

from cyem import select

X = measures.dropna()
choice = select(X, range(1, 7), covariance_types="all", random_state=0)
print(choice.choice)
print(choice.verdict)

# %%
# Four components, three groups. Which structure won says something too: ``VEE`` means that the components
# differ in volume, and share shape and orientation.

from cyem.plotting import MixtureDisplay

model = choice.best_
MixtureDisplay.from_estimator(model, X, features=["bill_length_mm", "bill_depth_mm", "flipper_length_mm"])

# %%
# What are the groups like?
# -------------------------

group = choice.verdict.group_of[model.predict(X)]
X.groupby(group).mean().round(1).assign(rows=pd.Series(group).value_counts())

# %%
# Do they come back?
# ------------------
#
# The verdict's next step: fit again to penguins drawn anew, and see whether the same components come out.

from cyem import stability

print(stability(model, X, n_bootstrap=50, random_state=0))

# %%
# One component dissolves in a fifth of the refits, and should not be interpreted by itself: two of them divide one
# group between them, and how they do it changes with the sample. How :func:`~cyem.merge` sees the hierarchy:

from cyem import merge

print(merge(model, X))

# %%
# Now look at the species
# -----------------------

pd.crosstab(penguins.species[X.index], pd.Series(group, X.index, name="group"))

# %%
# The three groups are the species, but for a few birds. And the component that was one too many? It divides the
# largest species by sex:

gentoo = penguins.loc[X.index][penguins.species[X.index] == "Gentoo"]
pd.crosstab(gentoo.sex, pd.Series(model.predict(X), X.index, name="component")[gentoo.index])

# %%
# For a colleague
# ---------------
#
# *By four measures alone the penguins fall into three groups, of 154, 123 and 65 birds, with hardly any in between. The
# heaviest group is not one normal cloud but two that overlap: a lighter and a heavier half, which are no groups by
# themselves.* Whether groups are species the data cannot say; here somebody knew, and they are.
#
# Next: :doc:`are_they_real`.
