"""A million slates of ten products into a Redis of its own, beside redis-benchmark, and how long one read takes.

redis-benchmark sets values of the same size, with a time to live, as many in a pipeline as it does best with.

Run on demand, on a quiet machine:  python tests/benchmarks/bench_redis.py
"""

import subprocess
import tempfile
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
import pyarrow as pa
import redis

from reco.exports import cache

#: Slates, how often redis-benchmark's own time they may take, and milliseconds of the median read.
SLATES, MOST, READ = 1_000_000, 3.0, 1.0
PORT, READS = 17379, 5_000


def keys() -> pa.Table:
    """A key and ten places, some 1,100 bytes, for every customer."""
    place = '{"position":%d,"product_id":"%07d","score":0.123456,"strategy":"Recommended for you","fallback":false}'
    values = [
        f'{{"slate_id":"email-{one:016x}","items":[{",".join(place % (n, one * 10 + n) for n in range(1, 11))}]}}'
        for one in range(1000)
    ]
    values = pa.array(values).take(pa.array(np.arange(SLATES) % 1000))
    return pa.table({"key": [f"u:email:{n:08d}" for n in range(SLATES)], "value": values})


def own_rate(size: int) -> float:
    """Keys a second that redis-benchmark sets, at its best."""
    rates = []
    for pipe in (16, 100, 1000):
        command = ["redis-benchmark", "-p", str(PORT), "-n", str(SLATES // 2), "-r", "1000000", "-P", str(pipe),
                   "-c", "1", "-q", "SET", "key:__rand_int__", "x" * size, "EX", "4500"]  # fmt: skip
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rates.append(float(told.split("requests per second")[0].split(": ")[-1]))
        redis.Redis(port=PORT).flushall()
    return max(rates)


def main() -> None:
    """Print both, and fail above the bounds."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            ["redis-server", "--port", str(PORT), "--bind", "127.0.0.1", "--save", "", "--dir", str(Path(folder))],
            stdout=subprocess.DEVNULL,
        )
        try:
            sleep(1)
            client, rows = redis.Redis(port=PORT), keys()
            size = len(rows["value"][0].as_py())
            own = own_rate(size)
            start = perf_counter()
            cache.refresh(client, "shop", "v1", rows, 4500)
            seconds = perf_counter() - start
            ratio = own / (SLATES / seconds)
            print(
                f"{SLATES:,} slates of {size:,} bytes in {seconds:.1f} s, {SLATES / seconds:,.0f} a second; "
                f"redis-benchmark {own:,.0f}: {ratio:.2f} times its time; asked: {MOST}"
            )
            reader, rng = cache.Reader(client, "shop"), np.random.default_rng(0)
            asked = {
                "customer": [f"{n:08d}" for n in rng.integers(0, SLATES, READS)],
                "nothing at all, after four tries": ["nobody"] * READS,
            }
            for name, customers in asked.items():
                times = []
                for one in customers:
                    start = perf_counter()
                    reader.slate("email", one, segment="Tea")
                    times.append((perf_counter() - start) * 1000)
                print(f"read by {name}: median {np.median(times):.3f} ms, p99 {np.quantile(times, 0.99):.3f} ms")
                if np.median(times) > READ:
                    raise SystemExit(f"{np.median(times):.2f} ms a read; asked: {READ}")
            if ratio > MOST:
                raise SystemExit(f"{ratio:.2f} times redis-benchmark's own time; asked: {MOST}")
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
