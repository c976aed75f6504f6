# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training from a recipe: resumable, the same curve every time."""

import csv
import math
import time
from pathlib import Path

import numpy as np

from kikuchipy_symml import symmetry
from kikuchipy_symml._files import written_whole
from kikuchipy_symml._progress import progress_bar

from . import _auxiliary as auxiliary
from ._auxiliary import Truth
from ._batches import Batches, draw_set
from ._detector import train_layer
from ._labels import allowed_space_groups, set_loss
from ._recipe import Recipe
from ._settings import DetectorSettings, OptimiserSettings
from ._shards import Shards

_SCORED = ("train", "seen_type", "unseen_type", "random")
# Steps over which each line of the log of losses is a mean, at most.
_LOSS_EVERY = 20


def train(
    recipe: Recipe,
    directory: str | Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    resume_from: str | Path | None = None,
    show_progressbar: bool | None = None,
) -> Path:
    """Train a network from a recipe, or go on training it.

    Parameters
    ----------
    recipe
        The recipe.
    directory
        Where crystals, checkpoint and log are kept. If a checkpoint is
        there, training goes on from it.
    steps
        Stop after this many steps in all instead of those of the recipe.
    minutes
        Stop after this many minutes, with a checkpoint.
    resume_from
        Checkpoint to go on from if `directory` has none.
    show_progressbar
        Whether to show a progress bar; as in HyperSpy's preferences if
        not given.

    Returns
    -------
    checkpoint
        Path of the last checkpoint, to be made a model file of with
        :func:`export`.

    Raises
    ------
    ValueError
        If the checkpoint belongs to another network, or *steps* or
        *minutes* are negative.

    Notes
    -----
    The log, ``log.csv``, has a line for every ``score_every`` steps: the
    step, minutes of training, mean loss since the line before, and top-1
    accuracy of Bravais lattices on fixed patterns of training crystals,
    of crystals never trained on, of structure types never trained on,
    and of random crystals never trained on. ``losses.csv`` has the mean
    loss of every 20 steps, or of fewer if that does not divide
    ``score_every`` and ``save_every``. The same recipe gives the same
    losses, up to rounding on other machines.
    """
    for name, value in (("steps", steps), ("minutes", minutes)):
        if value is not None and value < 0:
            raise ValueError(f"{name} must be 0 or more, not {value}")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    checkpoint = directory / "checkpoint.npz"
    log = Log(directory / "log.csv", ("step", "minutes", "loss", *_SCORED))
    curve = Log(directory / "losses.csv", ("step", "loss"))
    shards = Shards(recipe, directory / "crystals")
    trainer = Trainer(recipe)
    first = not checkpoint.exists()
    if not first:
        trainer.restore(checkpoint)
    elif resume_from is not None:
        trainer.restore(resume_from)
    log.cut_after(trainer.step)
    curve.cut_after(trainer.step)

    last = recipe.optimiser.steps
    if steps is not None:
        last = min(last, steps)
    if trainer.step >= last:
        if not checkpoint.exists():
            trainer.save(checkpoint)
        return checkpoint
    sets = {
        name: draw_set(
            recipe,
            shards.to_score(name, trainer.trained_on),
            seed=100 + i,
            patterns=recipe.score_patterns,
        )[:2]
        for i, name in enumerate(_SCORED)
    }
    batches = Batches(recipe, shards)
    if first:
        trainer.train_ahead(
            batches, directory / "detector.npz", show_progressbar
        )
    # Compiled here: the threads that use it must not race to do so.
    views, _, truth = batches(0)
    trainer.prepare(views, truth)
    started = time.monotonic()
    before = trainer.seconds
    losses = []
    # No line spans a checkpoint or a line of the other log.
    loss_every = math.gcd(_LOSS_EVERY, recipe.score_every, recipe.save_every)
    steps_ahead = batches.iterate(trainer.step, last, trainer.prepare)
    with progress_bar(
        total=last, initial=trainer.step, show=show_progressbar, unit="step"
    ) as bar:
        for prepared, numbers in steps_ahead:
            losses.append(trainer.train_on(prepared, numbers))
            trainer.seconds = before + time.monotonic() - started
            bar.update(1)
            step = trainer.step
            whole = step % loss_every == 0
            if whole or step == last:
                curve.add(step=step, loss=round(float(np.mean(losses)), 5))
                losses = []
            if step % recipe.score_every == 0:
                scores = trainer.score(sets)
                log.add(
                    step=step,
                    minutes=round(trainer.seconds / 60, 2),
                    loss=round(curve.mean("loss", recipe.score_every), 4),
                    **scores,
                )
                bar.set_postfix(scores)
            # Only where a line of the log of losses is whole.
            out_of_time = (
                whole
                and minutes is not None
                and time.monotonic() - started > 60 * minutes
            )
            done = step == last or out_of_time
            if step % recipe.save_every == 0 or done:
                trainer.trained_on |= set(shards.trained_on(step))
                trainer.save(checkpoint)
            if done:
                break
    return checkpoint


