"""VEE: components alike but for their volumes."""

import numpy as np

from ...kernels.arguments import ClosedForm
from .base import Estimate, Matrices, combined, exceeds, part, precision_factors, raise_to_floor
from .variances import THIN, patience, settle


class Proportional(Matrices):
    """Sigma_k = volume_k C, each the best given the other in turn (Celeux & Govaert 1995, model [lambda_k C]).

    The cost is convex along the geodesics of positive-definite matrices, so that there is one minimum. The floor is
    respected as by `variances.proportional`. Any linear map takes such matrices to such matrices.
    """

    def closed_form(self, floor, eps):
        return ClosedForm(self.moments, "proportional", floor, part(len(floor), eps))

    def maximum(self, S, masses, floor, eps, current):
        k, d = S.shape[:2]
        share = masses / masses.sum()

        def step(volume, floor):
            C, raised, factors = raise_to_floor(combined(S, share / volume)[None], floor / volume.min(), eps)
            U = (precision_factors(C) if factors is None else factors)[0]
            best = S.reshape(k, -1) @ (U @ U.T).ravel() / d
            bound = U.T * floor @ U  # volume_k C exceeds the floor where volume_k exceeds this matrix
            least = np.trace(bound)
            if (best <= least).any():  # the eigenvalue is less, but costs more
                least = np.linalg.eigvalsh(bound)[-1]
            held = (best <= least) | (raised & (volume == volume.min()))
            volume = np.maximum(best, least)
            cost = d * share @ (np.log(volume) + best / volume) - 2 * np.log(np.diagonal(U)).sum()
            if factors is not None:
                factors = factors / np.sqrt(volume)[:, None, None]
            return volume, Estimate(volume[:, None, None] * C, held, factors), cost

        def sizes(A):
            return np.maximum(np.trace(A, axis1=1, axis2=2), floor.sum()) / d

        begin = S if current is None else current
        found, _ = settle(step, sizes(begin), THIN * floor, patience(current))
        if exceeds(found.covariances, np.repeat(floor[None], k, axis=0)).all():
            return found
        narrowest = np.linalg.eigvalsh(found.covariances / np.sqrt(np.outer(floor, floor)))[:, 0]
        starts = [found.covariances / np.clip(narrowest, THIN, 1)[:, None, None]]
        starts += [] if current is None else [current]
        found, _ = min((settle(step, sizes(start), floor) for start in starts), key=lambda found: found[1])
        return found
