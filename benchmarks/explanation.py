# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Explanations held against crystallography.

Patterns of phases of all 14 Bravais lattices are simulated, so that the
bands and zone axes in them are known. Reported are, for each method:

- the share of saliency (absolute values) on the strongest bands and on
  low-index zone axes, beside the share of the area that these have and
  the share of an untrained network of the same architecture;
- by how much the probability of the class falls when the most salient
  pixels are removed (deletion) and to what it rises when only these are
  shown (insertion), beside random pixels, and beside the most salient
  pixels of another pattern, which have the same shapes;
- how much maps still resemble themselves when the network's weights are
  replaced by random ones, from the last layer downwards;
- patterns per second.

    python benchmarks/explanation.py -o doc/explanation
"""

import argparse
import json
import os
import time
from copy import copy
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")

import hyperspy.api as hs
import kikuchipy as kp
import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import trapezoid
from scipy.stats import spearmanr

from kikuchipy_symml import crystals, data, load_model
from kikuchipy_symml.classify._crystal_frame import crystal_to_detector
from kikuchipy_symml.classify._detector_maps import (
    detector_directions,
    on_detector,
)
from kikuchipy_symml.classify._question import Question
from kikuchipy_symml.classify._saliency import METHODS, Explainer, explainer_of
from kikuchipy_symml.pattern import ViewSpec, canonical_views, view_frame
from kikuchipy_symml.simulation import band_profiles

# Two of each Bravais lattice, where the library has two that are small
PHASES = (
    *("CuWO4", "Talmessite"),  # aP
    *("NiTi", "Ag2CO3"),  # mP
    *("Tenorite (C2/c)", "Ga2O3"),  # mS
    *("YBa2Cu3O7", "CaCl2"),  # oP
    *("CrB", "U (Cmcm)"),  # oS
    *("Ni2Cr", "CsO"),  # oI
    *("TiSi2 (Fddd)", "Pu (Fddd)"),  # oF
    *("FePd", "BaTiO3 (P4mm)"),  # tP
    *("MoSi2", "In"),  # tI
    *("Bi", "LiCoO2"),  # hR
    *("Ti (P63/mmc)", "Quartz (P3121)"),  # hP
    *("CsCl", "Pyrite"),  # cP
    *("Fe (Im-3m)", "W (Im-3m)"),  # cI
    *("Ni", "Sphalerite"),  # cF
)
N_BANDS = 10  # The strongest that cross a pattern
ZONE_RADIUS = 4.0  # Degrees around zone axes [uvw] with u, v, w of -1 to 1
FRACTIONS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
SHUFFLES = ("salient", "random", "other")
NOISE_SEED = 3


def main() -> None:
    """Make the table, print it and write it beside its numbers."""
    args = parse()
    hs.preferences.General.show_progressbar = False
    model = load_model(args.model)
    explainer = explainer_of(model)
    untrained = [
        Explainer(reinitialised(model.network, seed), model.view, "untrained")
        for seed in range(args.untrained)
    ]
    sets = [
        PatternSet(name, args.patterns, explainer, args.level)
        for name in PHASES[: args.phases]
    ]
    few = [s.first(args.few) for s in sets]
    result = {
        "model": model.name,
        "sha256": model.sha256,
        "level": args.level,
        "phases": [s.name for s in sets],
        "patterns": sum(len(s.views) for s in sets),
        "right": float(np.mean(np.concatenate([s.right for s in sets]))),
        "methods": known_rows(args.output, model.sha256),
    }
    for method in args.methods:
        print(f"{method} ...", flush=True)
        used = few if method == "occlusion" else sets
        maps = [s.saliency(explainer, method) for s in used]
        guesses = [
            shares_of([s.drawn(s.saliency(e, method)[1]) for s in used], used)
            for e in untrained
        ]
        row = {
            "patterns": sum(len(s.views) for s in used),
            "area": shares_of([np.ones_like(s.seen) for s in used], used),
            "trained": shares_of([s.drawn(m) for s, m in maps], used),
            "untrained": mean_of(guesses),
            "curves": curves_of(explainer, maps),
        }
        if args.sanity:
            row["randomised"] = randomised(explainer, method, maps, args)
        result["methods"][method] = row
        print(json.dumps(row), flush=True)
    if explainer.n_bands:
        result["bands"] = {
            "patterns": sum(len(s.views) for s in few),
            "trained": matched(explainer, few),
            "untrained": mean_of([matched(e, few) for e in untrained]),
        }
    if not args.no_speed:
        result["speed"] = speed(model)
    table = table_of(result)
    print(table)
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result, indent=1)
        (args.output / "numbers.json").write_text(text + "\n")
        (args.output / "table.txt").write_text(table + "\n")
        plot_curves(result).savefig(args.output / "curves.png", dpi=120)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--model", default="default")
    add("--level", default="bravais_lattice")
    add("--methods", nargs="+", choices=METHODS, default=METHODS)
    add("--phases", type=int, default=len(PHASES))
    add("--patterns", type=int, default=4, help="of each phase")
    add("--few", type=int, default=1, help="of these for what is slow")
    add("--untrained", type=int, default=1, help="untrained networks")
    add("--sanity", type=int, default=1, help="of these to randomise for")
    add("--no-speed", action="store_true", help="do not measure speed")
    add("-o", "--output", type=Path)
    return parser.parse_args()


def known_rows(folder: Path | None, sha256: str) -> dict[str, dict]:
    """Return the rows of methods that were tested before, of the same
    model."""
    path = folder / "numbers.json" if folder else Path("numbers.json")
    if folder is None or not path.exists():
        return {}
    known = json.loads(path.read_text())
    return known["methods"] if known["sha256"] == sha256 else {}


class PatternSet:
    """Simulated patterns of one phase, and what is truly in them."""

    def __init__(
        self, name: str, n: int, explainer: Explainer, level: str
    ) -> None:
        crystal = crystals.library()[name]
        scan = data.simulated_scan([crystal], (1, n), n_grains=n)
        detector = scan.detector
        self.name = name
        self.shape = tuple(detector.shape)
        self.pc = np.tile(detector.pc_bruker().reshape(-1, 3)[0], (n, 1))
        self.view: ViewSpec = explainer.view
        self.views, _ = canonical_views(scan.data[0], self.pc, self.view)
        self.seen = on_detector(
            self.views[..., 1], self.pc, self.view, self.shape
        )
        self.seen = self.seen > 0.99

        p = explainer.predict(self.views)
        self.of, against = Question(level).classes(p)
        self.sides = Question(level).sides(self.of, against)
        truth = self.sides[0][:, crystal.space_group - 1]
        self.right = truth > 0

        # Directions of pixels in the frame of the crystal
        turn = crystal_to_detector(scan.xmap.rotations, detector)
        see = detector_directions(self.pc[0], self.shape)
        see = np.einsum("ijd,ncd->nijc", see, turn)
        bands = band_profiles(crystal)
        self.bands, self.normals = [], []
        for directions, seen, m in zip(see, self.seen, turn, strict=True):
            off = np.abs(directions @ bands.normals.T)
            inside = (off < bands.bragg) & seen[..., None]
            crossing = np.flatnonzero(inside.any(axis=(0, 1)))[:N_BANDS]
            self.bands.append(inside[..., crossing].any(axis=-1))
            self.normals.append(bands.normals @ m)
        self.bands = np.array(self.bands)
        near = np.abs(see @ zone_axes(crystal).T)
        near = (near > np.cos(np.deg2rad(ZONE_RADIUS))).any(axis=-1)
        self.zones = near & self.seen

    def first(self, n: int) -> "PatternSet":
        """Return the first patterns only."""
        part = copy(self)
        for name in ("pc", "views", "seen", "of", "right", "bands", "zones"):
            setattr(part, name, getattr(self, name)[:n])
        part.normals = self.normals[:n]
        part.sides = [side[:n] for side in self.sides]
        return part

    def saliency(self, explainer, method):
        return self, explainer.saliency(method, self.views, *self.sides)

    def drawn(self, maps: np.ndarray) -> np.ndarray:
        """Return maps on the detector."""
        return on_detector(maps, self.pc, self.view, self.shape)


def zone_axes(crystal: crystals.Crystal) -> np.ndarray:
    """Return unit vectors along [uvw] with indices of -1 to 1."""
    uvw = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    axes = uvw[uvw.any(axis=1)] @ crystal.matrix
    return axes / np.linalg.norm(axes, axis=1, keepdims=True)


def shares_of(maps: list, sets: list) -> dict[str, float]:
    """Return mean shares of absolute saliency on bands and zone axes."""
    found = {"bands": [], "zones": []}
    for m, s in zip(maps, sets, strict=True):
        size = np.abs(m) * s.seen
        total = np.maximum(size.sum(axis=(1, 2)), 1e-30)
        found["bands"] += list((size * s.bands).sum(axis=(1, 2)) / total)
        found["zones"] += list((size * s.zones).sum(axis=(1, 2)) / total)
    return {k: float(np.mean(v)) for k, v in found.items()}


def mean_of(rows: list[dict]) -> dict[str, float]:
    return {k: float(np.mean([r[k] for r in rows])) for k in rows[0]}


def curves_of(explainer: Explainer, maps: list) -> dict[str, dict]:
    """Return mean probability of the class along both curves."""
    rng = np.random.default_rng(NOISE_SEED)
    curves = {k: {s: [] for s in SHUFFLES} for k in ("deletion", "insertion")}
    # Of another phase, if there is one pattern of each only
    others = np.roll(np.concatenate([m for _, m in maps]), 1, axis=0)
    first = 0
    for s, m in maps:
        other = others[first : first + len(m)]
        first += len(m)
        for kind in SHUFFLES:
            if kind == "salient":
                ranked = m
            elif kind == "random":
                ranked = rng.random(m.shape)
            else:
                ranked = other
            rank = ranks(ranked, s.views[..., 1])
            for name in curves:
                p = [
                    explainer.predict(
                        s.views
                        * (rank >= f if name == "deletion" else rank < f)[
                            ..., None
                        ]
                    )
                    for f in FRACTIONS
                ]
                p = np.array([(i * s.sides[0]).sum(axis=1) for i in p])
                curves[name][kind].append(p)
    return {
        name: {
            kind: np.concatenate(p, axis=1).mean(axis=1).tolist()
            for kind, p in kinds.items()
        }
        for name, kinds in curves.items()
    }


def ranks(maps: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the share of seen pixels that are more salient than each."""
    flat = np.where(seen > 0, maps, -np.inf).reshape(len(maps), -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    rank = np.empty(flat.shape)
    places = np.broadcast_to(np.arange(flat.shape[1]), flat.shape)
    np.put_along_axis(rank, order, places, axis=1)
    n = (seen > 0).sum(axis=(1, 2))[:, None]
    return (rank / n).reshape(maps.shape)


def reinitialised(network, seed: int):
    """Return a network of the same architecture with new weights."""
    import keras

    keras.utils.set_random_seed(seed)
    return keras.models.clone_model(network)


def randomised(explainer, method, maps, args) -> dict[str, float]:
    """Return the rank correlation of maps with those of networks whose
    layers are random from the last one down."""
    network = explainer.network
    fresh, random = (reinitialised(network, seed) for seed in (0, 7))
    other = Explainer(fresh, explainer.view, "randomised")
    trained = [layer for layer in network.layers if layer.weights]
    n = len(trained)
    found = {}
    for share in (0.0, 0.25, 0.5, 1.0):
        # The last layer at least
        keep = n - max(1, round(share * n))
        for layer in trained[:keep]:
            twin = fresh.get_layer(layer.name)
            twin.set_weights(layer.get_weights())
        for layer in trained[keep:]:
            twin = fresh.get_layer(layer.name)
            twin.set_weights(random.get_layer(layer.name).get_weights())
        correlations = []
        for s, m in maps:
            few = slice(args.sanity)
            sides = [side[few] for side in s.sides]
            new = other.saliency(method, s.views[few], *sides)
            for a, b, seen in zip(m, new, s.views[few, ..., 1], strict=False):
                inside = seen > 0
                correlations.append(spearmanr(a[inside], b[inside])[0])
        layers = n - keep
        found[f"last {layers} of {n}"] = float(np.nanmean(correlations))
    return found


def matched(explainer: Explainer, sets: list) -> dict[str, float]:
    """Return how many of the tokens, and how much of their weight, are
    true bands: within 1.5 degrees of one of the 40 strongest."""
    count, weight = [], []
    for s in sets:
        normals, weights = explainer.bands_used(s.views, *s.sides)
        frames = view_frame(s.pc, s.shape[1] / s.shape[0])
        normals = np.einsum("btv,bvd->btd", normals, frames)
        for n, w, true in zip(
            normals, np.abs(weights), s.normals, strict=True
        ):
            alike = np.abs(n @ true[:40].T).max(axis=1)
            hit = alike > np.cos(np.deg2rad(1.5))
            count.append(hit[w > 0].mean() if w.any() else np.nan)
            weight.append((w * hit).sum() / max(w.sum(), 1e-30))
    return {
        "tokens": float(np.nanmean(count)),
        "weight": float(np.mean(weight)),
    }


def speed(model) -> dict[str, float]:
    """Return patterns a second, of the measured patterns of nickel."""
    s = kp.data.nickel_ebsd_small()
    found = {}
    for method in METHODS:
        for bands in (False, True):
            s.explain_symmetry(model, method=method, bands=bands)
            start = time.perf_counter()
            s.explain_symmetry(model, method=method, bands=bands)
            rate = 9 / (time.perf_counter() - start)
            found[method + (" with bands" if bands else "")] = rate
    return found


def in_order(rows: dict[str, dict]) -> dict[str, dict]:
    return {method: rows[method] for method in METHODS if method in rows}


def table_of(result: dict) -> str:
    methods = in_order(result["methods"])
    lines = [
        f"Model {result['model']!r}, {result['level']}, "
        f"{result['patterns']} patterns of {len(result['phases'])} phases"
        + (f", {result['right']:.0%} right" if "right" in result else ""),
        "",
        f"{'Share of saliency':<23}{'patterns':>9}"
        f"{'10 strongest bands':>25}{'zone axes within 4°':>25}",
        f"{'':<32}" + f"{'area untrained trained':>25}" * 2,
    ]
    for method, row in methods.items():
        text = [
            "  ".join(
                f"{row[k][what]:.1%}" for k in ("area", "untrained", "trained")
            )
            for what in ("bands", "zones")
        ]
        lines.append(
            f"{method:<23}{row['patterns']:>9}{text[0]:>25}{text[1]:>25}"
        )
    ten = FRACTIONS.index(0.1)
    lines += [
        "",
        "Fall of the probability of the class, pixels removed: 10 % of those "
        "seen",
        f"{'':<23}{'most salient':>14}{'random':>10}{'of another map':>16}",
    ]
    for method, row in methods.items():
        falls = [
            row["curves"]["deletion"][k][0] - row["curves"]["deletion"][k][ten]
            for k in SHUFFLES
        ]
        lines.append(
            f"{method:<23}{falls[0]:>14.3f}{falls[1]:>10.3f}{falls[2]:>16.3f}"
        )
    lines += [
        "",
        "Area under the curve of probability",
        f"{'':<23}{'deletion (low is good)':>26}"
        f"{'insertion (high is good)':>28}",
        f"{'':<23}{'salient random other':>26}{'salient random other':>28}",
    ]
    for method, row in methods.items():
        text = [
            " ".join(
                f"{trapezoid(row['curves'][c][k], FRACTIONS):7.3f}"
                for k in SHUFFLES
            )
            for c in ("deletion", "insertion")
        ]
        lines.append(f"{method:<23}{text[0]:>26}{text[1]:>28}")
    lines += ["", "Rank correlation of maps after randomising layers"]
    for method, row in methods.items():
        found = row.get("randomised", {"not tried": np.nan})
        text = ", ".join(f"{k}: {v:.2f}" for k, v in found.items())
        lines.append(f"{method:<23}{text}")
    if "bands" in result:
        lines += ["", "Band tokens within 1.5° of a true band"]
        for kind in ("trained", "untrained"):
            row = result["bands"][kind]
            lines.append(
                f"{kind:<23}{row['tokens']:.1%} of tokens, "
                f"{row['weight']:.1%} of their weight"
            )
    if "speed" in result:
        lines += ["", "Patterns per second"]
        lines += [f"{k:<34}{v:>8.1f}" for k, v in result["speed"].items()]
    return "\n".join(lines)


def plot_curves(result: dict) -> plt.Figure:
    """Plot the mean probability along both curves."""
    methods = in_order(result["methods"])
    figure, axes = plt.subplots(
        2,
        len(methods),
        figsize=(3 * len(methods), 5),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    colors = {"salient": "#d7301f", "random": "0.5", "other": "#2b6cb0"}
    labels = {
        "salient": "most salient first",
        "random": "random pixels",
        "other": "map of another pattern",
    }
    for column, (method, row) in zip(axes.T, methods.items(), strict=True):
        column[0].set_title(method.replace("_", " "))
        for axis, name in zip(column, ("deletion", "insertion"), strict=True):
            for kind in SHUFFLES:
                axis.plot(
                    FRACTIONS,
                    row["curves"][name][kind],
                    "o-",
                    ms=3,
                    color=colors[kind],
                    label=labels[kind],
                )
            axis.set_xlim(0, 1)
    axes[0, 0].set_ylim(bottom=0)
    axes[0, 0].set_ylabel("Probability, pixels removed")
    axes[1, 0].set_ylabel("Probability, pixels shown")
    for axis in axes[1]:
        axis.set_xlabel("Share of pixels")
    axes[0, -1].legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main()
