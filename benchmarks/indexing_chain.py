# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dictionary indexing with and without symmetry found beforehand.

Scans of two (fcc, bcc) and three phases (fcc, bcc, hcp) with grains and
noise are simulated from dynamical master patterns, nickel from EMsoft's and
chromium and cobalt from those of ``recipes/dynamical_masters.npz`` (at 15 and
20 keV), written to disk and read lazily.
Each is indexed and refined in three ways: with each phase tried where the
symmetry allows it, the same in a few points of each grain from which the
others start their refinement, and with all phases everywhere. Printed are
the share of points with the right phase, the orientation error where it is
right, and the time: by the clock, and of all cores together, which other
programs on the machine do not change. "Of one phase" is the latter as a
multiple of what indexing all points with one phase takes.

    python benchmarks/indexing_chain.py --shape 40 60
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hyperspy.api as hs
import kikuchipy as kp
import numpy as np
from kikuchipy.signals import EBSDMasterPattern, LazyEBSD
from orix.crystal_map import CrystalMap
from orix.quaternion import Orientation
from orix.sampling import get_sample_fundamental

import kikuchipy_symml
from kikuchipy_symml import crystals, data
from kikuchipy_symml.classify import (
    fill_grains,
    indexing_masks,
    merge_indexed_maps,
    refinement_masks,
    sample_grains,
)
from kikuchipy_symml.training._masters import dynamical_masters

PHASES = ("Ni", "Cr", "Co (P63/mmc)")

Masks = dict[str, np.ndarray]
Masters = dict[str, EBSDMasterPattern]


