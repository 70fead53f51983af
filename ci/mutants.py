"""Do tests notice when a line is wrong? Changes one place of the code at a time, and asks that a test fails.

``python ci/mutants.py --each 100 --seed 0 --page tests/mutants.md``; exit status 1 below 85 %. `GROUPS` says whose
functions are changed, and which tests are asked; of all places where something can be changed, so many of each
group are drawn.

Each test is run once by itself, which shows the lines that it runs and the seconds that it takes. Then, for each
change, a forked child gives the function in memory its changed code, and runs the tests that run the line, the quickest
first, until one fails: nothing is imported anew, no file is touched. What is run at import only is not changed.

What stands in the page below its last heading was written by hand, and is kept: why what survives may do so.
"""

import argparse
import ast
import copy
import datetime
import gc
import importlib
import inspect
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"  # before cyem is there: children are forked
import pytest

GROUPS = {
    "updates": (
        ["cyem.families.covariance." + name for name in (
            "base", "common_axes", "diagonal", "full", "own_axes", "proportional", "spherical", "tied", "variances")],
        ["covariance", "structures", "floor", "held",
         *(f"kernels::test_{name}" for name in ("m_step", "m_step_at_the_floor", "coordinates"))],
    ),
    "driver": (
        ["cyem.em.driver", "cyem.em.compiled", "cyem.em.problem"],
        ["driver", "problem", "acceleration::test_iterations_together_are_those_one_by_one"],
    ),
    "criteria": (["cyem.selection.criteria"], ["criteria"]),
}
SLOW = "what_stands_at_the_floor", "costs_no_more_than_it_must", "the_m_step_is_the_best", "likelihood_never_falls"
ENOUGH = 0.85
BUDGET = 15.0  # seconds of the processor that the tests of one change take together, as measured without it
LEARNING = 3600  # seconds that all tests may take, once
PATIENCE = 60.0  # and how much longer they may take, beside ten times as long: a change may loop for ever
WHY = "## Why they may\n"

SWAPS = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,), ast.Mod: (ast.FloorDiv,), ast.Pow: (ast.Mult,), ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,), ast.And: (ast.Or,), ast.Or: (ast.And,), ast.Break: (ast.Continue,),
    ast.Continue: (ast.Break,),
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum",
         "argmin": "argmax", "argmax": "argmin"}


def changed(node, **fields):
    """A copy of a node with other fields."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def variants(node):
    """What may stand in the place of a node."""
    match node:
        case ast.Compare(ops=[op]):
            yield from (changed(node, ops=[other()]) for other in SWAPS[type(op)])
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign():
            yield from (changed(node, op=other()) for other in SWAPS.get(type(node.op), ()))
        case ast.UnaryOp():
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield changed(node, value=not value)
        case ast.Constant(value=int(value)):
            yield changed(node, value=value + 1)
        case ast.Constant(value=float(value)):
            yield changed(node, value=2 * value or 1.0)
        case ast.Name(id=name) if name in NAMES:
            yield changed(node, id=NAMES[name])
        case ast.Attribute(attr=name) if name in NAMES:
            yield changed(node, attr=NAMES[name])
        case ast.Break() | ast.Continue():
            yield ast.copy_location(SWAPS[type(node)][0](), node)
    match node:
        case ast.If() | ast.IfExp() | ast.While():
            yield changed(node, test=ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test))
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield changed(node, value=None)
        case ast.AugAssign() | ast.Expr(value=ast.Call()):
            yield ast.copy_location(ast.Pass(), node)


def places(node):
    """(owner, field, index or None, node) of all that is run when a function is: no words, types, errors, defaults."""
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not isinstance(child, (ast.arguments, ast.Raise, ast.JoinedStr)) and \
                    field not in ("decorator_list", "returns", "annotation"):
                yield node, field, index, child
                yield from places(child)


def functions(tree):
    """The functions of a module and the methods of its classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node)


