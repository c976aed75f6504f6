# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed, memory and accuracy of classify_symmetry() beside other ways.

    python benchmarks/throughput.py --save throughput.json

A simulated scan of four phases (cF, cI, hP and tP) with grains and noise
is written to disk, and every way names the phase of the same patterns:

forward     the network, with views in memory: the limit
compiled    the same compiled by XLA, as for scans of 10 000 patterns or more
together    the same in as many threads at once as a scan has: the limit of
            long
views       canonical views of patterns in memory
hdf5        classify_symmetry() on the lazy scan, kikuchipy's HDF5
nordif      the same on NORDIF's binary format
long        hdf5 with the network compiled, as in scans of 10 000 patterns or
            more, without the time to compile it
naive       signal.map() of model.predict(), pattern by pattern
xception    networks of Kaufmann et al. at 299 pixels, with random weights,
resnet50    so without an accuracy
hough       Hough indexing with PyEBSDIndex
dictionary  dictionary indexing with kikuchipy, one dictionary per phase

Each way runs in a process of its own, on as many patterns as it needs. CPU
time is that of all threads, and tells more than the clock where the machine
has other work; "clock" is the rate that a user sees. Memory is the peak
above what was resident after imports. Only the best of --repeats counts.
"""

import argparse
import json
import multiprocessing
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

# Name in the library, reflectors for Hough indexing
PHASES = {
    "Ni": "FCC",
    "Fe (Im-3m)": "BCC",
    "Ti (P63/mmc)": "HCP",
    "Rutile": [[1, 1, 0], [1, 0, 1], [2, 0, 0], [1, 1, 1], [2, 1, 1]]
    + [[2, 2, 0], [0, 0, 2], [3, 1, 0], [3, 0, 1]],
}


def main() -> None:
    """Run the ways asked for, and print and save a table."""
    args = parse()
    context = multiprocessing.get_context("spawn")
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} "
        f"cores, load {os.getloadavg()[0]:.1f} before the start"
    )
    header = ("", "patterns", "CPU ms/pattern", "clock, /s", "peak MiB")
    print("{:<12}{:>9}{:>16}{:>11}{:>10}{:>13}".format(*header, "phase right"))
    rows = []
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        call(context, write_scans, folder, args)
        for way in args.ways:
            row = call(context, measure, way, folder, args)
            rows.append(row)
            right = row["phase_right"]
            print(
                f"{way:<12}{row['patterns']:>9}"
                f"{row['cpu_s'] / row['patterns'] * 1e3:>16.2f}"
                f"{row['patterns'] / row['wall_s']:>11.1f}"
                f"{row['peak_mib']:>10.0f}"
                f"{'-' if right is None else format(right, '.0%'):>13}"
                f"  {row['note']}",
                flush=True,
            )
            if args.save:
                settings = {k: str(v) for k, v in vars(args).items()}
                args.save.write_text(
                    json.dumps({"settings": settings, "rows": rows}, indent=1)
                )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--ways", nargs="+", choices=tuple(WAYS), default=tuple(WAYS))
    add("--shape", type=int, nargs=2, default=(20, 30), metavar=("NY", "NX"))
    add("--electrons", type=float, default=4000.0)
    add("--step", type=float, default=4.0, help="of dictionaries, in °")
    add("--model", default="default", help="name or path")
    add("--repeats", type=int, default=3)
    add("--few", type=int, default=24, help="patterns for slow ways")
    add("--folder", type=Path, help="where to write the scans")
    add("--save", type=Path, metavar="JSON")
    return parser.parse_args()


def call(context, function: Callable, *args) -> object:
    """Return what a function returns in a process of its own."""
    with context.Pool(1) as pool:
        return pool.apply(function, args)


def write_scans(folder: str, args: argparse.Namespace) -> None:
    import hyperspy.api as hs

    from kikuchipy_symml import data

    hs.preferences.General.show_progressbar = False
    s = data.simulated_scan(
        list(PHASES),
        tuple(args.shape),
        n_grains=12,
        electrons=args.electrons,
    )
    np.save(f"{folder}/phase.npy", s.xmap.phase_id.reshape(args.shape))
    s.save(f"{folder}/scan.h5")
    s.save(f"{folder}/scan.dat")


class Scan:
    """The scan on disk, the model, and what a result is worth."""

    def __init__(self, folder: str, args: argparse.Namespace) -> None:
        import warnings

        import kikuchipy as kp

        # Of what is not beside a NORDIF file, and what others deprecate
        warnings.simplefilter("ignore")

        from kikuchipy_symml import crystals, load_model

        self.hdf5 = kp.load(f"{folder}/scan.h5", lazy=True)
        self.nordif = kp.load(
            f"{folder}/scan.dat",
            lazy=True,
            scan_size=args.shape[::-1],
            pattern_size=(60, 60),
        )
        self.nordif.detector.pc = self.hdf5.detector.pc
        self.truth = np.load(f"{folder}/phase.npy")
        self.patterns = self.hdf5.data.compute().reshape(-1, 60, 60)
        self.pc = self.hdf5.detector.pc_bruker().reshape(3)
        self.candidates = crystals.candidates(*PHASES)
        self.model = load_model(args.model)
        self.args = args

    def views(self) -> np.ndarray:
        from kikuchipy_symml.pattern import canonical_views

        return canonical_views(self.patterns, self.pc, self.model.view)[0]

    def right(self, probabilities: np.ndarray) -> float:
        """Return the share of points with the right one of the phases."""
        from kikuchipy_symml import SymmetryPhaseList

        found = SymmetryPhaseList(probabilities, candidates=self.candidates)
        truth = self.truth.ravel()[: found.phase_id.size]
        return float(np.mean(found.phase_id.ravel() == truth))


# Each way: from a scan to the work, the number of patterns in it, and what
# makes the share of right phases of its result, or None.


def forward(scan: Scan) -> tuple:
    views = scan.views()
    return lambda: scan.model.predict(views), len(views), scan.right, ""


def compiled(scan: Scan) -> tuple:
    views = scan.views()
    work = lambda: scan.model.predict(views, compiled=True)  # noqa: E731
    return work, len(views), scan.right, ""


def together(scan: Scan) -> tuple:
    from concurrent.futures import ThreadPoolExecutor

    from kikuchipy_symml.models._model import THREADS_AT_ONCE as THREADS

    views = scan.views()
    # As large as the blocks of a scan, if there are enough
    shares = np.array_split(views, max(THREADS, len(views) // 500))
    pool = ThreadPoolExecutor(THREADS)

    def work() -> np.ndarray:
        predict = lambda some: scan.model.predict(some, compiled=True)  # noqa: E731
        return np.concatenate(list(pool.map(predict, shares)))

    return work, len(views), scan.right, f"{THREADS} threads"


def views(scan: Scan) -> tuple:
    return scan.views, len(scan.patterns), None, ""


def hdf5(scan: Scan) -> tuple:
    return _classify(scan, scan.hdf5)


def nordif(scan: Scan) -> tuple:
    return _classify(scan, scan.nordif)


def long(scan: Scan) -> tuple:
    from kikuchipy_symml.classify import _mapping

    _mapping.COMPILED_FROM = 0
    return _classify(scan, scan.hdf5)


def _classify(scan: Scan, signal: object) -> tuple:
    def work() -> np.ndarray:
        phases = signal.classify_symmetry(
            scan.model, "space_group", show_progressbar=False
        )
        return phases.probabilities

    return work, scan.truth.size, scan.right, ""


def naive(scan: Scan) -> tuple:
    from kikuchipy_symml.pattern import canonical_views

    network, view = scan.model.network, scan.model.view
    n = min(scan.args.few, scan.truth.shape[1])

    def name(pattern: np.ndarray) -> np.ndarray:
        views, _ = canonical_views(pattern[None], scan.pc, view)
        return network.predict(views, verbose=0)[0]

    def work() -> np.ndarray:
        some = scan.hdf5.inav[:n, 0].deepcopy()
        mapped = some.map(
            name,
            inplace=False,
            ragged=False,
            output_signal_size=(230,),
            output_dtype=np.float32,
            lazy_output=False,
            num_workers=1,
        )
        return mapped.data

    return work, n, scan.right, ""


def xception(scan: Scan) -> tuple:
    return _seed_network(scan, "xception")


def resnet50(scan: Scan) -> tuple:
    return _seed_network(scan, "resnet50")


def _seed_network(scan: Scan, name: str) -> tuple:
    import tensorflow as tf

    from kikuchipy_symml.models._seed import build_seed_network

    n = scan.args.few
    views = tf.constant(scan.views()[:n])
    network = build_seed_network(name, scan.model.view)
    compiled = tf.function(lambda x: network(x, training=False))
    return lambda: compiled(views).numpy(), n, None, "at 299 pixels"


def hough(scan: Scan) -> tuple:
    signal = scan.hdf5.deepcopy()
    signal.compute()
    indexer = signal.detector.get_indexer(
        scan.candidates, list(PHASES.values()), nBands=9
    )

    def work() -> np.ndarray:
        s = signal.deepcopy()
        s.remove_static_background("divide", show_progressbar=False)
        s.remove_dynamic_background(show_progressbar=False)
        xmap = s.hough_indexing(scan.candidates, indexer, verbose=0)
        return xmap.phase_id

    right = lambda found: float(np.mean(found == scan.truth.ravel()))  # noqa: E731
    return work, scan.truth.size, right, "4 phases"


def dictionary(scan: Scan) -> tuple:
    from kikuchipy.signals import EBSD
    from orix.sampling import get_sample_fundamental

    from kikuchipy_symml import data

    n = min(scan.args.few, scan.truth.size)
    signal = EBSD(scan.hdf5.data.compute().reshape(-1, 60, 60)[:n])
    start = time.process_time()
    dictionaries = []
    for name in PHASES:
        master = data.master_pattern(name)
        rotations = get_sample_fundamental(
            scan.args.step, point_group=master.phase.point_group
        )
        dictionaries.append(
            master.get_patterns(
                rotations,
                scan.hdf5.detector,
                dtype_out=np.float32,
                compute=True,
                show_progressbar=False,
            )
        )
    cpu = time.process_time() - start
    n_all = sum(d.xmap.size for d in dictionaries)

    def work() -> np.ndarray:
        s = signal.deepcopy()
        s.remove_dynamic_background(show_progressbar=False)
        scores = [
            s.dictionary_indexing(d, keep_n=1).scores.ravel()
            for d in dictionaries
        ]
        return np.argmax(scores, axis=0)

    right = lambda found: float(np.mean(found == scan.truth.ravel()[:n]))  # noqa: E731
    note = f"{scan.args.step}°: {n_all} patterns, made once in {cpu:.0f} s CPU"
    return work, n, right, note


WAYS = {
    way.__name__: way
    for way in (
        forward, compiled, together, views, hdf5, nordif, long, naive,
        xception, resnet50, hough, dictionary,
    )
}  # fmt: skip


def measure(way: str, folder: str, args: argparse.Namespace) -> dict:
    """Return what a way takes, the best of some repeats."""
    import resource

    import dask
    import hyperspy.api as hs
    import psutil
    import tensorflow  # noqa: F401

    import kikuchipy_symml  # noqa: F401

    hs.preferences.General.show_progressbar = False
    dask.config.set(num_workers=os.cpu_count())
    before = psutil.Process().memory_info().rss
    work, n, right, note = WAYS[way](Scan(folder, args))
    result = work()  # compiles
    times = []
    for _ in range(args.repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        wall = time.perf_counter() - wall
        times.append((time.process_time() - cpu, wall))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "way": way,
        "patterns": n,
        "cpu_s": min(t[0] for t in times),
        "wall_s": min(t[1] for t in times),
        "all_cpu_wall_s": times,
        "peak_mib": (peak - before) / 2**20,
        "phase_right": None if right is None else right(result),
        "note": note,
        "load": os.getloadavg(),
    }


if __name__ == "__main__":
    main()