class Trainer:
    """A network with its optimiser and the moving average of its
    weights."""

    def __init__(self, recipe: Recipe) -> None:
        import keras

        from kikuchipy_symml.models._network import (
            build_network,
            found_bands,
            inner_tensors,
            layers_trained_ahead,
        )

        from ._fused import fused_loss

        o = recipe.optimiser
        keras.utils.set_random_seed(recipe.seed)
        keras.config.set_dtype_policy(o.precision)
        try:
            self.network = build_network(recipe.view, **recipe.network)
        finally:
            keras.config.set_dtype_policy("float32")
        self.recipe = recipe
        self.optimiser = _optimiser(o)
        # What has no weights runs in the threads that draw the patterns.
        inner = inner_tensors(self.network)
        found = found_bands(self.network)
        outputs = [self.network.output]
        losses, weights = [set_loss(o.level_weights)], [1.0]
        if o.fused:
            # The same once more, of which another loss is taken, not on top
            # of it, which would change the order of the weights.
            logits = self.network.get_layer("logits").output
            outputs.append(keras.layers.Softmax(name="to_fuse")(logits))
            losses.append(fused_loss(losses[0], o.per_crystal))
            weights.append(o.fused)
        self.symmetry_outputs = len(outputs)
        self.auxiliary = recipe.auxiliary.used
        if self.auxiliary:
            more, weigh = auxiliary.losses(recipe.auxiliary)
            bands = found[0].shape[1]
            outputs += auxiliary.heads(self.network, bands, recipe.auxiliary)
            losses, weights = losses + more, weights + weigh
        self.geometry = keras.Model(self.network.input, [*inner, *found])
        self.geometry.compile(jit_compile=True)
        self.trunk = keras.Model(inner, outputs)
        self.trunk.compile(self.optimiser, losses, weights, jit_compile=True)
        self.variables = self.trunk.trainable_variables
        self.optimiser.build(self.variables)
        ahead = layers_trained_ahead(self.network)
        self.ahead = [layer.name for layer in ahead]
        self.fixed = [weight for layer in ahead for weight in layer.weights]
        self.step = 0
        self.seconds = 0.0
        # Identities of crystals, also of recipes that this one goes on from.
        self.trained_on: set[str] = set()

    def train_ahead(
        self, batches: Batches, path: Path, show_progressbar: bool | None
    ) -> None:
        """Train the layers that are fixed from then on, or read their
        weights if they are there."""
        todo = [
            (layer, settings)
            for layer, settings in self._settings_ahead()
            if self.step == 0 or settings.again
        ]
        if not todo:
            return
        if not path.exists():
            for layer, settings in todo:
                with progress_bar(
                    total=settings.steps, show=show_progressbar, unit="batch"
                ) as bar:

                    def step_done(loss, bar=bar):
                        bar.set_postfix(loss=round(loss, 3))
                        bar.update(1)

                    train_layer(
                        self.network,
                        layer,
                        batches.ahead,
                        settings.steps,
                        settings.learning_rate,
                        step_done,
                    )
            with written_whole(path) as temporary, open(temporary, "wb") as f:
                np.savez(f, *[_copy(v) for v in self.fixed])
        with np.load(path, allow_pickle=False) as saved:
            for variable, value in zip(
                self.fixed, saved.values(), strict=True
            ):
                variable.assign(value)

    def _settings_ahead(self) -> list[tuple[str, DetectorSettings]]:
        """Names of the layers that are trained ahead, and how they are."""
        settings = {
            "bands": self.recipe.detector,
            "refined": self.recipe.refiner,
            "widths": self.recipe.reader,
            "superlattices": self.recipe.prober,
        }
        return [(name, settings[name]) for name in self.ahead]

    def prepare(self, views: np.ndarray, truth: Truth) -> tuple[list, list]:
        """What the trainable part takes, from views, and what it is to
        tell besides the symmetry."""
        *inner, normals, _, strength = self.geometry.predict_on_batch(views)
        if not self.auxiliary:
            return inner, []
        targets = truth.targets(np.asarray(normals), np.asarray(strength))
        return inner, list(targets) * (1 + len(self.recipe.auxiliary.blocks))

    def train_on(self, prepared: tuple, numbers: np.ndarray) -> float:
        """Take one step; return its loss, of the symmetry alone."""
        inner, targets = prepared
        self.optimiser.learning_rate = self.recipe.optimiser.rate(self.step)
        # None is allowed of a pattern that shows nothing.
        allowed = np.zeros((len(numbers), 230), dtype=np.float32)
        shown = numbers > 0
        allowed[shown] = allowed_space_groups("space_group", numbers[shown])
        wanted = [allowed] * self.symmetry_outputs + targets
        losses = self.trunk.train_on_batch(inner, wanted)
        self.trunk.reset_metrics()
        self.step += 1
        # With several outputs, the first is the sum of all.
        return float(np.ravel(losses)[1 if len(wanted) > 1 else 0])

    def averaged(self) -> "Averaged":
        """Context in which the network has the averaged weights."""
        return Averaged(self)

    def score(self, sets: dict) -> dict[str, float]:
        """Top-1 accuracy of Bravais lattices with averaged weights."""
        of = symmetry.class_index("bravais_lattice")
        with self.averaged():
            return {
                name: round(
                    float(
                        np.mean(
                            symmetry.sum_to_level(
                                self.predict(views), "bravais_lattice"
                            ).argmax(axis=-1)
                            == of[numbers - 1]
                        )
                    ),
                    4,
                )
                for name, (views, numbers) in sets.items()
            }

    def predict(self, views: np.ndarray) -> np.ndarray:
        """Probabilities of space groups, (N, 230)."""
        n = self.recipe.optimiser.batch
        return np.concatenate(
            [
                np.asarray(self.network.predict_on_batch(views[i : i + n]))
                for i in range(0, len(views), n)
            ]
        )

    def save(self, path: str | Path) -> None:
        """Write a checkpoint."""
        arrays = {
            f"weight_{i}": _copy(v) for i, v in enumerate(self.variables)
        }
        arrays |= {
            f"optimiser_{i}": _copy(v)
            for i, v in enumerate(self.optimiser.variables)
        }
        arrays |= {f"fixed_{i}": _copy(v) for i, v in enumerate(self.fixed)}
        with written_whole(path) as temporary, open(temporary, "wb") as f:
            np.savez_compressed(
                f,
                step=self.step,
                seconds=self.seconds,
                crystals=np.array(sorted(self.trained_on), dtype=np.str_),
                **arrays,
            )

    def restore(self, path: str | Path) -> None:
        """Read a checkpoint.

        Raises
        ------
        ValueError
            If it belongs to another network.
        """
        with np.load(path, allow_pickle=False) as saved:
            for kind, variables in (
                ("weight", self.variables),
                ("optimiser", self.optimiser.variables),
                ("fixed", self.fixed),
            ):
                shapes = [
                    saved[f"{kind}_{i}"].shape
                    for i in range(
                        sum(k.startswith(f"{kind}_") for k in saved)
                    )
                ]
                expected = [tuple(v.shape) for v in variables]
                if shapes != expected:
                    raise ValueError(
                        f"{path} is a checkpoint of another network: its "
                        f"{kind}s have the shapes {shapes}, expected "
                        f"{expected}"
                    )
                for i, variable in enumerate(variables):
                    variable.assign(saved[f"{kind}_{i}"])
            self.step = int(saved["step"])
            self.seconds = float(saved["seconds"])
            if "crystals" in saved:
                self.trained_on = set(saved["crystals"].tolist())


