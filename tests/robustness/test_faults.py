# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults while work is going on: nothing corrupt remains."""

import contextlib
import os
import shutil
import signal as signals
import subprocess
import sys
from pathlib import Path

import kikuchipy as kp
import numpy as np
import orix.io
import pytest

import kikuchipy_symml
from kikuchipy_symml import classify_symmetry, load_model
from kikuchipy_symml._cli import _output, main
from kikuchipy_symml.classify import _mapping
from kikuchipy_symml.models import save_model

SCAN = Path(kp.__file__).parent / "data/kikuchipy_h5ebsd/patterns.h5"


@pytest.fixture
def folder(tmp_path):
    """A folder with nothing but outputs."""
    path = tmp_path / "out"
    path.mkdir()
    return path


@pytest.fixture
def command(folder, model_file):
    def run(*arguments):
        return main(
            ["classify", str(SCAN), "-o", str(folder / "out.h5")]
            + ["--plot", str(folder / "out.png")]
            + ["--model", str(model_file), "--quiet", *arguments]
        )

    return run


ON_FULL_DISK = """
import resource, sys
from kikuchipy_symml._cli import main
n_bytes, elsewhere, *arguments = sys.argv[1:]
# Import and compile everything while there is room
main([*arguments, "-o", elsewhere + "/a.h5", "--plot", elsewhere + "/a.png"])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(n_bytes), hard))
outputs = sys.stdin.read().split()
sys.exit(main([*arguments, *outputs]))
"""


