"""
Predict some features from others
=================================

A mixture of everything answers questions about anything given anything else, by distributions and not only by means.
"""

import numpy as np

from cyem import GaussianMixture, MixtureRegressor

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)
model = GaussianMixture(3, covariance_type="tied", random_state=0).fit(X)

# %%
# One question
# ------------
#
# *An eruption took 4 minutes. How long until the next?* The answer is a mixture of the other features:

wait = model.condition({0: 4.0})
low, high = wait.quantile([0.05, 0.95])
print(f"{low:.0f} to {high:.0f} minutes, in nine of ten cases; more than 70 in {1 - wait.cdf(70):.0%}")

# %%
# ``marginal`` is the mixture of some features whatever the others are, ``cdf`` and ``quantile`` are of one feature.
#
# Many rows
# ---------

lengths = np.linspace(1.5, 5, 8).reshape(-1, 1)
rows = model.predict_conditional(lengths, features=1)
for length, mean, std in zip(lengths[:, 0], rows.mean()[:, 0], rows.std()[:, 0], strict=True):
    print(f"after {length:.1f} min: {mean:4.1f} ± {std:3.1f}")

# %%
# As an estimator
# ---------------
#
# :class:`~cyem.MixtureRegressor` fits features and targets together and predicts with their spread:

import matplotlib.pyplot as plt

regressor = MixtureRegressor(2, random_state=0).fit(X[:, :1], X[:, 1])
grid = np.linspace(1.4, 5.3, 200).reshape(-1, 1)
low, middle, high = regressor.predict_quantiles(grid, [0.05, 0.5, 0.95]).T

figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
ax.scatter(*X.T, s=8, color="grey")
ax.fill_between(grid[:, 0], low, high, alpha=0.3)
ax.plot(grid[:, 0], regressor.predict(grid))
ax.set(xlabel="eruption (min)", ylabel="wait (min)")
print(f"R² {regressor.score(X[:, :1], X[:, 1]):.3f}")

# %%
# It works in ``Pipeline``, ``GridSearchCV`` and with gaps. For classes there is :class:`~cyem.MixtureClassifier`
# (:doc:`labels_and_noise`).
