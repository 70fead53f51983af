"""
Choose a model
==============
"""
import numpy as np

print(1)