def codes(code):
    """{(name, first line): code} of the functions and methods in the code of a module."""
    found = {}
    for inner in (each for each in code.co_consts if isinstance(each, CodeType)):
        if inner.co_flags & inspect.CO_NEWLOCALS:  # a function, not the body of a class
            found[inner.co_qualname, inner.co_firstlineno] = inner
        else:
            found |= codes(inner)
    return found


def said(node):
    """A node in one line: of statements the head."""
    text = ast.unparse(node).partition("\n")[0]
    return text if len(text) <= 90 else text[:88] + " ..."


def mutants(module):
    """A Mutant for each change that there is."""
    path = module.__file__
    tree = ast.parse(Path(path).read_text())
    for function in functions(tree):
        first = min([function, *function.decorator_list], key=lambda node: node.lineno).lineno
        for owner, field, index, node in places(function):
            for new in variants(node):
                whole = owner if isinstance(owner, ast.expr | ast.keyword) else None
                was = said(whole or node)
                put(owner, field, index, new)
                changed, now = codes(compile(tree, path, "exec")), said(whole or new)
                put(owner, field, index, node)
                [(name, code)] = [(name, code) for (name, line), code in changed.items()
                                  if line == first and name.split(".")[-1] == function.name]
                yield Mutant(path, node.lineno, name, was, now, code)


def put(owner, field, index, node):
    """Have a node in its place, in the field of its owner or in a list there."""
    if index is None:
        setattr(owner, field, node)
    else:
        getattr(owner, field)[index] = node


class Mutant(NamedTuple):
    """A function with a change."""

    path: str
    line: int
    name: str  # of the function
    was: str
    now: str
    code: CodeType

    def install(self):
        """Have the function run the changed code; False where it cannot, as it has no such variable around it."""
        for each in gc.get_objects():
            if isinstance(each, FunctionType) and (each.__code__.co_filename, each.__code__.co_qualname,
                                                   each.__code__.co_firstlineno) == (
                                                       self.path, self.name, self.code.co_firstlineno):
                if len(self.code.co_freevars) != len(each.__code__.co_freevars):
                    return False
                each.__code__ = self.code
        return True


