# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
from keras import ops

from kikuchipy_symml import load_model
from kikuchipy_symml.training import Shards, _loop, export, train
from kikuchipy_symml.training._loop import Log, Trainer


def lines_of(directory):
    """Both logs, without times."""
    lines = []
    for name in ("log.csv", "losses.csv"):
        with open(directory / name, newline="") as file:
            lines += [
                {k: v for k, v in line.items() if k != "minutes"}
                for line in csv.DictReader(file)
            ]
    return lines


def arrays_of(checkpoint):
    with np.load(checkpoint) as file:
        return {k: file[k] for k in file if k != "seconds"}


class CompiledOnce:
    """Gives the same trainer each time, as compiling it takes most of the
    time. In between, all that it knows is spoiled."""

    def __init__(self):
        self.trainer = None

    def __call__(self, recipe):
        if self.trainer is None:
            self.trainer = Trainer(recipe)
            return self.trainer
        trainer = self.trainer
        for v in [*trainer.variables, *trainer.optimiser.variables]:
            v.assign(np.full(v.shape, 3, dtype=v.dtype))
        trainer.step, trainer.seconds = 99, -1.0
        trainer.recipe = recipe
        return trainer


@pytest.fixture(scope="module", autouse=True)
def compiled_once(without_xla):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_loop, "Trainer", CompiledOnce())
        yield


def values(variables):
    return [ops.convert_to_numpy(v).copy() for v in variables]


@pytest.fixture(scope="module")
def runs(recipe, shards, tmp_path_factory, compiled_once):
    """Training of four steps without a break, and what a kill after the
    third would have left behind: the checkpoint of step two, and a log
    that is one line ahead."""
    whole = tmp_path_factory.mktemp("whole")
    killed = tmp_path_factory.mktemp("killed")
    crystals = shards.directory.parent
    for directory in (whole, killed):
        (directory / "crystals").symlink_to(crystals)
    add = Log.add

    def add_and_leave_behind(log, **values):
        add(log, **values)
        if values["step"] == 3:
            for name in ("checkpoint.npz", "log.csv", "losses.csv"):
                shutil.copy(whole / name, killed / name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Log, "add", add_and_leave_behind)
        checkpoint = train(recipe, whole, show_progressbar=False)
    assert checkpoint == whole / "checkpoint.npz"
    return whole, killed


def test_log(runs, recipe):
    lines = lines_of(runs[0])
    assert [int(i["step"]) for i in lines] == [1, 2, 3, 4] * 2
    lines, losses = lines[:4], lines[4:]
    assert [round(float(i["loss"]), 4) for i in losses] == [
        float(i["loss"]) for i in lines
    ]
    for line in lines:
        assert 0 < float(line["loss"]) < 20
        for name in ("train", "seen_type", "unseen_type", "random"):
            assert 0 <= float(line[name]) <= 1
    assert not list(runs[0].glob(".*"))


def test_resumed_after_a_kill(runs, recipe):
    """The same curve and the same weights as without the kill."""
    whole, killed = runs
    assert [int(i["step"]) for i in lines_of(killed)] == [1, 2, 3] * 2
    assert arrays_of(killed / "checkpoint.npz")["step"] == 2
    train(recipe, killed, show_progressbar=False)
    assert lines_of(killed) == lines_of(whole)
    expected = arrays_of(whole / "checkpoint.npz")
    found = arrays_of(killed / "checkpoint.npz")
    assert found.keys() == expected.keys() and found["step"] == 4
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_nothing_left_to_do(runs, recipe, monkeypatch):
    """A finished run is not touched."""
    whole, _ = runs
    before = arrays_of(whole / "checkpoint.npz")
    monkeypatch.setattr(Trainer, "train_on", None)
    path = train(recipe, whole, show_progressbar=False)
    assert arrays_of(path).keys() == before.keys()
    assert len(lines_of(whole)) == 8


@pytest.mark.parametrize("name", ["steps", "minutes"])
def test_negative(recipe, tmp_path, name):
    with pytest.raises(ValueError, match=f"{name} must be 0 or more, not -1"):
        train(recipe, tmp_path / "none", **{name: -1})
    assert not (tmp_path / "none").exists()


def test_no_step_at_all(runs, recipe, tmp_path):
    """Zero is a number of steps, too."""
    longer = replace(recipe, optimiser=replace(recipe.optimiser, steps=5))
    checkpoint = train(
        longer,
        tmp_path,
        steps=0,
        resume_from=runs[0] / "checkpoint.npz",
        show_progressbar=False,
    )
    with np.load(checkpoint) as saved:
        assert saved["step"] == 4


def test_mean_of_the_last_steps(tmp_path):
    log = Log(tmp_path / "log.csv", ("step", "loss"))
    for step in range(20, 101, 20):
        log.add(step=step, loss=step / 10)
    assert log.mean("loss", 40) == 9
    assert log.mean("loss", 100) == 6
    log.cut_after(60)
    assert log.mean("loss", 60) == 4


def test_nothing_left_to_do_elsewhere(runs, recipe, tmp_path):
    """What was begun elsewhere and is at its end is taken over."""
    end = runs[0] / "checkpoint.npz"
    found = train(recipe, tmp_path, resume_from=end, show_progressbar=False)
    expected = arrays_of(end)
    assert found == tmp_path / "checkpoint.npz"
    for name, array in arrays_of(found).items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


