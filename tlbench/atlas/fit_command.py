"""`tlbench atlas fit`: the warning's model and its card, from the table of an atlas."""

from __future__ import annotations

from tlbench.aside import replacing
from tlbench.atlas.atlas_file import atlas_folder, read_atlas
from tlbench.atlas.warning_card import card
from tlbench.atlas.warning_trial import fitting_cells, tried
from tlbench.transfer.warning.model import SHIPPED

CARD = "warning.md"


def fit(out: str | None) -> int:
    """Fit the model to the atlas of a folder, and write the card beside it; 0.

    The model goes where tlbench reads it from if the folder is the checkout's own, else into the folder.
    """
    folder = atlas_folder(out)
    cells = fitting_cells(read_atlas(folder))
    trial = tried(cells)
    path = SHIPPED if out is None else folder / SHIPPED.name
    for place, text in ((folder / CARD, card(trial)), (path, trial.model.as_json())):
        with replacing(place) as aside:
            aside.write_text(text, "utf-8")
    print(f"wrote {path} and {folder / CARD}: {len(cells)} cells, {cells['data_family'].nunique()} families of data")
    return 0
