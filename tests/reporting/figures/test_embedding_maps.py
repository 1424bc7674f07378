import numpy as np
import pytest
from matplotlib.colors import to_hex

from tests.reporting.figures.many import maps
from tlbench.findings.embeddings import About
from tlbench.reporting.figures.embedding_maps import embedding_maps


def said(figure):
    return " ".join(figure.get_supxlabel().split())


def test_shapes_are_domains_colours_are_classes_and_numbers_are_printed():
    points, numbers = maps(2)
    figure = embedding_maps(points, numbers)
    raw, trained = figure.axes
    source, target = raw.collections
    own = points[(points["kind"] == "raw") & (points["domain"] == "target")]
    np.testing.assert_allclose(target.get_offsets(), own[["x", "y"]])
    assert len({to_hex(c) for c in target.get_facecolors()}) == 2
    assert len(source.get_facecolors()) == 0  # open
    assert len(source.get_paths()[0].vertices) != len(target.get_paths()[0].vertices)
    assert "1-NN: 99 % (50 %: mixed)\nproxy A-distance 1.90 of 2" in raw.get_xlabel()
    assert "1-NN: 60 %" in trained.get_xlabel()
    assert "last step" not in said(embedding_maps(*maps(2, kinds=("raw",))))
    with pytest.raises(ValueError, match="lacking trained"):
        embedding_maps(points, numbers[:1])


def test_with_many_classes_the_rest_is_grey_and_counted():
    (legend,) = embedding_maps(*maps(9)).legends
    assert [t.get_text() for t in legend.texts][-1] == "2 other classes"
    assert len(legend.texts) == 2 + 7 + 1


def test_panels_and_the_line_below_say_of_what_and_of_which_step_they_are():
    about = About("toy, a-b, seed 3", "dann", "source_only", 10, "dev")
    figure = embedding_maps(*maps(2, kinds=("raw", "reference", "trained")), "pca", about)
    names = [axes.get_xlabel().split("\n")[0] for axes in figure.axes]
    assert names == ["PCA 1: before training", "PCA 1: source_only, after training", "PCA 1: dann, after training"]
    assert "toy, a-b, seed 3." in said(figure)
    assert "Features after the last step; selection dev reports step 10." in said(figure)


@pytest.mark.parametrize(
    ("labels", "words"),
    [("none", "did not see them"), ("shots", "those of the shots"), ("all", "trained on the target")],
)
def test_what_the_method_saw_of_the_target_is_said_with_the_word_oracle(labels, words):
    found = said(embedding_maps(*maps(2), "tsne", About(labels=labels)))
    assert "ORACLE" in found
    assert words in found
    assert "distances of one split. Distances between groups of a t-SNE map mean little." in found
    assert "t-SNE" not in said(embedding_maps(*maps(2), "pca"))
