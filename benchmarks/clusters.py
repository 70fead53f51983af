"""Many rows, beside what people would take instead: seconds an iteration, and what transfer alone costs at least.

    python benchmarks/clusters.py [ROWS]

Rows of 8 features, 8 components with matrices of their own, two threads or two worker processes. An iteration is what
more of them take, of two fits; where a library has its own start, both are from that. What is not installed is left
out: dask-ml, pyspark (which needs Java).
"""

import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from cyem import GaussianMixture, elsewhere, scan

D, K, FEW, MANY, PARTS = 8, 8, 2, 12, 8
CENTRES = np.random.default_rng(99).normal(0, 2, (K, D))


def drawn(n):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, D)) + CENTRES[rng.integers(K, size=n)]


def told(name, fit, rows):
    """Print what an iteration takes; fit(iterations) makes so many."""
    times = []
    for iterations in (FEW, FEW, MANY):
        begin = time.perf_counter()
        fit(iterations)
        times.append(time.perf_counter() - begin)
    each = (times[2] - times[1]) / (MANY - FEW)
    print(f"{name:48} {1e3 * each:9.1f} ms an iteration {rows / each / 1e6:8.2f} million rows a second", flush=True)


def ours(X):
    start = dict(means_init=CENTRES, weights_init=np.full(K, 1 / K), precisions_init=np.tile(np.eye(D), (K, 1, 1)))
    return lambda iterations: GaussianMixture(K, tol=0, acceleration=None, max_iter=iterations, **start).fit(X)


def theirs(X):
    from sklearn.mixture import GaussianMixture as Theirs

    start = dict(means_init=CENTRES, weights_init=np.full(K, 1 / K), precisions_init=np.tile(np.eye(D), (K, 1, 1)))
    return lambda iterations: Theirs(K, tol=0, max_iter=iterations, **start).fit(X)


def on_dask(X):
    import dask.array as da
    from distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50):
        rows = da.from_array(X, chunks=(-(-len(X) // PARTS), D)).persist()
        told("cyem, Dask, 2 workers", ours(rows), len(X))
        try:
            from dask_ml.cluster import KMeans
        except ImportError:
            return
        told("dask-ml, k-means", lambda iterations: KMeans(K, init=CENTRES, tol=0, max_iter=iterations).fit(rows),
             len(X))


def on_spark(X):
    from pyspark.ml.clustering import GaussianMixture as Theirs
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import SparkSession

    sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "cluster"))
    from on_spark import runner

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
             .config("spark.ui.showConsoleProgress", "false").config("spark.driver.memory", "4g").getOrCreate())
    spark.sparkContext.setLogLevel("OFF")
    with tempfile.TemporaryDirectory() as folder:
        import pyarrow as pa
        from pyarrow import parquet

        names = [f"x{i}" for i in range(D)]
        parquet.write_table(pa.table(dict(zip(names, X.T, strict=True))), f"{folder}/rows.parquet", compression="none")
        frame = spark.read.parquet(f"{folder}/rows.parquet").repartition(PARTS).cache()
        frame.count()
        told("cyem, Spark, mapInArrow", ours(elsewhere(runner(frame))), len(X))
        vectors = VectorAssembler(inputCols=names, outputCol="features").transform(frame).select("features").cache()
        vectors.count()
        told("Spark MLlib, GaussianMixture", lambda iterations: Theirs(k=K, tol=0.0, maxIter=iterations, seed=0)
             .fit(vectors), len(X))
    spark.stop()


def main(n=200_000):
    X = drawn(int(n))
    print(f"{len(X):,} rows of {D} features, {K} components, load {os.getloadavg()[0]:.1f}")
    told("cyem, in memory", ours(X), len(X))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.npy")
        np.save(path, X)
        told("cyem, a file read in each pass", ours(scan(path, memory=0)), len(X))
    told("scikit-learn, in memory", theirs(X), len(X))
    for on in (on_dask, on_spark):
        try:
            on(X)
        except ImportError as error:
            print(f"left out: {error}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
