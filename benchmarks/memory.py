# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peak resident memory of classifying lazy scans of several sizes.

Each size is run in a process of its own, which reads the scan from an
HDF5 file that is written for it and deleted afterwards. Memory is what is
resident above that after the import of TensorFlow and kikuchipy.

    python benchmarks/memory.py --patterns 5000 200000 --save memory.json
        --plot memory.png

Scans are nine measured patterns of nickel over and over, with noise. The
time of a run is to show its course; measure speed by throughput.py.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import numpy as np

ROW = 1000
MIB = 2**20


def main() -> None:
    """Run each size and print, save and plot what it took."""
    args = parse()
    # A parent that has imported nothing heavy, and children that start anew
    context = multiprocessing.get_context("spawn")
    runs = []
    print(
        f"{'patterns':>10} {'on disk':>9} {'peak':>9} {'result':>9} "
        f"{'CPU':>11} {'time':>9}"
    )
    for n in args.patterns:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            path = Path(folder) / "scan.h5"
            size = write_scan(path, n, args.side)
            answer = context.SimpleQueue()
            process = context.Process(
                target=measure,
                args=(str(path), args.model, args.limit, answer),
            )
            process.start()
            run = answer.get()
            process.join()
        run |= {"patterns": n, "side": args.side, "file_mib": size / MIB}
        runs.append(run)
        print(
            f"{n:>10} {size / MIB:>5.0f} MiB {run['peak_mib']:>5.0f} MiB "
            f"{n * 920 / MIB:>5.0f} MiB "
            f"{run['cpu_s'] / run['done'] * 1e3:>5.2f} ms/p. "
            f"{run['wall_s']:>7.0f} s"
            + (f"   stopped after {run['done']}" * (run["done"] < n)),
            flush=True,
        )
        if args.save:
            args.save.write_text(json.dumps(runs))
    if args.plot:
        plot(runs, args.plot)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--patterns", type=int, nargs="+", default=(2000, 10_000))
    add("--side", type=int, default=60, help="pixels of a pattern's side")
    add("--model", default="default", help="name or path")
    add("--folder", type=Path, help="where to write the scans")
    add("--limit", type=float, default=np.inf, help="stop after seconds")
    add("--save", type=Path, metavar="JSON")
    add("--plot", type=Path, metavar="PNG")
    return parser.parse_args()


def write_scan(path: Path, n: int, side: int) -> int:
    """Write patterns in chunks of 50 points, and return the file's size."""
    import kikuchipy as kp

    nickel = kp.data.nickel_ebsd_small()
    patterns = nickel.data.reshape(9, 60, 60).astype(np.int16)
    times = -(-side // 60)
    patterns = np.kron(patterns, np.ones((1, times, times), np.int16))
    patterns = patterns[:, :side, :side]
    rng = np.random.default_rng(0)
    small = kp.signals.EBSD(patterns[:1, None].astype(np.uint8))
    small.detector.pc = nickel.detector.pc[0, 0]
    small.save(path)
    width = min(ROW, n)
    with h5py.File(path, "a") as file:
        data = file["Scan 1/EBSD/Data"]
        del data["patterns"]
        chunks = (1, min(50, width), side, side)
        shape = (n // width, width, side, side)
        stack = data.create_dataset("patterns", shape, "u1", chunks=chunks)
        for row in range(shape[0]):
            some = patterns[rng.integers(9, size=width)]
            some = some + rng.integers(-20, 21, some.shape, np.int16)
            stack[row] = np.clip(some, 0, 255)
        header = file["Scan 1/EBSD/Header"]
        for name, value in (
            ("n_rows", shape[0]),
            ("n_columns", shape[1]),
        ):
            del header[name]
            header[name] = value
    return path.stat().st_size


def measure(path: str, model: str, limit: float, answer: object) -> None:
    """Classify in this process, and put in the answer what it took."""
    import dask
    import kikuchipy as kp
    import psutil
    import tensorflow  # noqa: F401

    from kikuchipy_symml import classify_symmetry
    from kikuchipy_symml.classify import _mapping

    process = psutil.Process()
    before = process.memory_info().rss
    curve: list[tuple[float, float, int]] = []
    done = [0]
    classify = _mapping._BlockClassifier.__call__

    def counted(task, patterns, *args):
        if time.perf_counter() - start > limit:
            raise KeyboardInterrupt
        result = classify(task, patterns, *args)
        done[0] += result.size // 230
        return result

    _mapping._BlockClassifier.__call__ = counted

    def watch() -> None:
        while True:
            rss = (process.memory_info().rss - before) / MIB
            curve.append((time.perf_counter() - start, rss, done[0]))
            time.sleep(0.2)

    start, cpu = time.perf_counter(), time.process_time()
    threading.Thread(target=watch, daemon=True).start()
    signal = kp.load(path, lazy=True)
    try:
        classify_symmetry(signal, model, show_progressbar=False)
    except KeyboardInterrupt:
        pass
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    step = max(1, len(curve) // 500)
    # The highest of each step, so that no peak is lost
    thinned = [
        (*curve[i][:1], max(c[1] for c in curve[i : i + step]), curve[i][2])
        for i in range(0, len(curve), step)
    ]
    answer.put(
        {
            "import_mib": before / MIB,
            "peak_mib": max(c[1] for c in curve),
            "curve_s_mib_done": thinned,
            "wall_s": wall,
            "cpu_s": cpu,
            "done": done[0],
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
            "model": model,
            "dask": dask.__version__,
        }
    )


def plot(runs: list[dict], path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for run in runs:
        curve = np.array(run["curve_s_mib_done"])
        ax.plot(
            curve[:, 2] / run["patterns"] * 100,
            curve[:, 1],
            label=f"{run['patterns']:,} patterns".replace(",", " "),
        )
    ax.axhline(1.5 * 1024, color="0.5", linestyle="--", label="1.5 GiB")
    ax.set(
        xlabel="Patterns done (%)",
        ylabel="Resident memory above imports (MiB)",
        ylim=(0, None),
    )
    ax.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
