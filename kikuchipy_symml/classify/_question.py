# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an explanation is an answer to: why this class, and not others?

Axes: ``B`` patterns, ``k`` space groups.
"""

from dataclasses import dataclass

import numpy as np

from kikuchipy_symml.symmetry import class_names, space_groups_of, sum_table

# Keeps logarithms finite. Softmax in 32 bits gets no further down.
TINY = 1e-30


@dataclass(frozen=True)
class Question:
    """Why this class?

    Parameters
    ----------
    level
        Level of symmetry.
    of
        Class of that level, or None for the most probable one of each
        pattern (other than *against*).
    against
        Class of that level to compare with, or None for all others
        together.

    Raises
    ------
    ValueError
        If there is no such level, no such class in it, or both classes
        are the same.
    """

    level: str
    of: str | None = None
    against: str | None = None

    def __post_init__(self) -> None:
        class_names(self.level)
        for name in (self.of, self.against):
            if name is not None:
                space_groups_of(self.level, name)
        if self.of is not None and self.of == self.against:
            raise ValueError(
                f"A class cannot be compared with itself: of and against "
                f"are both {self.of!r}"
            )

    def classes(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the classes in question.

        Parameters
        ----------
        p
            Probabilities of the space groups, shape (B, 230).

        Returns
        -------
        of
            Index of the class explained, shape (B,).
        against
            Index of the class compared with, shape (B,); -1 for all
            others.
        """
        names = class_names(self.level)
        against = -1 if self.against is None else names.index(self.against)
        if self.of is not None:
            of = np.full(len(p), names.index(self.of))
        else:
            summed = p @ sum_table(self.level)
            if against >= 0:
                summed[:, against] = -1
            of = np.argmax(summed, axis=1)
        return of, np.full(len(p), against)

    def sides(
        self, of: np.ndarray, against: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the space groups on either side, 1 where they count.

        Parameters
        ----------
        of, against
            From :meth:`classes`.

        Returns
        -------
        for_it, against_it
            Shape (B, 230), float32.
        """
        table = sum_table(self.level).T
        for_it = table[of]
        others = (against == -1)[:, np.newaxis]
        return for_it, np.where(others, 1 - for_it, table[against])


def log_odds(
    p: np.ndarray, for_it: np.ndarray, against_it: np.ndarray
) -> np.ndarray:
    """Return the natural logarithm of how much more probable one side is.

    Parameters
    ----------
    p
        Probabilities of the space groups, shape (B, 230).
    for_it, against_it
        From :meth:`Question.sides`.

    Returns
    -------
    log_odds
        Shape (B,). This is what saliency maps explain: unlike the
        probability, it does not level off where the network is sure.
    """
    up, down = (p * for_it).sum(axis=1), (p * against_it).sum(axis=1)
    return np.log(up + TINY) - np.log(down + TINY)
