# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and writing small zip archives that nobody has to trust.

A model file is a zip archive, and so is the Keras file inside it. Both
are read here: the names and declared sizes are checked before anything
is unpacked, and members are only ever read into memory, never written
to a path that the archive chose.
"""

import io
import zipfile
from collections.abc import Mapping

# A directory of millions of entries would take gigabytes to list.
LARGEST_DIRECTORY = 64
# Python unpacks these piece by piece up to a declared size. Of others, a
# few kilobytes can become gigabytes before any size is looked at.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ModelError(ValueError):
    """A model file cannot be used, or a model is not known by a name."""


def read_archive(
    data: bytes, limits: Mapping[str, int], source: str
) -> dict[str, bytes]:
    """Return the members of a zip archive held in memory.

    Parameters
    ----------
    data
        The archive.
    limits
        Names of the members, all of which must be there and nothing
        else, and the most bytes that each may unpack to.
    source
        What to call the archive in an error message.

    Returns
    -------
    members
        Unpacked bytes by name.

    Raises
    ------
    ModelError
        If this is no zip archive, is damaged, or holds other members or
        larger ones than it should.
    """
    entries = data.count(b"PK\x01\x02")
    if entries > LARGEST_DIRECTORY:
        raise ModelError(
            f"{source} has {entries} directory entries, more than the "
            f"{LARGEST_DIRECTORY} allowed"
        )
    # zipfile meets damaged input with exceptions of a dozen kinds, and
    # each of them means the same here.
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as e:
        raise ModelError(f"{source} is not a zip archive: {e}") from None
    with archive:
        infos = archive.infolist()
        names = [info.filename for info in infos]
        missing = [name for name in limits if name not in names]
        if missing:
            raise ModelError(
                f"{source} has no member {missing[0]!r}: it holds "
                f"{_shorten(names)}"
            )
        if len(names) != len(limits):
            raise ModelError(
                f"{source} must hold exactly {list(limits)}, not "
                f"{_shorten(names)}"
            )
        for info in infos:
            limit = limits[info.filename]
            if info.file_size > limit:
                raise ModelError(
                    f"{source} declares {info.file_size} bytes for "
                    f"{info.filename!r}, more than the {limit} allowed"
                )
            if info.compress_type not in METHODS:
                raise ModelError(
                    f"{source} has {info.filename!r} packed by method "
                    f"{info.compress_type}, and only {METHODS} (stored and "
                    "deflated) are allowed"
                )
        try:
            return {info.filename: archive.read(info) for info in infos}
        except Exception as e:
            raise ModelError(f"{source} is damaged: {e}") from None


def write_archive(members: Mapping[str, bytes]) -> bytes:
    """Return a zip archive with these members, in this order.

    Equal members give equal bytes: no time of writing is stored.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            # The default date of a ZipInfo is the fixed 1 January 1980.
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return buffer.getvalue()


def _shorten(names: list[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:5])
    if len(names) > 5:
        shown += f" and {len(names) - 5} more"
    return shown or "nothing"
