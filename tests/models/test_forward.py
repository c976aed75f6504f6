# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import ctypes
import sys
from types import SimpleNamespace

from kikuchipy_symml.models._forward import return_freed_memory


class TestReturnFreedMemory:
    """Of a process that has freed much, where the C library can."""

    def test_asks_the_c_library_to(self, monkeypatch):
        asked = []
        library = SimpleNamespace(malloc_trim=asked.append)
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
        return_freed_memory()
        assert asked == [0]

    def test_leaves_libraries_alone_that_cannot(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
        return_freed_memory()

    def test_opens_no_library_elsewhere(self, monkeypatch):
        def refuse(name):
            raise TypeError("as on Windows for None")

        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setattr(ctypes, "CDLL", refuse)
        return_freed_memory()

    def test_runs_on_this_machine(self):
        return_freed_memory()