def in_a_child(call, seconds):
    """What a function returns in a child; None where it takes longer, or the child dies."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            with open(into, "wb") as file:
                file.write(pickle.dumps(call()))
        finally:
            os._exit(0)
    os.close(into)
    timer = threading.Timer(seconds, os.kill, (child, signal.SIGKILL))
    timer.start()
    with open(out, "rb") as file:
        answer = file.read()
    timer.cancel()
    os.waitpid(child, 0)
    return pickle.loads(answer) if answer else None


class Session:
    """A plugin of pytest, which in the place of running tests does what this program is for."""

    def __init__(self, groups, each, seed):
        self.groups, self.each, self.seed = groups, each, seed
        self.found = {}  # {group: (how many changes there are, [(Mutant, outcome)])}

    def learn(self, session, files):
        """{file: {line: numbers of the tests that run it}}, {number of a test: seconds}, of those that pass."""
        lines, seconds = {file: {} for file in files}, {}

        def enter(frame, *_):
            return step if frame.f_code.co_filename in lines else None

        def step(frame, event, _):
            if event == "line":
                lines[frame.f_code.co_filename].setdefault(frame.f_lineno, set()).add(number)
            return step

        for number in range(len(session.items)):
            start = time.process_time()  # which others on the machine do not change
            threading.settrace(enter)
            sys.settrace(enter)
            passed = self.passes(session, [number])
            sys.settrace(None)
            threading.settrace(None)
            if passed:
                seconds[number] = time.process_time() - start
            session.testsfailed = 0
        return lines, seconds

    def passes(self, session, numbers):
        """Whether all of these tests pass."""
        for number in numbers:
            item = session.items[number]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if session.testsfailed:
                return False
        return True

    def outcome(self, session, mutant, seconds):
        """What became of a change, of which the tests that run it are known."""
        asked, total = [], 0.0
        for number in sorted(seconds, key=seconds.get):
            if asked and total + seconds[number] > BUDGET:
                break
            asked.append(number)
            total += seconds[number]
        said = in_a_child(lambda: self.passes(session, asked) if mutant.install() else "not made",
                          PATIENCE + 10 * total)
        return {None: "ended", False: "killed", True: f"survived {len(asked)} tests"}.get(said, said)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        modules = {group: [importlib.import_module(name) for name in GROUPS[group][0]] for group in self.groups}
        files = {module.__file__ for several in modules.values() for module in several}
        start = time.perf_counter()
        lines, seconds = in_a_child(lambda: self.learn(session, files), LEARNING)
        say(f"{len(seconds)} of {len(session.items)} tests pass, in {time.perf_counter() - start:.0f} s")
        for group, several in modules.items():
            made = [mutant for module in several for mutant in mutants(module)]
            drawn = random.Random(self.seed).sample(made, min(self.each, len(made)))
            tried = []
            for mutant in drawn:
                those = lines[mutant.path].get(mutant.line, set()) & seconds.keys()
                outcome = self.outcome(session, mutant, {number: seconds[number] for number in those})
                tried.append((mutant, outcome))
                say(f"{group} {len(tried)}/{len(drawn)} {outcome}: {row(mutant)}")
            self.found[group] = len(made), [each for each in tried if each[1] != "not made"]
        return True


def asked(name):
    """What pytest is given: a file, or a function of it."""
    file, *function = name.split("::")
    return "::".join([f"tests/test_{file}.py", *function])


def say(text):
    """At once, whatever pytest does with standard output."""
    os.write(2, f"{text}\n".encode())


def row(mutant):
    return f"{Path(*Path(mutant.path).parts[-3:])}:{mutant.line} {mutant.name}: `{mutant.was}` -> `{mutant.now}`"


def page(found, seed, commit, today):
    """The page, but for what is kept; and the least share of a group."""
    said = [f"# What tests say of wrong lines\n\nRun of `ci/deep mutants`: {today}, sources of commit {commit}, "
            f"seed {seed}. A change is noticed where a test fails or never ends.\n\n"
            "| | places to change | drawn | noticed | share |\n|---|---:|---:|---:|---:|\n"]
    left, shares = ["\n## Not noticed\n\n"], []
    for group, (there, tried) in found.items():
        survivors = [(mutant, outcome) for mutant, outcome in tried if outcome.startswith("survived")]
        shares.append(1 - len(survivors) / len(tried))
        said.append(f"| {group} | {there:,} | {len(tried)} | {len(tried) - len(survivors)} | {shares[-1]:.1%} |\n")
        left += [f"- {row(mutant)} ({outcome.removeprefix('survived ')})\n" for mutant, outcome in sorted(
            survivors, key=lambda each: each[0][:2])]
    return "".join(said + left), min(shares)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", help=f"some of {', '.join(GROUPS)}")
    parser.add_argument("--each", type=int, default=100, help="changes of each group")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, help="where the result is written to")
    options = parser.parse_args()
    groups = options.groups or list(GROUPS)
    files = dict.fromkeys(asked(name) for group in groups for name in GROUPS[group][1])
    session = Session(groups, options.each, options.seed)
    # no words of pytest, of which there would be one for each change, and none of its caches
    pytest.main(["-o", "addopts=--import-mode=importlib", "-p", "no:terminal", "-p", "no:cacheprovider",
                 "-k", f"not ({' or '.join(SLOW)})", *files],
                plugins=[session])
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    text, least = page(session.found, options.seed, commit, datetime.datetime.now(datetime.UTC).date())
    print(text)
    print(f"{sum(len(tried) for _, tried in session.found.values()):,} cases, of which tests notice at least "
          f"{least:.1%} in each group")
    if options.page:
        kept = WHY + options.page.read_text().partition(WHY)[2] if options.page.is_file() else ""
        options.page.write_text(text + ("\n" + kept if kept else ""))
    sys.exit(least < ENOUGH)
