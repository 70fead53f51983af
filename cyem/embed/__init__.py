"""Scoring without Python: fitted mixtures for other programs, by pointers, as C or as ONNX.

Here belongs what gives a density away: packed for the functions of `kernels/row.pyx`, which `cyem/include/cyem.h`
declares, or written as text: a file for each form, which a method of `Mixture` calls. It knows densities as kernels
take them, and must not know estimators or families.
"""

from .scorer import _C_API, Scorer, addresses

__all__ = ["_C_API", "Scorer", "addresses"]
