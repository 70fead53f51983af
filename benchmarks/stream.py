"""Rows that are read again for each pass, beside the same rows in memory: what a pass takes, and what reading takes.

    python benchmarks/stream.py                  # 1 GB; --gigabytes, --folder, --threads

Of each source: how fast it is read, block after block, with all checks; what the first look at the rows takes; what an
iteration of EM takes, for few components, where reading counts, and for more: by the clock, and of the processor by the
thread that sums, which is what the clock says where another core reads and nobody else computes. Times are the least of
several.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from cyem import GaussianMixture, scan

D, PART, LONG, SHORT = 16, 1 << 17, 5, 1


def least(function, repeat):
    """The least time of several: by the clock, and of the processor by this thread."""
    times = []
    for _ in range(repeat):
        begin = time.perf_counter(), time.thread_time()
        function()
        times.append((time.perf_counter() - begin[0], time.thread_time() - begin[1]))
    return np.min(times, axis=0)


def iteration(X, k, threads, repeat):
    """Both times of an iteration: what more of them take, over how many more."""
    means = np.random.default_rng(1).normal(size=(k, D))
    how = dict(means_init=means, weights_init=np.full(k, 1 / k), precisions_init=np.tile(np.eye(D), (k, 1, 1)),
               acceleration=None, tol=0, n_threads=threads)
    few, many = (least(lambda n=n: GaussianMixture(k, max_iter=n, **how).fit(X), repeat) for n in (SHORT, LONG))
    return (many - few) / (LONG - SHORT)


def sources(X, folder):
    """Where the rows are: {name: X}."""
    np.save(folder / "x.npy", X)
    found = {"array": X, ".npy": folder / "x.npy"}
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        return found
    table = pa.table({f"x{j}": np.ascontiguousarray(X[:, j]) for j in range(D)})
    pa.parquet.write_table(table, folder / "x.parquet", compression="none", use_dictionary=False)
    with pa.OSFile(str(folder / "x.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=PART)
    return found | {"Parquet": folder / "x.parquet", "Arrow IPC": folder / "x.arrow"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--folder")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    n = round(arguments.gigabytes * 1e9 / (8 * D))
    X = np.random.default_rng(0).normal(size=(n, D))
    size = X.nbytes / 1e9
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        found, memory = sources(X, Path(folder)), {}
        with open(Path(folder) / "x.npy", "rb", buffering=0) as file:
            block = bytearray(1 << 23)

            def raw():
                file.seek(0)
                while file.readinto(block):
                    pass

            alone = size / least(raw, arguments.repeat)[0]
        print(f"{n:,} x {D} ({size:.2f} GB), {arguments.threads} threads; the file alone is read at {alone:.2f} GB/s\n")
        print("| source | read, GB/s | first look, GB/s | k = 2: ms, processor ms | of memory's rates | k = 16 | |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for name, source in found.items():
            rows, row = source, [name, "", ""]
            if name != "array":
                rows = scan(source, memory=0)
                len(rows)  # so that it has been looked at
                row[1:] = [f"{size / least(function, arguments.repeat)[0]:.2f}" for function in (
                    lambda rows=rows: sum(len(block.X) for block in rows.blocks()),
                    lambda source=source: len(scan(source, memory=0)))]
            for k in (2, 16):
                seconds = iteration(rows, k, arguments.threads, arguments.repeat)
                shares = memory.setdefault(k, seconds) / seconds
                row += [", ".join(f"{1000 * each:.0f}" for each in seconds),
                        ", ".join(f"{each:.0%}" for each in shares)]
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
