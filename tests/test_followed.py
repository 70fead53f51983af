"""A fit, followed from file to file: can it be read without going to and fro?

"Followed as data, `fit` returns to no file it has left more than twice" means here: what is followed are the calls of
functions of cyem that Python makes, from that of `fit` on. A file is entered by a call from another one, and left when
that call returns; while it waits for what it has asked others, it is not left, for it is there that the fit goes on.
From each file that a fit is in, it asks others in some order. Of these none may come back more than twice once others
were asked in between: file A that asks B, C, B, D, B has returned to B twice, and with C, B once more it is too often.

Loops are gone round once: calls from one line of one call are one, however often it is run. Without that no iterative
algorithm would have a bound, for EM is nothing but going to and fro between rows (the sweep) and a family (the update).
For the same reason the rule is about each stay in a file and not about a whole fit, in which a file of formulas or of
passes is entered by all that stand on it, such as starts, judges of starts and the climb.

Three kinds of fits are beyond (MORE has by how much). Where values are missing or have errors, there is a fit in the
fit: of one component, which fills in for starts what was not observed. Beside a background the start is looked for in
three ways, two of them among the densest samples, which is the same search from other lines.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import cyem
from cyem import GaussianMixture, StudentMixture

FOLDER = f"{Path(cyem.__file__).parent}/"
TRANSPARENT = "lazy.py"  # what `cached_property` calls belongs to who has asked, and to whom
RETURNS = 2
MORE = {"gaps": 5, "labels, noise": 5, "background": 5}


class Stay:
    """What a file asks others from a call that enters it to the end of that call."""

    def __init__(self, file):
        self.file, self.asked = file, []

    def ask(self, other):
        if self.asked[-1:] != [other]:
            self.asked.append(other)

    def returns(self):
        """The files that are asked again after others were, and how often."""
        return {file: times - 1 for file, times in Counter(self.asked).items() if times > 1}


class Call:
    """A call, and those that it makes, each from its place in the code."""

    def __init__(self, stays):
        self.stays, self.calls = stays, {}  # the files that it is in: {file: Stay}, itself as the last


def followed(function):
    """All stays of what a function does, in order."""
    root = Call({"": Stay("")})
    stack, stays = [root], []

    def watch(frame, event, _):
        code = frame.f_code
        if not code.co_filename.startswith(FOLDER) or code.co_filename.endswith(TRANSPARENT):
            return
        if event == "return":
            stack.pop()
        elif event == "call":
            above, file, line = stack[-1], code.co_filename[len(FOLDER):], frame.f_back.f_lineno
            call = above.calls.get((line, code))
            if call is None:
                inside = dict(above.stays)
                stay = inside.pop(file, None)
                if stay is None:
                    stay = Stay(file)
                    stays.append(stay)
                    next(reversed(above.stays.values())).ask(file)
                call = above.calls[line, code] = Call({**inside, file: stay})
            stack.append(call)

    sys.setprofile(watch)
    try:
        function()
    finally:
        sys.setprofile(None)
    assert stack == [root]
    return stays


def rows(n=150, d=4):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)) + 4 * rng.integers(3, size=(n, 1))


def told(stays, most=RETURNS):
    """Where a file is returned to more often than it may be."""
    return sorted({f"{stay.file} returns to {file} {times} times: {' '.join(stay.asked)}"
                   for stay in stays for file, times in stay.returns().items() if times > most})


GAPS = np.where(np.random.default_rng(1).random((150, 4)) < 0.1, np.nan, rows())
START = dict(weights_init=[0.5, 0.5], means_init=[[0] * 4, [4] * 4], precisions_init=np.array([np.eye(4)] * 2))
FITS = {
    "default": lambda: GaussianMixture(3, random_state=0).fit(rows()),
    "one of the 14": lambda: GaussianMixture(3, covariance_type="VEV", random_state=0).fit(rows()),
    "weights, float32": lambda: GaussianMixture(3, random_state=0).fit(rows().astype("f4"), sample_weight=np.ones(150)),
    "k-means, several": lambda: GaussianMixture(3, init_params="kmeans", n_init=3, random_state=0).fit(rows()),
    "given start": lambda: GaussianMixture(2, **START).fit(rows()),
    "search": lambda: GaussianMixture(3, search="swap", random_state=0).fit(rows()),
    "gaps": lambda: GaussianMixture(2, random_state=0).fit(GAPS),
    "labels, noise": lambda: GaussianMixture(2, random_state=0).fit(rows(), labels=[0, 1] + [-1] * 148,
                                                                    noise=np.ones((150, 4))),
    "held": lambda: GaussianMixture(2, held="means", random_state=0, **START).fit(rows()),
    "prior": lambda: GaussianMixture(2, prior="weak", random_state=0).fit(rows()),
    "background": lambda: GaussianMixture(2, background=True, random_state=0).fit(rows()),
    "student": lambda: StudentMixture(2, random_state=0).fit(rows()),
}


@pytest.mark.filterwarnings("ignore::cyem.ConvergenceWarning")
@pytest.mark.parametrize("name", FITS)
def test_a_fit_does_not_go_to_and_fro(name):
    stays = followed(FITS[name])
    assert len({stay.file for stay in stays}) > 10
    assert told(stays, MORE.get(name, RETURNS)) == []


def test_one_return_too_many_is_found():
    stay = Stay("a.py")
    for other in ["b.py", "c.py", "b.py", "b.py", "d.py", "b.py"]:
        stay.ask(other)
    assert stay.returns() == {"b.py": 2} and told([stay]) == []
    for other in ["c.py", "b.py"]:
        stay.ask(other)
    assert told([stay]) == ["a.py returns to b.py 3 times: b.py c.py b.py d.py b.py c.py b.py"]
