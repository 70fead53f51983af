"""
Hold what is known
==================

Some parameters are known beforehand, such as the centre of a calibration sample, or must not move, such as groups from
an earlier study. They stay as they are given; the rest is fitted beside them.
"""

import numpy as np

from cyem import GaussianMixture

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)

# %%
# The first mean is known, the second is not:

model = GaussianMixture(
    2, means_init=[[2.0, 54.0], [4.3, 80.0]], held={"means": [0]}, random_state=0
).fit(X)
model.means_.round(2)

# %%
# All means, and only weights and covariances to be found:

model = GaussianMixture(2, means_init=[[2.0, 54.0], [4.3, 80.0]], held="means").fit(X)
model.weights_.round(3), model.means_

# %%
# What is held is not counted among the parameters of BIC. Equal weights are a special case with a switch of its own:

GaussianMixture(2, equal_weights=True, random_state=0).fit(X).weights_

# %%
# A mixture that is known altogether needs no fit. It predicts, scores, samples and conditions:

known = GaussianMixture.from_parameters([0.4, 0.6], [[2.0, 54.0], [4.3, 80.0]], [[0.1, 40.0], [0.2, 36.0]], "diag")
print(known.predict([[2.1, 60.0]]), f"score {known.score(X):.3f}, and of the fit {model.score(X):.3f}")
