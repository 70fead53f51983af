"""VEE: components alike but for their volumes."""

import numpy as np

from .base import (
    TIES,
    ClosedForm,
    Matrices,
    combined,
    exceeds,
    part,
    precision_factors,
    raise_to_floor,
    sample_covariances,
)
from .variances import THIN, patience, settle


class Proportional(Matrices):
    """Sigma_k = volume_k C, each the best given the other in turn (Celeux & Govaert 1995, model [lambda_k C]).

    The cost is convex along the geodesics of positive-definite matrices, so that there is one minimum. The floor is
    respected as by `variances.proportional`. Any linear map takes such matrices to such matrices.
    """

    def closed_form(self, floor, eps):
        return ClosedForm(TIES["proportional"], floor, part(len(floor), eps))

    def estimate(self, second, masses, shift, floor, eps, current=None):
        S = sample_covariances(second, masses, shift)
        k, d = shift.shape
        share = masses / masses.sum()

        def step(volume, floor):
            C, raised = raise_to_floor(combined(S, share / volume)[None], floor / volume.min(), eps)
            U = precision_factors(C)[0]
            best = S.reshape(k, -1) @ (U @ U.T).ravel() / d
            bound = U.T * floor @ U  # volume_k C exceeds the floor where volume_k exceeds this matrix
            least = np.trace(bound)
            if (best <= least).any():  # the eigenvalue is less, but costs more
                least = np.linalg.eigvalsh(bound)[-1]
            held = (best <= least) | (raised & (volume == volume.min()))
            volume = np.maximum(best, least)
            cost = d * share @ (np.log(volume) + best / volume) - 2 * np.log(np.diagonal(U)).sum()
            return volume, (volume[:, None, None] * C, held), cost

        def sizes(A):
            return np.maximum(np.trace(A, axis1=1, axis2=2), floor.sum()) / d

        (covariances, held), _ = settle(step, sizes(S if current is None else current), THIN * floor, patience(current))
        if exceeds(covariances, np.repeat(floor[None], k, axis=0)).all():
            return covariances, held
        narrowest = np.linalg.eigvalsh(covariances / np.sqrt(np.outer(floor, floor)))[:, 0]
        starts = [covariances / np.clip(narrowest, THIN, 1)[:, None, None], *([] if current is None else [current])]
        found, _ = min((settle(step, sizes(start), floor) for start in starts), key=lambda found: found[1])
        return found