def main() -> None:
    """Run both ways on both scans and print what comes out."""
    args = parse()
    hs.preferences.General.show_progressbar = False
    kikuchipy_symml.load_model("default").network  # noqa: B018
    masters = {name: master_of(name) for name in PHASES}
    warm_up(masters)
    for n_phases in args.phases:
        names = PHASES[:n_phases]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scan.h5"
            truth = write_scan(path, [masters[name] for name in names], args)
            run({name: masters[name] for name in names}, path, truth, args)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--phases", type=int, nargs="+", choices=(2, 3), default=(2, 3))
    add("--shape", type=int, nargs=2, default=(24, 36), metavar=("NY", "NX"))
    add("--grains", type=int, default=24)
    add("--electrons", type=float, default=1000.0)
    add("--resolution", type=float, default=5.0, help="of dictionaries, in °")
    add("--min-probability", type=float, default=0.1)
    add("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    add("--points", type=int, default=5, help="to try in a grain")
    add("--refined", type=int, default=500, help="points to refine")
    add("--seed", type=int, default=0)
    return parser.parse_args()


def master_of(name: str) -> EBSDMasterPattern:
    if name != "Ni":
        known = dynamical_masters()
        patterns = known.masters[known.names.index(name)]
        sizes = zip(
            ("hemisphere", "height", "width"), patterns.shape, strict=True
        )
        return EBSDMasterPattern(
            patterns.astype(np.float32),
            axes=[{"name": axis, "size": size} for axis, size in sizes],
            projection="lambert",
            hemisphere="both",
            phase=crystals.library()[name].to_phase(),
        )
    master = kp.data.nickel_ebsd_master_pattern_small(
        projection="lambert", hemisphere="both"
    )
    master.phase.name = name
    return master


def warm_up(masters: Masters) -> None:
    """Compile everything, so that no way pays for the other."""
    s = data.simulated_scan([masters["Ni"]], (2, 2), n_grains=1)
    s.classify_symmetry()
    s.label_grains()
    xmap, _ = index(s, masters, {"Ni": np.zeros((2, 2), bool)}, 20)
    refine(s, masters, xmap, np.zeros((2, 2), bool))


def write_scan(
    path: Path, masters: list[EBSDMasterPattern], args: argparse.Namespace
) -> CrystalMap:
    s = data.simulated_scan(
        masters,
        tuple(args.shape),
        n_grains=args.grains,
        electrons=args.electrons,
        seed=args.seed,
    )
    s.save(path)
    return s.xmap


def run(
    masters: Masters, path: Path, truth: CrystalMap, args: argparse.Namespace
) -> None:
    s = kp.load(path, lazy=True)
    shape = truth.shape
    print(
        f"\n{len(masters)} phases ({', '.join(masters)}), {shape[0]} x "
        f"{shape[1]} points, {args.grains} grains, {args.electrons:g} "
        f"electrons, dictionaries of {args.resolution:g} degrees"
    )

    corrected = kp.load(path, lazy=True)
    corrected.remove_static_background("divide")
    corrected.remove_dynamic_background()
    done = {
        way: WAYS[way](s, corrected, masters, truth, args) for way in args.ways
    }
    everywhere = {name: np.zeros(shape, dtype=bool) for name in masters}
    of_all = index(corrected, masters, everywhere, args.resolution)
    one = of_all[1][1] / len(masters)

    rest = np.ones(truth.size, dtype=bool)
    n_refined = min(args.refined, rest.size)
    rng = np.random.default_rng(args.seed)
    rest[rng.choice(rest.size, n_refined, replace=False)] = False

    header = ("", "phase right", "error, median", "95 %", "s", "CPU s")
    print("{:<16}{:>12}{:>15}{:>8}{:>8}{:>8}".format(*header), end="")
    print("  of one phase")
    for what, (xmap, t) in {**done, "all everywhere": of_all}.items():
        start = now()
        refined = refine(corrected, masters, xmap, rest.reshape(shape))
        t_refine = now() - start
        accuracy = np.mean(names_of(xmap) == names_of(truth))
        median, high = errors_of(refined, truth, masters)
        print(
            f"{what:<16}{accuracy:>12.1%}{median:>13.2f} °{high:>6.2f} °"
            f"{t[0]:>8.1f}{t[1]:>8.1f}{t[1] / one:>14.2f}"
            f"   (refining {n_refined} points: {t_refine[1]:.1f} s of CPU)"
        )


def by_points(
    s: LazyEBSD,
    corrected: LazyEBSD,
    masters: Masters,
    truth: CrystalMap,
    args: argparse.Namespace,
) -> tuple[CrystalMap, np.ndarray]:
    """Return the map with each phase tried where the symmetry of grains
    allows it, and the time that it took.
    """
    start = now()
    own = crystals.candidates(*(m.phase for m in masters.values()))
    single = s.classify_symmetry(candidates=own)
    phases = single.fuse(s.label_grains())
    t_symmetry = now() - start
    masks = indexing_masks(phases, min_probability=args.min_probability)
    right = names_of(truth).reshape(truth.shape)
    for what, found in {"single": single, "grains": phases}.items():
        names = np.array(found.class_names)[found.phase_id]
        print(f"symmetry, {what}: {np.mean(names == right):.1%} right")
    tried = sum(np.count_nonzero(~mask) for mask in masks.values())
    print(
        f"by points: {tried / right.size:.2f} phases tried in each, symmetry "
        f"took {t_symmetry[1]:.1f} s of CPU"
    )
    xmap, seconds = index(corrected, masters, masks, args.resolution)
    return xmap, t_symmetry + seconds


def by_grains(
    s: LazyEBSD,
    corrected: LazyEBSD,
    masters: Masters,
    truth: CrystalMap,
    args: argparse.Namespace,
) -> tuple[CrystalMap, np.ndarray]:
    """Return the same from a few points of each grain."""
    start = now()
    own = crystals.candidates(*(m.phase for m in masters.values()))
    labels = s.label_grains()
    few = sample_grains(labels, args.points)
    phases = s.classify_symmetry(candidates=own, navigation_mask=few)
    phases = phases.fuse(labels)
    t_symmetry = now() - start
    masks = indexing_masks(phases, min_probability=args.min_probability)
    print(
        f"by grains: {np.count_nonzero(~few)} points tried, symmetry took "
        f"{t_symmetry[1]:.1f} s of CPU"
    )
    found, seconds = index(corrected, masters, masks, args.resolution)
    start = now()
    xmap = fill_grains(found, labels)
    return xmap, t_symmetry + seconds + now() - start


WAYS = {"by points": by_points, "by grains": by_grains}


def now() -> np.ndarray:
    """Return seconds of the clock and of all cores together."""
    return np.array([time.perf_counter(), time.process_time()])


def index(
    s: LazyEBSD, masters: Masters, masks: Masks, resolution: float
) -> tuple[CrystalMap, np.ndarray]:
    """Return the map of all phases, each indexed with its mask, and the
    time that it took.
    """
    xmaps, seconds = {}, []
    for name, mask in masks.items():
        start = now()
        rotations = get_sample_fundamental(
            resolution, point_group=masters[name].phase.point_group
        )
        dictionary = masters[name].get_patterns(
            rotations, s.detector, dtype_out=np.float32, compute=False
        )
        xmaps[name] = s.dictionary_indexing(
            dictionary, keep_n=1, navigation_mask=mask
        )
        seconds.append(now() - start)
    merged = merge_indexed_maps(xmaps, masks, step_sizes=(1, 1))
    return merged, sum(seconds)


def refine(
    s: LazyEBSD, masters: Masters, xmap: CrystalMap, rest: np.ndarray
) -> CrystalMap:
    """Refine all orientations but those of the rest."""
    masks = {name: i | rest for name, i in refinement_masks(xmap).items()}
    masks = {name: mask for name, mask in masks.items() if not mask.all()}
    xmaps = {
        name: s.refine_orientation(
            xmap, s.detector, masters[name], energy=20, navigation_mask=mask
        )
        for name, mask in masks.items()
    }
    return merge_indexed_maps(xmaps, masks, step_sizes=(1, 1))


def errors_of(
    xmap: CrystalMap, truth: CrystalMap, masters: Masters
) -> tuple[float, float]:
    """Return the median and the 95th percentile of the orientation error
    in degrees, in points with the right phase.
    """
    names, right = names_of(xmap), names_of(truth)
    errors = []
    for name, master in masters.items():
        here = (names == right) & (right == name)
        if here.any():
            group = master.phase.point_group
            a = Orientation(xmap.rotations[here], symmetry=group)
            b = Orientation(truth.rotations[here], symmetry=group)
            errors.append(a.angle_with(b, degrees=True))
    errors = np.concatenate(errors) if errors else np.array([np.nan])
    return float(np.median(errors)), float(np.percentile(errors, 95))


def names_of(xmap: CrystalMap) -> np.ndarray:
    return np.array([xmap.phases[i].name for i in xmap.phase_id])


if __name__ == "__main__":
    main()