@pytest.mark.parametrize("again", [False, True])
def test_detector_trained_on(runs, recipe, tmp_path, again):
    """The layer that finds bands is trained on where a recipe that goes on
    from another says so, and fixed otherwise."""
    end = runs[0] / "checkpoint.npz"
    longer = replace(
        recipe,
        optimiser=replace(recipe.optimiser, steps=5),
        detector=replace(recipe.detector, again=again),
    )
    crystals = runs[0] / "crystals"
    (tmp_path / "crystals").symlink_to(crystals, target_is_directory=True)
    found = train(longer, tmp_path, resume_from=end, show_progressbar=False)
    before, after = arrays_of(end), arrays_of(found)
    fixed = [name for name in before if name.startswith("fixed_")]
    changed = [not np.array_equal(before[i], after[i]) for i in fixed]
    assert fixed and any(changed) == again
    # Once: a run that goes on has it in its checkpoint.
    (tmp_path / "detector.npz").unlink(missing_ok=True)
    last = replace(longer, optimiser=replace(longer.optimiser, steps=6))
    final = arrays_of(train(last, tmp_path, show_progressbar=False))
    for name in fixed:
        np.testing.assert_array_equal(final[name], after[name])


def test_crystals_of_earlier_recipes_are_kept(runs, recipe, tmp_path):
    """Those of a recipe that another goes on from are still trained on."""
    end = runs[0] / "checkpoint.npz"
    earlier = set(Shards(recipe, runs[0] / "crystals").trained_on(4))
    assert set(arrays_of(end)["crystals"].tolist()) == earlier
    other = replace(
        recipe, seed=9, optimiser=replace(recipe.optimiser, steps=5)
    )
    checkpoint = train(
        other, tmp_path, resume_from=end, show_progressbar=False
    )
    shards = Shards(other, tmp_path / "crystals")
    own = set(shards.trained_on(5))
    assert own - earlier and earlier - own
    path = tmp_path / "model.symml"
    export(other, checkpoint, path, shards)
    card = load_model(path).card["training_set"]
    assert card["crystals"] == sorted(own | earlier)


def test_checkpoint_of_another_network(runs, recipe):
    other = replace(recipe, network=recipe.network | {"width": 24})
    with pytest.raises(ValueError, match="of another network.*shapes"):
        Trainer(other).restore(runs[0] / "checkpoint.npz")


@pytest.fixture(scope="module")
def new_trainer(recipe):
    """A trainer, and the weights that it started from."""
    trainer = Trainer(recipe)
    return trainer, values(trainer.variables)


@pytest.fixture(scope="module")
def trainer(runs, new_trainer):
    trainer, _ = new_trainer
    trainer.restore(runs[0] / "checkpoint.npz")
    return trainer


def test_saved_and_restored(trainer, runs, tmp_path):
    assert trainer.step == 4 and trainer.seconds > 0
    trainer.save(tmp_path / "again.npz")
    expected = arrays_of(runs[0] / "checkpoint.npz")
    found = arrays_of(tmp_path / "again.npz")
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_averaged_weights(trainer):
    """They are in the network inside the context only."""
    before = values(trainer.variables)
    with trainer.averaged():
        inside = values(trainer.variables)
    after = values(trainer.variables)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    changed = [
        np.abs(a - b).max() for a, b in zip(before, inside, strict=True)
    ]
    assert 0 < max(changed) < 0.1


def test_averaged_weights_after_an_error(trainer):
    before = values(trainer.variables)
    with pytest.raises(RuntimeError), trainer.averaged():
        raise RuntimeError
    for a, b in zip(before, values(trainer.variables), strict=True):
        np.testing.assert_array_equal(a, b)


def test_score(trainer, monkeypatch):
    """Share of patterns whose Bravais lattice is right."""
    p = np.full((4, 230), 1e-3)
    # Fm-3m, Im-3m, P1 and, of the lattice cF but another group, F23.
    p[range(4), [224, 228, 0, 195]] = 1
    monkeypatch.setattr(trainer, "predict", lambda views: p)
    numbers = np.array([225, 225, 2, 225])
    assert trainer.score({"a": (None, numbers)}) == {"a": 0.75}


@pytest.mark.parametrize("seed", [5, 6])
def test_start_is_that_of_the_seed(new_trainer, recipe, seed):
    _, start = new_trainer
    other = values(Trainer(replace(recipe, seed=seed)).variables)
    same = [np.array_equal(a, b) for a, b in zip(start, other, strict=True)]
    assert all(same) == (seed == recipe.seed)


# ------------------------------------------------------------------- log


def test_log_is_cut(tmp_path):
    log = Log(
        tmp_path / "log.csv", ("step", "minutes", "loss", *_loop._SCORED)
    )
    log.cut_after(3)
    assert not log.path.exists()
    scores = dict.fromkeys(_loop._SCORED, 0.5)
    for step in (2, 4, 6):
        log.add(step=step, minutes=0.1 * step, loss=1.0, **scores)
    before = log.path.read_text()
    log.cut_after(6)
    assert log.path.read_text() == before
    log.cut_after(5)
    assert [i["step"] for i in log.lines()] == ["2", "4"]
    assert before.startswith(log.path.read_text())
    log.cut_after(0)
    assert not log.path.exists()
