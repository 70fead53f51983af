"""
Are the groups real? A clinic
=============================

Any mixture with more than one component will give you clusters, whether or not there are groups. 442 patients with
diabetes had body mass index, blood pressure and six blood values taken; a report is to say which *types of patients*
there are. The data come with scikit-learn.
"""

from sklearn.datasets import load_diabetes

from cyem import examine, select

patients = load_diabetes(as_frame=True, scaled=False).data
print(examine(patients))

# %%
# The code for sex is a category: a mixture would find its two values, and nothing else. Age is not what they ask for.

X = patients.drop(columns=["sex", "age"])
choice = select(X, range(1, 6), random_state=0)
print(choice.choice)

# %%
# Three types of patients?
#
# Ask for the verdict
# -------------------

print(choice.verdict)

# %%
# It was about to go wrong. The components are no groups: there is no valley between them. Several of them were needed
# because blood values are skewed, and a skewed cloud is not a normal one.

from cyem.plotting import MixtureDisplay

MixtureDisplay.from_estimator(choice.best_, X, features=["bmi", "s3", "s4"])

# %%
# Do as it says
# -------------
#
# One cloud it remains, now without a valley at all:

import numpy as np

X = X.assign(bmi=np.log(X.bmi), s3=np.log(X.s3), s4=np.log(X.s4))
again = select(X, range(1, 6), random_state=0)
print(again.choice)
print(again.verdict)

# %%
# How many components, exactly?
# -----------------------------
#
# Where a single number is wanted, the likelihood-ratio test of *k* components against *k + 1* has one. Its
# distribution is found by simulation, as no table holds for mixtures.

from cyem import likelihood_ratio_test

print(likelihood_ratio_test(X, again.best_.n_components, n_bootstrap=99, random_state=0))

# %%
# A fifth component would describe the patients better still, and so it goes on: no number of normal clouds is exactly
# the truth of skewed values. The test is about *components*, and so about shapes; whether there are *types* is what
# the verdict answers.
#
# And where groups are real?
# --------------------------
#
# The same questions about iris flowers, of which one species stands apart from the other two, and those overlap:

from sklearn.datasets import load_iris

print(select(load_iris().data, range(1, 6), covariance_types="all", random_state=0).verdict)

# %%
# Two groups, not three: by these four lengths alone, two of the three species are one cloud. A method that gives three
# here was told to.
#
# For a colleague
# ---------------
#
# *The values do not fall into types of patients. They vary from patient to patient without a gap; what looks like
# clusters comes from skewed blood values. I would report the values as they are, or relate them to the outcome
# directly, and not sort people into classes that are not there.*
#
# How often the verdict errs is counted in :class:`its docstring <cyem.selection.verdict.Verdict>`.
#
# Next: :doc:`which_rows_are_odd`.
