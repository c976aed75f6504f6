# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a trained and evaluated model among those that the package ships.

    python -m kikuchipy_symml evaluate mine.symml -o evaluation
    python recipes/ship.py mine.symml evaluation/scores.json

writes the scores into the card, the model to kikuchipy_symml/weights and its
hash to the registry there. It keeps its name unless --name gives another,
which its recipe then bears in the card as well.
"""

import argparse
import hashlib
import json
from pathlib import Path

from kikuchipy_symml.models import load_model, save_model

WEIGHTS = Path(__file__).parents[1] / "kikuchipy_symml" / "weights"


def main() -> None:
    """Ship the model named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--name", help="by default the model's own")
    args = parser.parse_args()

    model = load_model(args.model)
    scores = json.loads(args.scores.read_text())
    name = args.name or model.card["name"]
    trained = dict(model.card["training_set"])
    trained["recipe"] = trained["recipe"] | {"name": name}
    card = model.card | {"name": name, "training_set": trained}
    path = WEIGHTS / f"{name}.symml"
    save_model(model.network, card | {"scores": scores}, path)
    registry = WEIGHTS / "registry.json"
    shipped = json.loads(registry.read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    shipped[name] = {"file": path.name, "sha256": digest}
    registry.write_text(json.dumps(shipped, indent=2) + "\n")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, sha256 {digest}")


if __name__ == "__main__":
    main()
