"""Spark: each partition of a data frame is a part of the rows, which Python reads by mapInArrow."""

import os
import pickle
import sys

import numpy as np
import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import SparkSession

from cyem import GaussianMixture, elsewhere


def runner(frame):
    """What has a function called for each partition of a data frame, which is best cached."""

    def run(function):
        def each(batches):
            i, batches = TaskContext.get().partitionId(), list(batches)
            rows = pa.Table.from_batches(batches).to_pandas().to_numpy() if batches else np.empty((0, 0))
            found = pickle.dumps(function(i, rows))
            yield pa.RecordBatch.from_pydict({"i": pa.array([i], pa.int32()), "found": [found]})

        found = frame.mapInArrow(each, "i int, found binary").collect()
        return [pickle.loads(row.found) for row in sorted(found, key=lambda row: row.i)]

    return run


def main(spark):
    parts = []
    for i in range(4):
        rng = np.random.default_rng(i)
        parts.append(rng.normal(size=(1000, 2)) + 6 * rng.integers(2, size=(1000, 1)))
    table = pa.table(dict(zip("xy", np.concatenate(parts).T, strict=True)))
    frame = spark.createDataFrame(table.to_pandas()).repartitionByRange(4, "x").cache()
    rows = elsewhere(runner(frame))
    model = GaussianMixture(2, random_state=0, n_threads=1).fit(rows)
    print(repr(float(model.score(rows))))


if __name__ == "__main__":
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # of the workers: where cyem is
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    main(spark)
    spark.stop()
