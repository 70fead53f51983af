"""
Start here
==========
"""
import numpy as np

from cyem import select

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)
print(select(X, range(1, 4), random_state=0))
