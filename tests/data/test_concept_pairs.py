"""Concepts as domains: whose rows are where, and that none is in two places."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest

from tests.support import config_of, dataset_of, loaded
from tlbench.data.base_dataset import Dataset, Pair
from tlbench.data.concept_pairs import ConceptPairs, dealt
from tlbench.data.domain import Domain
from tlbench.data.images.image_files import ImageFiles
from tlbench.errors import TlbenchError

LABELS = np.repeat(np.arange(6), [4, 6, 8, 10, 4, 2])
GROUPS = np.arange(34) // 2


class Small(Dataset):
    """One domain of 34 rows, two of each group; row i is (i, 0)."""

    def __init__(self, data_dir=None, names=None, given_test=None):
        super().__init__(name="small", short={"all": "A", "none": "N"}, classes="abcdef", input_shape=[2])
        self.names, self.given_test, self.data_dir = names, given_test, data_dir

    def load(self, domain):
        inputs = np.stack([np.arange(34.0), np.zeros(34)], axis=1)
        return Domain(domain, inputs, LABELS, GROUPS, self.given_test, self.names)

    def is_here(self, domain):
        return self.data_dir != "nowhere"

    def fingerprint(self, domains):
        return f"{domains} of {self.data_dir}"


def concepts(of=Small, **changed):
    settings = {
        "name": "small_concepts",
        "domain": "all",
        "short": {"ax": "A", "bee": "B", "others": "O"},
        "concepts": {"ax": "a", "bee": "b"},
        "background": ["c", "d"],
        "others": ["f"],
        "draw": 0,
    }
    return ConceptPairs(of=of, **{**settings, **changed})


def rows(dataset, name):
    return dataset.load(name).inputs[:, 0].astype(int)


def test_a_domain_has_its_concept_and_half_of_each_class_of_the_background():
    ours = concepts()
    for name, number, size in (("ax", 0, 4), ("bee", 1, 6)):
        domain, mine = ours.load(name), rows(ours, name)
        assert domain.name == name
        assert np.bincount(LABELS[mine]).tolist() == [
            *([0] * number),
            size,
            *([0] * (1 - number)),
            4,
            domain.labels.tolist().count(0) - 4,
        ]
        assert (domain.labels == (LABELS[mine] == number)).all()
        assert (domain.groups == GROUPS[mine]).all()
    # 4 groups of c are two each; of the 5 of d the hand whose turn it is gets three
    assert [np.bincount(LABELS[rows(ours, name)])[3] for name in ("ax", "bee")] == [6, 4]
    assert ours.classes == ("background", "concept")
    assert ours.input_shape == (2,)


def test_others_are_the_rows_of_their_classes_and_all_background():
    domain = concepts(others=["f", "e"]).load("others")
    assert domain.inputs[:, 0].tolist() == [28, 29, 30, 31, 32, 33]
    assert domain.labels.tolist() == [0] * 6


def test_no_row_and_no_group_is_in_two_domains_and_no_part_is_left_over():
    ours = concepts()
    found = [rows(ours, name) for name in ours.domains]
    together = np.concatenate(found)
    assert len(np.unique(together)) == len(together)
    assert sorted(together) == np.flatnonzero(LABELS != 4).tolist()  # class e has no part
    for one, two in combinations(found, 2):
        assert not np.isin(GROUPS[one], GROUPS[two]).any()


def test_hands_are_even_by_class_and_another_draw_deals_otherwise():
    labels, groups = np.repeat([0, 1, 2], [9, 6, 4]), np.arange(19)
    hands = dealt(labels, groups, 3, np.random.default_rng(0))
    assert sorted(np.concatenate(hands)) == list(range(19))
    counts = np.array([np.bincount(labels[hand], minlength=3) for hand in hands])
    assert counts.tolist() == [[3, 2, 2], [3, 2, 1], [3, 2, 1]]
    assert all((np.diff(hand) > 0).all() for hand in hands)
    other = dealt(labels, groups, 3, np.random.default_rng(1))
    assert any(one.tolist() != two.tolist() for one, two in zip(hands, other, strict=True))
    assert any(rows(concepts(), "ax").tolist() != rows(concepts(draw=d), "ax").tolist() for d in (1, 2, 3))
    assert rows(concepts(), "ax").tolist() == rows(concepts(), "ax").tolist()


def test_what_examples_are_called_and_a_given_test_part_come_along():
    names, test = tuple(f"n{i}" for i in range(34)), np.arange(34) % 3 == 0
    domain = concepts(partial(Small, names=names, given_test=test)).load("bee")
    mine = domain.inputs[:, 0].astype(int)
    assert domain.ids(np.array([1]))[0] == f"bee/n{mine[1]}"
    assert (domain.given_test == test[mine]).all()
    plain = concepts().load("bee")
    assert plain.given_test is None
    assert plain.ids(np.array([1]))[0] == f"bee/{mine[1]}"


def test_images_in_files_are_not_read_to_be_parted():
    class Pictures(Small):
        def load(self, domain):
            images = ImageFiles(names=[str(i) for i in range(34)], read=None, content="", kept=np.arange(34) + 100)
            return Domain(domain, images, LABELS, GROUPS)

    assert (concepts(Pictures).load("bee").inputs.kept == rows(concepts(), "bee") + 100).all()


def test_the_fingerprint_is_of_the_rows_the_labels_and_the_data():
    print_of = concepts().fingerprint(["ax", "bee"])
    assert print_of == concepts().fingerprint(["bee", "ax"])
    assert len(print_of) == 16
    others = [
        concepts().fingerprint(["ax"]),
        concepts().fingerprint(["ax", "bee", "others"]),
        concepts(draw=1).fingerprint(["ax", "bee"]),
        concepts(background=["c"]).fingerprint(["ax", "bee"]),
        concepts(data_dir="elsewhere").fingerprint(["ax", "bee"]),
        concepts(concepts={"ax": "b", "bee": "a"}).fingerprint(["ax", "bee"]),
    ]
    assert len({print_of, *others}) == 7


def test_the_same_rows_with_other_labels_are_other_data():
    class Grouped(Small):
        def load(self, domain):
            return Domain(
                domain, np.zeros((34, 2)), LABELS, LABELS
            )  # a class is one group, which goes to the first concept

    one = concepts(Grouped, background=["c"])
    two = concepts(Grouped, background=["a"], concepts={"ax": "c", "bee": "b"})
    assert one.load("ax").ids(np.arange(12)).tolist() == two.load("ax").ids(np.arange(12)).tolist()
    assert one.fingerprint(["ax"]) != two.fingerprint(["ax"])


def test_what_becomes_of_the_others_is_nothing_to_the_concepts():
    domains = ["ax", "bee"]
    assert concepts(others=["e", "f"]).fingerprint(domains) == concepts().fingerprint(domains)


def test_others_can_only_be_a_bridge():
    ours = concepts()
    assert ours.pairs == [Pair(("ax",), "bee"), Pair(("bee",), "ax")]
    assert ours.pair("A-O-B") == Pair(("ax",), "bee", ("others",))
    assert ours.pair("rest-bee") == Pair(("ax",), "bee")
    assert [str(pair) for pair in ours.pairs_of("leave_one_out")] == ["bee-ax", "ax-bee"]
    assert [str(pair) for pair in ours.pairs_of("chains")] == ["ax-others-bee", "bee-others-ax"]
    for text in ("others-ax", "ax-others", "ax+others-bee"):
        with pytest.raises(TlbenchError, match=rf"'others' of small_concepts can only be a bridge.* got '{text[:3]}"):
            ours.pair(text)


def test_a_domain_is_here_if_the_whole_is():
    assert concepts(data_dir="there").is_here("others")
    assert not concepts(data_dir="nowhere").is_here("ax")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"domain": "al"}, r"Unknown domain 'al'\. Did you mean 'all'\? .*dataset\.domain"),
        ({"background": ["c", "x"]}, "Unknown class 'x'"),
        ({"background": ["c", "b"]}, "class 'b' is named 2 times"),
        ({"others": ["d", "f"]}, "class 'd' is named 2 times"),
        ({"concepts": {"ax": "a", "bee": "a"}}, "class 'a' is named 2 times"),
        ({"background": []}, "needs two concepts or more, and a class or more each"),
        ({"others": []}, "needs two concepts or more, and a class or more each"),
        ({"concepts": {"ax": "a"}}, "needs two concepts or more, and a class or more each"),
        ({"short": {"ax": "A", "bee": "B"}}, r"dataset\.short must name the domains ax, bee, others"),
        ({"draw": -1}, r"dataset\.draw be 0 or more"),
    ],
)
def test_what_cannot_be_parted_is_refused(changed, told):
    concepts()
    with pytest.raises(TlbenchError, match=told):
        concepts(**changed)


@pytest.fixture(scope="module")
def digits():
    return dataset_of(config_of("dataset=concept_digits", "pair=2-3", "method=source_only"))


def test_the_digits_of_a_domain_are_its_own_and_those_that_they_say(digits):
    whole = digits.whole.load("handwritten")
    found = {name: digits.load(name) for name in digits.domains}
    for name, digit in {"two": 2, "three": 3, "five": 5, "eight": 8}.items():
        domain = found[name]
        assert (domain.labels == 1).sum() == (whole.labels == digit).sum()
        background = np.array([int(i.split("/")[1]) for i in domain.ids(np.flatnonzero(domain.labels == 0))])
        counts = np.bincount(whole.labels[background], minlength=10)
        assert counts[[2, 3, 5, 7, 8, 9]].sum() == 0
        assert np.ptp(counts[[0, 1, 4, 6]]) <= 4  # a digit is two drawings
        assert (whole.inputs[background] == domain.inputs[domain.labels == 0]).all()
    assert len(found["others"]) == np.isin(whole.labels, [7, 9]).sum()
    for one, two in combinations(found.values(), 2):
        assert not np.isin(one.groups, two.groups).any()


def test_a_chain_shows_a_method_the_others_without_labels(digits):
    task, _, hidden = loaded(config_of("dataset=concept_digits", "pair=2-O-3", "method=gradual_self_training"))
    (bridge,) = task.bridges
    assert bridge.shape == (len(digits.load("others")), 3, 16, 16)
    assert task.n_classes == 2
    assert set(hidden.labels) == {0, 1}


@pytest.mark.data
@pytest.mark.usefixtures("real_data")
def test_concepts_of_caltech10():
    ours = dataset_of(config_of("dataset=concept_caltech10", "pair=M-B", "method=source_only"))
    sizes = {name: np.bincount(ours.load(name).labels, minlength=2).tolist() for name in ours.domains}
    assert {name: size[1] for name, size in sizes.items()} == {
        "bike": 110,
        "laptop": 128,
        "mouse": 94,
        "mug": 87,
        "others": 0,
    }
    assert sum(size[0] for name, size in sizes.items() if name != "others") == 151 + 100 + 138 + 97
    assert sizes["others"][0] == 85 + 133
