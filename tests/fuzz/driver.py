"""What fuzzers share: cases from seeds until the time is up, and how to run the one again that failed."""

import argparse
import signal
import sys
import time
import traceback

import numpy as np

LATE = 30  # seconds of the processor after which a case hangs; ten times as many of the clock, where it waits


class Hanging(BaseException):
    """A case that does not come to its end."""


def run(description, attempt):
    """Run a fuzzer from the command line, and end the process: exit status 1 after a case that failed.

    Parameters
    ----------
    description : str
        What it does.
    attempt : callable
        Called as ``attempt(rng)`` with the random numbers of a case, by which alone it is determined. Raises what must
        not happen; returns what the outcome was, in a word, by which cases are counted.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="how long (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the first case; the others count on (default: 0)")
    parser.add_argument("--cases", type=int, default=sys.maxsize, help="how many at most")
    arguments = parser.parse_args()
    for each in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(each, _hang)
    start, outcomes = time.monotonic(), {}
    for seed in range(arguments.seed, arguments.seed + arguments.cases):
        if time.monotonic() > start + arguments.seconds:
            break
        signal.setitimer(signal.ITIMER_PROF, LATE)
        signal.alarm(10 * LATE)
        try:
            outcome = attempt(np.random.default_rng(seed))
        except BaseException:
            traceback.print_exc()
            print(f"case {seed} failed; again: {sys.executable} {sys.argv[0]} --seed {seed} --cases 1", file=sys.stderr)
            sys.exit(1)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    listed = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(outcomes.items()))
    print(f"{sum(outcomes.values()):,} cases in {time.monotonic() - start:.0f} s: {listed}")
    sys.exit(0)


def _hang(*_):
    raise Hanging(f"no end after {LATE} s of the processor, or {10 * LATE} s")


def mutated(rng, content, tokens):
    """The bytes with a few changes: flipped, cut, doubled, moved, and tokens put in."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        low, high = sorted(rng.integers(len(content) + 1, size=2).tolist())
        high = min(high, low + int(rng.choice([1, 8, 1000])))
        part = bytes(content[low:high])
        match rng.integers(6):
            case 0 if part:
                content[low] ^= 1 << rng.integers(8)
            case 1:
                del content[low:high]
            case 2:
                content[low:low] = part
            case 3:
                place = rng.integers(len(content) + 1)
                content[place:place] = part
            case 4:
                content[low : high if rng.random() < 0.5 else low] = tokens[rng.integers(len(tokens))]
            case 5:
                del content[low:]
    return bytes(content)
