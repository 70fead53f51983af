"""
Tell what is known: labels, noise, weights
==========================================

Some rows come with a class, with errors of measurement, or count more than once.
"""

import numpy as np

from cyem import GaussianMixture, MixtureClassifier

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)

# %%
# A few labels
# ------------
#
# ``-1`` is "not known". Components are then numbered as the labels are.

labels = np.full(len(X), -1)
labels[:20] = X[:20, 0] > 3  # somebody looked at the first twenty
model = GaussianMixture(2, random_state=0).fit(X, labels=labels)
print(model.means_.round(1).tolist())
print((model.predict(X[:20]) == labels[:20]).all())

# %%
# A matrix says what is *possible*: 0 for a component that a row cannot be of.

possible = np.ones((len(X), 2))
possible[0] = [0, 1]  # certainly not component 0
GaussianMixture(2, random_state=0).fit(X, labels=possible).predict(X[:1])

# %%
# Many labels
# -----------
#
# Where classes are the aim there is :class:`~cyem.MixtureClassifier`: linear and quadratic discriminant analysis, naive
# Bayes, and mixtures for each class; rows without a class help to find them.

long = X[:, 0] > 3
classifier = MixtureClassifier(n_components=[1, 2], covariance_type="all").fit(X[:, 1:], long)
left_out = classifier.cross_validated(X[:, 1:], long, random_state=0)
print(classifier.chosen_, f"wrong in {left_out.error:.1%} of rows left out")

# %%
# Errors of measurement
# ---------------------
#
# ``noise`` has the variance of each value, or a covariance matrix for each row. The mixture is that of the *true*
# values ("extreme deconvolution"), so its clouds are narrower than the data:

rng = np.random.default_rng(0)
blurred = X + rng.normal(0, [0.5, 5.0], X.shape)
noise = np.tile([0.5**2, 5.0**2], (len(X), 1))
for name, fitted in [
    ("exact values          ", GaussianMixture(2, random_state=0).fit(X)),
    ("blurred, and told so  ", GaussianMixture(2, random_state=0).fit(blurred, noise=noise)),
    ("blurred, and not told ", GaussianMixture(2, random_state=0).fit(blurred)),
]:
    long_ones = fitted.means_[:, 0].argmax()
    print(name, "standard deviations", np.sqrt(fitted.covariances_[long_ones].diagonal()).round(2).tolist())

# %%
# Weights
# -------
#
# Weight 2 is the row twice, weight 0 the row gone: in ``fit``, ``score`` and the criteria. Weights that sum to 1 say
# that there is one row in all, which is seldom meant; ``examine`` says so.

times = rng.integers(0, 3, len(X))
weighted = GaussianMixture(2, random_state=0).fit(X, sample_weight=times)
repeated = GaussianMixture(2, random_state=0).fit(np.repeat(X, times, axis=0))
np.abs(np.sort(weighted.means_, axis=0) - np.sort(repeated.means_, axis=0)).max().round(6)
