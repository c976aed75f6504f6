# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line."""

import argparse
import subprocess
import sys
from pathlib import Path

import h5py
import kikuchipy as kp
import numpy as np
import orix.io
import pytest

import kikuchipy_symml
from kikuchipy_symml import _cli
from kikuchipy_symml._cli import main
from kikuchipy_symml._cli._output import (
    CommandLineError,
    check_output,
    replacing,
)
from kikuchipy_symml.symmetry import class_names

DATA = Path(kp.__file__).parent / "data"
SCAN = str(DATA / "kikuchipy_h5ebsd/patterns.h5")
SINGLE = str(DATA / "kikuchipy_h5ebsd/patterns_nochunks.h5")
NORDIF = str(DATA / "nordif/Pattern.dat")
MASTER = str(
    DATA / "emsoft_ebsd_master_pattern/ni_mc_mp_20kv_uint8_gzip_opts9.h5"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def classify(folder, untrained_model):
    """Run the command with the untrained model, return its status."""

    def run(scan=SCAN, *args, output="out.h5"):
        return main(
            [
                "classify",
                scan,
                "-o",
                output,
                "--model",
                str(untrained_model),
                *args,
            ]
        )

    return run


@pytest.fixture(scope="module")
def expected(untrained_model):
    signal = kp.data.nickel_ebsd_small()
    return signal.classify_symmetry(untrained_model, show_progressbar=False)


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


class TestDispatch:
    def test_no_command_lists_the_commands(self, capsys):
        assert main([]) == 0
        assert "classify" in capsys.readouterr().out

    def test_command_without_module_is_absent(self, capsys, monkeypatch):
        monkeypatch.setitem(_cli.COMMANDS, "absent", "not there")
        assert main([]) == 0
        assert "absent" not in capsys.readouterr().out
        with pytest.raises(SystemExit) as exit_info:
            main(["absent"])
        assert exit_info.value.code == 2

    def test_every_command_has_its_functions(self):
        for name in _cli.available_commands():
            parser = argparse.ArgumentParser()
            module = _cli.importlib.import_module(f"{_cli.__name__}.{name}")
            module.add_arguments(parser)
            assert callable(module.run)
            assert parser.format_help()

    def test_only_the_command_asked_for_is_imported(self):
        code = (
            "import sys; from kikuchipy_symml._cli import main; main([]);"
            "print([m for m in sys.modules if m.startswith("
            "'kikuchipy_symml._cli.')])"
        )
        process = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True
        )
        last_line = process.stdout.splitlines()[-1]
        assert last_line == "['kikuchipy_symml._cli._output']"

    def test_version(self, capsys):
        with pytest.raises(SystemExit) as exit_info:
            main(["--version"])
        assert exit_info.value.code == 0
        assert kikuchipy_symml.__version__ in capsys.readouterr().out

    def test_module_as_a_program(self, folder):
        def run(*args):
            return subprocess.run(
                [sys.executable, "-m", "kikuchipy_symml", *args],
                capture_output=True,
                text=True,
            )

        shown = run("classify", "--help")
        assert shown.returncode == 0
        assert "--level" in shown.stdout
        failed = run("classify", "no_such_scan.h5", "-o", "out.h5")
        assert failed.returncode == 2
        assert "There is no file 'no_such_scan.h5'" in failed.stderr
        assert "Traceback" not in failed.stderr
        assert files_in(folder) == []

    def test_interrupted(self, classify, folder, monkeypatch, capsys):
        def interrupt(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr(kikuchipy_symml, "classify_symmetry", interrupt)
        assert classify() == 130
        assert "Interrupted" in capsys.readouterr().err
        assert files_in(folder) == []


class TestClassify:
    def test_writes_what_was_found(self, classify, folder, expected, capsys):
        assert classify(SCAN, "--plot", "map.png") == 0
        assert files_in(folder) == ["map.png", "out.h5"]

        xmap = orix.io.load("out.h5")
        assert xmap.shape == (3, 3)
        np.testing.assert_array_equal(xmap.phase_id, expected.phase_id.ravel())
        np.testing.assert_allclose(
            xmap.prop["confidence"], expected.confidence.ravel(), rtol=1e-5
        )
        assert xmap.phases.names == expected.names
        signal = kp.data.nickel_ebsd_small()
        signal.xmap = xmap

        printed = capsys.readouterr()
        assert str(expected) in printed.out
        assert "Wrote out.h5" in printed.out
        assert "Wrote map.png" in printed.out

    def test_names_the_columns(self, classify, untrained_model):
        assert classify(SCAN, "--level", "laue_group") == 0
        with h5py.File("out.h5") as file:
            attributes = dict(file["kikuchipy_symml"].attrs)
        names = class_names("laue_group")
        assert attributes["level"] == "laue_group"
        assert tuple(attributes["class_names"]) == names
        assert attributes["model"] == str(untrained_model)
        assert attributes["version"] == kikuchipy_symml.__version__
        xmap = orix.io.load("out.h5")
        assert xmap.prop["probabilities"].shape == (9, len(names))

    def test_reads_lazily(self, classify, monkeypatch):
        seen = []
        function = kikuchipy_symml.classify_symmetry

        def spy(signal, *args, **kwargs):
            seen.append(signal)
            return function(signal, *args, **kwargs)

        monkeypatch.setattr(kikuchipy_symml, "classify_symmetry", spy)
        assert classify() == 0
        assert seen[0]._lazy

    def test_min_confidence(self, classify):
        assert classify(SCAN, "--min-confidence", "1") == 0
        assert not orix.io.load("out.h5").is_indexed.any()

    def test_quiet(self, classify, capsys):
        assert classify(SCAN, "--quiet") == 0
        assert capsys.readouterr().out == ""

    def test_candidates(self, classify, folder, capsys):
        for name, group in [("one", "F m -3 m"), ("two", "I m -3 m")]:
            (folder / f"{name}.cif").write_text(
                f"data_{name}\n"
                "_cell_length_a 3\n_cell_length_b 3\n_cell_length_c 3\n"
                "_cell_angle_alpha 90\n_cell_angle_beta 90\n"
                "_cell_angle_gamma 90\n"
                f"_symmetry_space_group_name_H-M '{group}'\n"
                "loop_\n_atom_site_label\n_atom_site_type_symbol\n"
                "_atom_site_fract_x\n_atom_site_fract_y\n"
                "_atom_site_fract_z\nNi1 Ni 0 0 0\n"
            )
        arguments = ["--candidate", "one.cif", "--candidate", "two.cif"]
        assert classify(SCAN, *arguments) == 0
        assert set(orix.io.load("out.h5").phases.names) <= {"one", "two"}

    @pytest.mark.parametrize(
        ("convention", "pc"),
        [
            ("bruker", (0.4, 0.2, 0.6)),
            ("tsl", (0.4, 0.8, 0.6)),
            ("oxford", (0.4, 0.8, 0.6)),
        ],
    )
    def test_projection_centre(self, classify, monkeypatch, convention, pc):
        seen = []
        function = kikuchipy_symml.classify_symmetry

        def spy(signal, *args, **kwargs):
            seen.append(signal.detector.pc)
            return function(signal, *args, **kwargs)

        monkeypatch.setattr(kikuchipy_symml, "classify_symmetry", spy)
        arguments = ["--pc", *map(str, pc), "--pc-convention", convention]
        assert classify(SCAN, *arguments) == 0
        np.testing.assert_allclose(seen[0].reshape(-1), (0.4, 0.2, 0.6))

    def test_projection_centre_is_found(self, classify, monkeypatch, capsys):
        def find(signal, model, **kwargs):
            detector = signal.detector.deepcopy()
            detector.pc = (0.4, 0.2, 0.6)
            return detector

        monkeypatch.setattr(kikuchipy_symml, "find_projection_centre", find)
        assert classify(NORDIF, "--find-pc") == 0
        printed = capsys.readouterr()
        assert "Projection centre found: (0.400, 0.200, 0.600)" in printed.out
        assert "warning: " not in printed.err
        with h5py.File("out.h5") as file:
            found = file["kikuchipy_symml"].attrs["projection_centre_found"]
        np.testing.assert_allclose(found, (0.4, 0.2, 0.6))

    def test_found_or_given(self, classify):
        with pytest.raises(SystemExit) as stopped:
            classify(SCAN, "--find-pc", "--pc", "0.4", "0.2", "0.6")
        assert stopped.value.code == 2

    def test_default_projection_centre_draws_a_warning(self, classify, capsys):
        assert classify(NORDIF) == 0
        printed = capsys.readouterr().err
        assert "warning: " in printed
        assert "(0.5, 0.5, 0.5)" in printed

    def test_reader_keywords(self, classify):
        scan = str(DATA / "edax_binary/edax_binary.up1")
        arguments = ["--pc", "0.4", "0.2", "0.5"]
        assert classify(scan, *arguments, "--reader", "nav_shape=(3, 3)") == 0
        assert orix.io.load("out.h5").shape == (3, 3)
        arguments += ["--force", "--reader", "no_such_keyword=1"]
        assert classify(scan, *arguments) == 1

    def test_single_pattern(self, classify, folder):
        plots = ["--plot", "map.png", "--plot-probabilities", "p.png"]
        assert classify(SINGLE, *plots) == 0
        assert files_in(folder) == ["map.png", "out.h5", "p.png"]
        assert orix.io.load("out.h5").size == 1


class TestNothingIsLost:
    def test_existing_output_is_kept(self, classify, folder, capsys):
        Path("out.h5").write_text("mine")
        assert classify() == 2
        assert (
            "'out.h5' exists: --force replaces it" in capsys.readouterr().err
        )
        assert Path("out.h5").read_text() == "mine"

    def test_existing_plot_is_kept(self, classify, folder):
        Path("map.png").write_text("mine")
        assert classify(SCAN, "--plot", "map.png") == 2
        assert files_in(folder) == ["map.png"]

    def test_said_before_any_work(self, classify, monkeypatch):
        def fail(*args, **kwargs):
            raise AssertionError("work began")

        monkeypatch.setattr(kikuchipy_symml, "load_model", fail)
        monkeypatch.setattr(kp, "load", fail)
        Path("out.h5").write_text("mine")
        assert classify() == 2

    def test_force_replaces(self, classify, folder):
        Path("out.h5").write_text("mine")
        assert classify(SCAN, "--force") == 0
        assert orix.io.load("out.h5").size == 9
        assert files_in(folder) == ["out.h5"]

    def test_force_does_not_replace_an_input(self, classify, capsys):
        signal = kp.data.nickel_ebsd_small()
        signal.save("scan.h5")
        before = Path("scan.h5").read_bytes()
        assert classify("scan.h5", "--force", output="scan.h5") == 2
        assert "'scan.h5' is also an input" in capsys.readouterr().err
        assert Path("scan.h5").read_bytes() == before

    def test_failure_leaves_the_old_file(self, classify, folder, monkeypatch):
        def fail(path, *args, **kwargs):
            Path(path).write_text("half")
            raise OSError("No space left on device")

        monkeypatch.setattr(orix.io, "save", fail)
        Path("out.h5").write_text("mine")
        assert classify(SCAN, "--force") == 1
        assert files_in(folder) == ["out.h5"]
        assert Path("out.h5").read_text() == "mine"

    def test_file_written_meanwhile_is_kept(self, folder):
        path = Path("out.h5")
        with pytest.raises(FileExistsError, match="the result is in") as info:
            with replacing(path, force=False) as temporary:
                temporary.write_text("result")
                path.write_text("mine")
        assert path.read_text() == "mine"
        assert temporary.read_text() == "result"
        assert str(temporary) in str(info.value)

    @pytest.mark.parametrize(
        ("path", "match"),
        [
            ("out.ang", r"must end with one of \.h5, not with '\.ang'"),
            ("out", "not with ''"),
            ("nowhere/out.h5", "There is no folder 'nowhere'"),
            ("folder.h5", "is a folder"),
        ],
    )
    def test_check_output(self, folder, path, match):
        Path("folder.h5").mkdir()
        with pytest.raises(CommandLineError, match=match):
            check_output(Path(path), (".h5",), True, [])


class TestErrors:
    @pytest.mark.parametrize(
        "args",
        [
            ["classify"],
            ["classify", SCAN],
            ["classify", SCAN, "-o", "out.h5", "--level", "lattice"],
            ["classify", SCAN, "-o", "out.h5", "--pc", "0.5", "0.5"],
            ["classify", SCAN, "-o", "out.h5", "--reader", "nav_shape"],
        ],
    )
    def test_usage(self, folder, capsys, args):
        with pytest.raises(SystemExit) as exit_info:
            main(args)
        assert exit_info.value.code == 2
        assert "usage: python -m kikuchipy_symml" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("args", "status", "match"),
        [
            (["none.h5"], 2, "There is no file 'none.h5'"),
            ([SCAN, "--candidate", "none.cif"], 2, "no file 'none.cif'"),
            ([SCAN, "--plot", "map.doc"], 2, "must end with one of .png"),
            ([SCAN, "--plot-probabilities", "x/p.png"], 2, "no folder 'x'"),
            (
                [SCAN, "--plot", "a.png", "--plot-probabilities", "a.png"],
                2,
                "same name",
            ),
            ([MASTER], 1, "LazyEBSDMasterPattern, not EBSD patterns"),
            (["text.doc"], 1, "Could not read 'text.doc'"),
            (["text.txt"], 1, "cannot read 'text.txt': IndexError"),
            (["text.h5"], 1, "text.h5"),
            ([SCAN, "--min-confidence", "2"], 1, "not 2"),
            ([SCAN, "--batch-size", "0"], 1, "not 0"),
            ([SCAN, "--pc", "0.5", "0.5", "0"], 1, "PCz > 0"),
        ],
    )
    def test_says_what_is_wrong(
        self, classify, folder, capsys, args, status, match
    ):
        texts = ["text.doc", "text.h5", "text.txt"]
        for name in texts:
            Path(name).write_text("no patterns")
        assert classify(*args) == status
        printed = capsys.readouterr().err
        assert match in printed
        assert "classify: error: " in printed
        assert "Traceback" not in printed
        assert files_in(folder) == texts

    def test_unknown_model(self, folder, capsys):
        status = main(["classify", SCAN, "-o", "a.h5", "--model", "nobody"])
        assert status == 1
        assert "no model named 'nobody'" in capsys.readouterr().err

    def test_debug_shows_the_traceback(self, classify, capsys):
        assert classify("none.h5", "--debug") == 2
        assert "Traceback" in capsys.readouterr().err