@pytest.fixture
def command_on_full_disk(folder, model_file, tmp_path):
    """The command in a process of its own: the HDF5 library of a process
    does not survive a full disk."""
    pytest.importorskip("resource")

    def run(n_bytes, *options):
        outputs = ["-o", folder / "out.h5", "--plot", folder / "out.png"]
        done = subprocess.run(
            [sys.executable, "-c", ON_FULL_DISK, str(n_bytes), str(tmp_path)]
            + ["classify", str(SCAN), "--model", str(model_file), "--quiet"],
            input="\n".join(map(str, [*outputs, *options])),
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    return run


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


@contextlib.contextmanager
def full_disk(n_bytes):
    """No file can grow beyond so many bytes, as if the disk were full."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestFullDisk:
    @pytest.mark.parametrize("n_bytes", [0, 100, 4000])
    def test_model_file(self, model_file, folder, n_bytes):
        path = folder / "copy.symml"
        shutil.copy(model_file, path)
        before = path.read_bytes()
        model = load_model(model_file)
        with full_disk(n_bytes), pytest.raises(OSError):
            model.save(path)
        assert path.read_bytes() == before
        assert files_in(folder) == ["copy.symml"]

    def test_network(self, make_network, card, folder):
        network = make_network()
        with full_disk(100), pytest.raises(OSError):
            save_model(network, card, folder / "new.symml")
        assert files_in(folder) == []

    @pytest.mark.parametrize("n_bytes", [0, 20_000])
    def test_command(self, command_on_full_disk, folder, n_bytes):
        status, printed = command_on_full_disk(n_bytes)
        # After our error the HDF5 library may crash as the process ends
        assert status != 0
        assert "error: " in printed
        # What was written before the disk was full is whole
        assert files_in(folder) in ([], ["out.h5"])
        if files_in(folder):
            assert orix.io.load(folder / "out.h5").shape == (3, 3)

    def test_command_that_replaces(self, command_on_full_disk, folder):
        (folder / "out.h5").write_text("old")
        status, printed = command_on_full_disk(2000, "--force")
        assert status != 0
        assert "error: " in printed
        assert (folder / "out.h5").read_text() == "old"
        assert files_in(folder) == ["out.h5"]


class Interruption:
    """Ctrl-C at the n-th call of a function of the package in the main
    thread.

    Not within other packages: a command ends after Ctrl-C, but this process
    goes on, and the HDF5 library does not survive to be left in the middle.
    """

    package = str(Path(kikuchipy_symml.__file__).parent)

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def __call__(self, frame, event, arg):
        ours = frame.f_code.co_filename.startswith(self.package)
        if event == "call" and ours:
            self.calls += 1
            if self.calls == self.at:
                raise KeyboardInterrupt

    def run(self, function, *arguments):
        sys.setprofile(self)
        try:
            return function(*arguments)
        except KeyboardInterrupt:
            return 130
        finally:
            sys.setprofile(None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("force", [False, True])
def test_interrupted_at_any_moment(command, folder, force):
    arguments = ["--force"] if force else []
    # Import and compile everything first, then count
    assert command("--force") == 0
    whole = Interruption(at=0)
    assert whole.run(command, "--force") == 0
    path = folder / "out.h5"
    moments = np.linspace(1, whole.calls, 12).astype(int)
    # Most of all while files are written, in the second half
    moments = np.r_[moments, np.linspace(0.9, 1, 8) * whole.calls].astype(int)
    interrupted = 0
    for moment in moments:
        for old in folder.iterdir():
            old.unlink()
        if force:
            path.write_text("old")
        status = Interruption(at=moment).run(command, *arguments)
        # Some calls, as those of __del__, pass over any exception
        assert status in (0, 130), moment
        interrupted += status == 130
        assert set(files_in(folder)) <= {"out.h5", "out.png"}, moment
        if path.exists() and not (force and path.read_bytes() == b"old"):
            assert orix.io.load(path).shape == (3, 3), moment
        assert path.exists() or not force
    assert interrupted > len(moments) / 2


@pytest.mark.parametrize("links", [True, False])
def test_interrupted_as_the_file_gets_its_name(folder, monkeypatch, links):
    def interrupt(*args):
        raise KeyboardInterrupt

    if not links:
        monkeypatch.setattr(
            os,
            "link",
            lambda *args: (_ for _ in ()).throw(
                PermissionError("no links here")
            ),
        )
    monkeypatch.setattr(os, "link" if links else "replace", interrupt)
    path = folder / "out.txt"
    with pytest.raises(KeyboardInterrupt):
        with _output.replacing(path, force=False) as temporary:
            temporary.write_text("result")
    assert files_in(folder) == []


def test_drive_without_links(folder, monkeypatch):
    def refuse(*args):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    path = folder / "out.txt"
    with _output.replacing(path, force=False) as temporary:
        temporary.write_text("first")
    with pytest.raises(FileExistsError, match="out.txt"):
        with _output.replacing(path, force=False) as temporary:
            temporary.write_text("second")
    assert path.read_text() == "first"
    assert temporary.read_text() == "second"


def test_out_of_memory(command, folder, monkeypatch, capsys):
    def run_out(*args):
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr(_mapping, "canonical_views", run_out)
    assert command() == 1
    assert "MemoryError: Unable to allocate 9 GiB" in capsys.readouterr().err
    assert files_in(folder) == []


WRITER = """
import sys
from pathlib import Path
from kikuchipy_symml.models._model import _write_file
target, *sources = map(Path, sys.argv[1:])
data = [path.read_bytes() for path in sources]
print("ready", flush=True)
while True:
    for one in data:
        _write_file(target, one)
"""


def test_two_processes_share_a_model_file(
    model_file, make_network, card, folder, tmp_path
):
    """One writes it over and over until it is killed, the other always
    reads one of the two models, whole."""
    other = tmp_path / "other.symml"
    save_model(make_network(seed=6), card, other)
    target = folder / "shared.symml"
    shutil.copy(model_file, target)
    known = {load_model(path).sha256 for path in (model_file, other)}

    seen = set()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, target, model_file, other],
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout.readline() == "ready\n"
        for _ in range(50):
            seen.add(load_model(target).sha256)
        writer.send_signal(signals.SIGKILL)
    assert seen <= known
    assert load_model(target).sha256 in known
    # Killed within a write, it leaves a file that no one takes for another
    left = [name for name in files_in(folder) if name != "shared.symml"]
    assert len(left) <= 1
    assert all(name.endswith(".part") for name in left)


@pytest.mark.filterwarnings("ignore")
def test_killed_worker(model_file, make_signal, cluster_of):
    """The work of a killed worker of a cluster is done by the next one,
    with the same answer."""
    signal = make_signal((6, 4, 24, 30))
    expected = classify_symmetry(
        signal, model_file, "space_group", show_progressbar=False
    )
    lazy = signal.as_lazy()
    lazy.data = lazy.data.rechunk((2, 4, 24, 30))
    with cluster_of(1) as client:
        workers = client.cluster.workers
        deferred = classify_symmetry(lazy, model_file, compute=False)
        future = client.compute(deferred)
        first = next(iter(workers.values())).pid
        os.kill(first, signals.SIGKILL)
        probabilities = future.result(timeout=300)
        client.wait_for_workers(1)
        assert next(iter(workers.values())).pid != first
    np.testing.assert_allclose(
        probabilities, expected.probabilities, rtol=0, atol=1e-5
    )
