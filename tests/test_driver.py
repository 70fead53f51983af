"""The EM driver by itself: with models of one number, whose path can be told in advance."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cyem.em import driver


class Update(NamedTuple):
    parameters: Any
    empty: tuple = ()
    held: tuple = ()
    bold: Any = None


class Model:
    """EM halves the distance x to the maximum, which is 0; the likelihood is -x^2. Tests put others in the place of its
    methods. It is its own family.
    """

    resolution = 1e-15

    def __init__(self, **methods):
        self.swept, self.family = [], self
        vars(self).update(methods)

    def sweep(self, x):
        self.swept.append(float(x[0]))
        return x

    def objective(self, statistics, x):
        return -float(x[0]) ** 2

    def update(self, statistics, x=None):
        return Update(statistics / 2)

    def ascent(self, point, **how):
        return None

    def coordinates(self, x):
        return x

    def at(self, coordinates, like):
        return coordinates

    def held(self, x):
        return ()

    def part(self, x):
        return None

    def coarse(self, x):
        return False

    def finer(self):
        return None

    def admits(self, x):
        return True

    def rounding(self, x):
        return 0.0


def fit(model, start=1.0, *, tol=0.002, max_iter=1000, accelerate=False, **how):
    return driver.fit(model, np.array([start]), tol=tol, max_iter=max_iter, accelerate=accelerate, **how)


def halves(n, start=1.0):
    return [start * 0.5**i for i in range(n)]


def squares(xs):
    return tuple(-(x**2) for x in xs)


# --- the end ---


@pytest.mark.parametrize(("tol", "n"), [(0.002, 6), (0.02, 4), (1e-5, 10)])
def test_it_ends_where_no_more_than_tol_is_left(tol, n):
    """What is left after t steps is 4^-t; the second time that it is within tol is the end."""
    model, told = Model(), []
    found = fit(model, tol=tol, report=lambda *what: told.append(what))
    assert 4.0 ** -(n - 1) <= tol < 4.0 ** -(n - 2)
    assert model.swept == halves(n + 1)
    assert found.bounds == squares(halves(n + 1)[1:])
    assert told == list(enumerate(found.bounds, 1))
    assert (found.parameters, found.value) == (0.5**n, found.bounds[-1])
    assert (found.converged, found.events, found.troubled) == (True, (), False)
    assert found.statistics == found.parameters


def test_it_ends_after_max_iter():
    found = fit(Model(), max_iter=3)
    assert (found.bounds, found.converged) == (squares([0.5, 0.25, 0.125]), False)
    assert fit(Model(), max_iter=0) == driver.Fit(1.0, -1.0, statistics=1.0)


def test_the_slowest_of_the_last_rates_counts():
    rule = driver.Convergence(tol=1e-3, resolution=1e-15)
    gains = [1.0, 0.9, 2e-3, 8e-4, 4e-4, 2e-4]  # the last but one is the first that 0.9 is forgotten for
    assert [rule.reached(gain, -1.0) for gain in gains] == [False] * 5 + [True]
    rule.restart()
    assert not rule.reached(1e-9, -1.0)


def test_after_a_loss_at_the_start_rates_are_learned_anew():
    rule = driver.Convergence(tol=1e-3, resolution=1e-15)
    assert [rule.reached(gain, -1.0) for gain in (-0.5, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13)] == [False] * 5 + [True]


def test_what_rounding_leaves_of_a_gain_is_the_end_but_for_a_loss_at_the_start():
    def rule():
        return driver.Convergence(tol=0, resolution=1e-3)

    assert rule().reached(1e-3, 0.5)
    assert rule().reached(0.0, 0.5)
    assert rule().reached(-1e-3, 0.5)
    assert not rule().reached(-1.1e-3, 0.5)
    assert not rule().reached(1.1e-3, 0.5)
    assert rule().reached(0.01, -10.0)  # relative to the likelihood, where that is larger than one
    later = rule()
    assert not later.reached(1.0, 0.5)
    assert later.reached(-1.0, 0.5)


def test_an_update_is_the_end_where_a_leap_was_better_by_rounding():
    class Path:
        stride, lost, gain = 10, False, 1.0

        def __init__(self, value):
            self.point = driver.Point("end", None, value)

        def go(self, asked):
            return [self.point.value], True

    for loss, where in ((3, "end"), (5, 1.0)):
        model = Model(objective=lambda *_: -10.0)
        model.ascent = lambda point, loss=loss, model=model, **how: Path(-10 - loss * 10 * model.resolution)
        assert fit(model).parameters == where


# --- leaps ---


def test_it_walks_before_it_leaps():
    """The path is a geometric one, of which a leap reaches the limit."""
    model = Model()
    found = fit(model, start=0.05, tol=1e-12, accelerate=True)
    assert model.swept == [*halves(driver.WALK + 1, 0.05), 0.0, 0.0, 0.0]
    assert found.bounds == squares(model.swept[1:])
    assert found.converged


def test_a_leap_that_loses_is_undone():
    model = Model(at=lambda coordinates, like: coordinates + 1)
    found = fit(model, start=0.05, tol=1e-7, accelerate=True)
    plain = fit(Model(), start=0.05, tol=0, max_iter=len(found.bounds))
    assert found.bounds == plain.bounds
    leaps = [i for i, x in enumerate(model.swept) if x == 1.0]
    assert leaps[0] == driver.WALK + 1
    assert len(model.swept) == 1 + len(found.bounds) + len(leaps)


def test_a_leap_that_loses_nothing_is_taken():
    """To the other side of the maximum, as far from it."""
    model = Model(at=lambda coordinates, like: -2 * like)
    fit(model, start=0.05, tol=0, max_iter=driver.WALK + 1, accelerate=True)
    assert model.swept == [*halves(driver.WALK + 1, 0.05), -0.05 * 0.5**driver.WALK]


def test_leaps_that_gain_become_longer():
    """A tenth of the way in a step: the first leap goes as far as it may, the second to the maximum."""
    model = Model(update=lambda s, x: Update(0.9 * s))
    fit(model, start=0.01, tol=0, max_iter=driver.WALK + 3, accelerate=True)
    assert len(model.swept) == driver.WALK + 4
    assert model.swept[-3] > 1e-3
    assert abs(model.swept[-1]) < 1e-15


def test_no_leap_goes_to_the_floor_nor_from_there():
    beyond = Model(at=lambda coordinates, like: coordinates + 7, held=lambda x: (0,) if x[0] > 6 else ())
    assert fit(beyond, start=0.05, tol=1e-7, accelerate=True).converged
    assert max(beyond.swept) == 0.05
    here = Model(update=lambda s, x: Update(s / 2, held=(0,)))
    found = fit(here, accelerate=True)
    assert here.swept == halves(7)
    assert found == fit(Model())


def test_where_a_leap_would_not_go_ahead():
    leap = driver.Leap()
    one = np.ones(1)
    assert leap.ahead(one, one, one) == (None, 0.0)  # nothing moves
    assert leap.ahead(0 * one, one, 2 * one) == (None, 0.0)  # by equal steps
    target, rate = leap.ahead(0 * one, one, 0.5 * one)  # to and fro
    assert target is None
    assert rate == 0.25


def test_the_bound_of_leaps_widens_where_they_meet_it():
    leap, near = driver.Leap(), [np.array([1e-3 * 0.5**t]) for t in range(3)]
    leap.tell(accepted=True)
    assert leap.longest == driver.STRETCH  # none was bounded so far
    leap.ahead(*near)
    leap.tell(accepted=True)
    assert leap.longest == driver.STRETCH
    leap.ahead(*(np.array([1e-3 * 0.9**t]) for t in range(3)))  # asks for 10
    leap.tell(accepted=True)
    leap.tell(accepted=True)
    assert leap.longest == driver.STRETCH**3
    leap.tell(accepted=False)
    assert leap.longest == driver.STRETCH**2
    leap.ahead(*(np.array([1e3 * 0.9**t]) for t in range(3)))  # ends at the distance that is safe, not at the bound
    leap.tell(accepted=True)
    assert leap.longest == driver.STRETCH**2


@pytest.mark.parametrize(("factor", "bolder"), [(0.25, True), (-3.0, False)])
def test_a_bolder_update_counts_where_it_is_better(factor, bolder):
    model = Model(update=lambda s, x: Update(s / 2, bold=factor * s))
    found = fit(model, max_iter=3)
    assert found.parameters == (0.25 if bolder else 0.5) ** 3
    assert len(model.swept) == 1 + 3 * (1 if bolder else 2)


# --- losses ---


def falling(loss, after, **methods):
    """A model of which every step after so many iterations loses likelihood."""
    model = Model(**methods)
    model.objective = lambda statistics, x: -float(x[0]) ** 2 if x[0] >= 0.5**after else -(0.25**after) - loss
    return model


def test_a_step_that_would_lose_is_not_taken():
    found = fit(falling(0.1, after=3), tol=1e-9)
    assert found.bounds == squares(halves(4)[1:])
    assert found.parameters == 0.125
    assert found.events == ("iteration 4: its step would lose 0.1 of mean log-likelihood to rounding, and EM ended "
                            "before it",)
    assert (found.converged, found.troubled) == (False, True)


@pytest.mark.parametrize(("loss", "tol", "rounding", "converged"), [
    (0.1, 0.11, 0.0, True), (0.1, 0.09, 0.0, False), (0.1, 1e-9, 0.11 / driver.LOSS, True),
    (0.1, 1e-9, 0.09 / driver.LOSS, False),
])
def test_a_loss_within_tol_or_rounding_is_the_end(loss, tol, rounding, converged):
    found = fit(falling(loss, after=1, rounding=lambda x: rounding), tol=tol)
    assert found.converged == converged == (not found.events) == (not found.troubled)
    assert found.bounds == (-0.25,) * (1 + converged)
    assert found.parameters == 0.5


def test_a_loss_of_rounding_is_none():
    found = fit(falling(driver.LOSS * Model.resolution * 0.9, after=2), tol=0, max_iter=3)
    assert len(found.bounds) == 3
    assert (found.parameters, found.events) == (0.25, ())


def test_a_start_thinner_than_the_floor_may_lose():
    model = falling(0.5, after=0, admits=lambda x: x[0] < 1)
    found = fit(model, max_iter=2)
    assert found.bounds[0] == -1.5
    assert model.swept[:2] == [1.0, 0.5]
    assert found.parameters[0] <= 0.5


def test_later_nothing_may_lose():
    found = fit(falling(0.5, after=2, admits=lambda x: False))
    assert found.bounds == (-0.25, -0.0625)
    assert found.events[0].startswith("iteration 3: its step would lose")


def test_finer_sums_go_on_where_coarse_ones_end():
    """Which know the likelihood better: the values before are no better than theirs."""
    finer = Model(objective=lambda statistics, x: -float(x[0]) ** 2 - 0.5)
    coarse = Model(finer=lambda: finer, coarse=lambda x: x[0] < 0.2,
                   update=lambda s, x: Update(s / 2, held=(0,) if s[0] < 0.4 else ()))
    found = fit(coarse)
    assert coarse.swept == [1.0, 0.5, 0.25]
    assert finer.swept[0] == 0.25
    assert found.bounds[:3] == (-0.5625, -0.5625, -0.5 - 0.125**2)
    assert (found.converged, found.events, found.troubled) == (True, (), False)
    losing = falling(0.1, after=2, finer=lambda: finer)
    assert fit(losing, tol=1e-9).events == ()


# --- accidents ---


def emptied(at, reseed=lambda x, empty: x + len(empty)):
    """A model whose components lose their weight in some iterations: {iteration: which}."""
    count = [0]

    def update(s, x):
        count[0] += 1
        return Update(s / 2, empty=at.get(count[0], ()))

    return Model(update=update, reseed=reseed)


@pytest.mark.parametrize(("at", "told"), [
    ({1: (1, 2)}, ["iteration 1: components without weight were seeded anew: 1, 2"]),
    ({1: (1, 2), 2: (0,)}, ["iteration 1: components without weight were seeded anew: 1, 2"]),
    ({1: (1,)}, ["iteration 1: components without weight were seeded anew: 1"]),
    ({2: (0,)}, []),  # none was empty after the first update: what EM empties is not wanted
    ({1: (1, 2), 3: (0,)}, ["iteration 1: components without weight were seeded anew: 1, 2"]),
])
def test_empty_components_are_seeded_as_often_as_the_start_left_some(at, told):
    found = fit(emptied(at))
    assert list(found.events) == told
    assert found.troubled == bool(told)
    assert found.converged


def test_seeds_may_lose_likelihood_and_the_best_is_kept():
    model = emptied({1: (0, 1)})
    found = fit(model, start=0.25, tol=1e-4, max_iter=3)
    assert model.swept == [0.25, 2.125, 1.0625, 0.53125]
    assert found.bounds == squares(model.swept[1:])
    assert (found.parameters, found.value) == (0.25, -0.0625)


def test_no_leap_spans_an_update_that_left_components_empty():
    model = emptied({driver.WALK + 1: (0,)})
    fit(model, start=0.05, tol=0, max_iter=driver.WALK + 3, accelerate=True)
    assert model.swept == [*halves(driver.WALK + 3, 0.05), 0.0]


def test_components_that_coincide_are_parted_twice():
    model = Model(part=lambda x: np.array([1.0]))
    found = fit(model)
    told = [f"iteration {n}: components that coincided were moved apart" for n in (6, 12)]
    assert list(found.events) == told
    assert found.bounds == squares(halves(7)[1:]) * 3
    assert (found.converged, found.troubled) == (True, False)


def test_components_are_parted_also_where_a_loss_is_the_end():
    found = fit(falling(0.1, after=1, part=lambda x: np.array([1.0])), tol=0.11)
    assert len(found.events) == driver.PARTINGS
    assert found.bounds == (-0.25, -0.25) * 3


def test_they_are_looked_for_now_and_then_while_em_crawls():
    looks = []

    def part(x):
        looks.append(round(np.log(x[0]) / np.log(0.999)))

    model = Model(update=lambda s, x: Update(0.999 * s), part=part)
    fit(model, tol=0.01, max_iter=35)  # what each step gains is less, what is left is more
    assert looks == [driver.LOOK * i for i in (1, 2, 3)]
    looks.clear()
    fit(model, tol=1e-5, max_iter=35)
    assert looks == []


def test_what_is_held_at_the_floor_is_told():
    found = fit(Model(held=lambda x: (0, 2)))
    assert found.events == ("held at the floor of variance: components 0, 2",)
    assert found.converged
    assert found.troubled


@pytest.mark.parametrize("passes", [3, 4])
def test_an_interrupt_leaves_the_best(passes):
    model = Model()

    def sweep(x):
        if len(model.swept) == passes:
            raise KeyboardInterrupt
        return Model.sweep(model, x)

    model.sweep = sweep
    with pytest.raises(driver.Interrupted) as caught:
        fit(model)
    assert caught.value.model is model
    assert caught.value.fit.bounds == squares(halves(passes)[1:])
    assert caught.value.fit.parameters == 0.5 ** (passes - 1)
    assert not caught.value.fit.converged


# --- many iterations in one call ---


class Calls:
    """An ascent that does some iterations in each call, as many as it is asked for or fewer, and notes how many."""

    lost, gain = False, 1.0

    def __init__(self, point, stride, most):
        self.point, self.stride, self.most, self.asked = point, stride, most, []

    def go(self, asked):
        self.asked.append(asked)
        values = []
        for _ in range(min(asked, self.most)):
            self.point = driver.look(Model(), self.point.parameters / 2)
            values.append(self.point.value)
        return values, False


@pytest.mark.parametrize(("report", "asked"), [(None, [3, 3, 2]), (lambda *_: None, [1] * 8)])
def test_iterations_are_asked_for_together_unless_each_is_reported(report, asked):
    made = []
    model = Model(ascent=lambda point, **how: made.append((Calls(point, 3, 3), how)) or made[-1][0])
    found = fit(model, max_iter=8, report=report, accelerate=True)
    assert found.bounds == squares(halves(9)[1:])
    [(calls, how)] = made
    assert calls.asked == asked
    assert how == {"done": 0, "tol": 0.002, "walk": driver.WALK}


def test_one_by_one_where_a_call_ends_early():
    model = Model(ascent=lambda point, **how: Calls(point, 5, 2))
    found = fit(model, tol=1e-4)
    assert model.swept == [1.0, *halves(len(found.bounds) - 2, 0.125)]
    assert found.bounds == squares(halves(len(found.bounds) + 1)[1:])
    assert found.converged


def test_short_runs():
    """Compiled where that can be, and else the same number of iterations one by one."""
    asked = []

    def climb(starts, iterations, tol):
        asked.append((len(starts), iterations, tol))
        return [(-0.5, "there", (-0.7, -0.6, -0.5)), None]

    model = Model(climb=climb)
    first, second = driver.short_runs(model, [np.array([1.0])] * 2, tol=1e-9, iterations=3)
    assert asked == [(2, 4, 1e-9)]
    assert first == driver.Run(-0.5, "there", (-0.7, -0.6, -0.5))
    assert (second.value, second.statistics) == (-(0.5**8), 0.5**4)  # the update of the start, and three iterations


def test_values_are_told_relative_to_one_at_least():
    assert_allclose([driver.scale(value) for value in (-3.0, 3.0, 0.5, 0.0)], [3.0, 3.0, 1.0, 1.0], rtol=0)