def _optimiser(settings: OptimiserSettings):
    """Optimiser of a recipe; its learning rate is set at each step."""
    import keras

    common = {
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "clipnorm": settings.clip,
        "use_ema": True,
        "ema_momentum": settings.average,
        "ema_overwrite_frequency": None,
    }
    if settings.method == "adamw":
        return keras.optimizers.AdamW(**common)
    # Last layers are none that the method is meant for. Its updates are of
    # another size than those of AdamW.
    return keras.optimizers.Muon(
        exclude_layers=["logits", "tell"],
        adam_lr_ratio=0.3,
        adam_weight_decay=settings.weight_decay,
        **common,
    )


def _copy(variable) -> np.ndarray:
    """Value of a variable. On JAX an array may be a view of a buffer that
    the next step overwrites, and an assignment may share it."""
    from keras import ops

    return np.array(ops.convert_to_numpy(variable))


class Averaged:
    """Swaps the averaged weights in, and out again at the end."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def __enter__(self) -> None:
        trainer = self.trainer
        variables = trainer.variables
        self.kept = [_copy(v) for v in variables]
        if trainer.step > 0:
            trainer.optimiser.finalize_variable_values(variables)
            for v in variables:
                v.assign(_copy(v))

    def __exit__(self, *_) -> None:
        for v, kept in zip(self.trainer.variables, self.kept, strict=True):
            v.assign(kept)


class Log:
    """A log of a training run, a CSV file with a line for some steps."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path = path
        self.columns = columns

    def add(self, **values) -> None:
        """Add a line."""
        new = not self.path.exists()
        with open(self.path, "a", newline="") as f:
            writer = csv.DictWriter(f, self.columns)
            if new:
                writer.writeheader()
            writer.writerow(values)

    def lines(self) -> list[dict[str, str]]:
        """Return all lines."""
        if not self.path.exists():
            return []
        with open(self.path, newline="") as f:
            return list(csv.DictReader(f))

    def mean(self, column: str, steps: int) -> float:
        """Mean of a column over the last steps."""
        lines = self.lines()
        first = int(lines[-1]["step"]) - steps
        return float(
            np.mean(
                [float(i[column]) for i in lines if int(i["step"]) > first]
            )
        )

    def cut_after(self, step: int) -> None:
        """Drop lines that a killed run wrote after its checkpoint."""
        kept = [i for i in self.lines() if int(i["step"]) <= step]
        if not kept:
            self.path.unlink(missing_ok=True)
            return
        # Whole, as a run may be killed here, too.
        with (
            written_whole(self.path) as temporary,
            open(temporary, "w", newline="") as f,
        ):
            writer = csv.DictWriter(f, self.columns)
            writer.writeheader()
            writer.writerows(kept)
