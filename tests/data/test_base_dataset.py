import pytest

from tlbench.data.base_dataset import Dataset, Pair
from tlbench.errors import TlbenchError


class Named(Dataset):
    def load(self, domain):
        raise AssertionError

    def fingerprint(self, domains):
        return ""


def office(**changes) -> Dataset:
    short = {"amazon": "A", "dslr": "D", "webcam": "W"}
    return Named(**{"name": "office31", "short": short, "classes": ["mug", "pen"], "input_shape": [4], **changes})


def test_pairs_are_all_ordered_pairs():
    assert [str(pair) for pair in office().pairs] == [
        "amazon-dslr", "amazon-webcam", "dslr-amazon", "dslr-webcam", "webcam-amazon", "webcam-dslr"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("amazon-webcam", Pair(("amazon",), "webcam")),
        ("A-W", Pair(("amazon",), "webcam")),
        ("amazon+D-webcam", Pair(("amazon", "dslr"), "webcam")),
        ("A-D-W", Pair(("amazon",), "webcam", ("dslr",))),
        ("rest-W", Pair(("amazon", "dslr"), "webcam")),
        ("rest-D-W", Pair(("amazon",), "webcam", ("dslr",))),
    ],
)
def test_a_pair_is_read_by_names_and_short_codes(text, want):
    pair = office().pair(text)
    assert pair == want
    assert office().pair(str(pair)) == want


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("amazon-webcm", r"Unknown domain 'webcm'. Did you mean 'webcam'\? Known: amazon, dslr, webcam\. Set by pair="),
        ("amazon", "written source-target"),
        ("-webcam", "written source-target"),
        ("A-amazon", "each domain once"),
        ("A+A-W", "each domain once"),
        ("A-D-A", "each domain once"),
        ("A-D-D-W", "each domain once"),
        ("A--W", "written source-target"),
        ("A-rest", "Unknown domain 'rest'"),
        ("rest-A-D-W", "each domain once"),
    ],
)
def test_a_wrong_pair_is_told(text, message):
    with pytest.raises(TlbenchError, match=message):
        office().pair(text)


def test_a_pair_knows_its_domains_and_itself_without_bridges():
    pair = office().pair("A-D-W")
    assert str(pair) == "amazon-dslr-webcam"
    assert pair.domains == ("amazon", "dslr", "webcam")
    assert str(pair.direct) == "amazon-webcam"


def test_what_the_aliases_stand_for():
    assert [str(p) for p in office().pairs_of("leave_one_out")] == [
        "dslr+webcam-amazon",
        "amazon+webcam-dslr",
        "amazon+dslr-webcam",
    ]
    chains = [str(p) for p in office().pairs_of("chains")]
    assert len(chains) == len(set(chains)) == 6
    assert "webcam-amazon-dslr" in chains
    assert office().pairs_of("all") == office().pairs


def test_no_domain_is_called_rest():
    with pytest.raises(TlbenchError, match="'rest' of office31 is taken"):
        office(short={"rest": "R", "dslr": "D"})


def test_domain_names_are_plain():
    office(short={"real_world2": "R"})
    with pytest.raises(TlbenchError, match="only letters, digits and _"):
        office(short={"real-world": "R"})


def test_domain_names_may_be_of_any_language():
    assert office(short={"白天": "日", "夜晚": "夜"}).pair("日-夜") == Pair(("白天",), "夜晚")


@pytest.mark.parametrize(
    ("short", "both"),
    [({"amazon": "A", "art": "A"}, "'A'"), ({"amazon": "art", "art": "R"}, "'art'")],
)
def test_two_domains_with_one_name_are_told(short, both):
    office(short={"amazon": "A", "art": "art"})
    with pytest.raises(TlbenchError, match=rf"Domains 'amazon' and 'art' of office31 are both called {both}\. Set by"):
        office(short=short)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": " "}, "must have a name"),
        ({"short": {"a": "A", "b": None}}, "Short code 'None' of office31"),
        ({"classes": ["mug"]}, r"office31 has one class \('mug'\); there must be two or more"),
        ({"classes": []}, "office31 has no class"),
        ({"input_shape": [4, 0]}, "input_shape must be whole numbers of 1 or more, got"),
        ({"transforms": [1]}, "transforms must be a list of functions .*got 1"),
    ],
)
def test_what_no_data_set_can_have_is_told(wrong, message):
    office(classes=["mug", "pen"], input_shape=[4, 1], transforms=[lambda inputs, rows: inputs])
    with pytest.raises(TlbenchError, match=message):
        office(**wrong)


def test_pairs_of_the_config_are_what_all_stands_for():
    listed = office(pairs=["A-W", "dslr-amazon"])
    assert [str(pair) for pair in listed.pairs] == ["amazon-webcam", "dslr-amazon"]
    assert str(listed.pair("W-A")) == "webcam-amazon"  # others can be named
    with pytest.raises(TlbenchError, match="Unknown domain"):
        office(pairs=["A-X"]).pairs  # noqa: B018


def test_pairs_here_are_those_whose_domains_are():
    class Part(Named):
        def is_here(self, domain):
            return domain != "webcam"

    whole = office()
    part = Part(name=whole.name, short=whole.short, classes=whole.classes, input_shape=whole.input_shape)
    assert [str(pair) for pair in part.here(part.pairs)] == ["amazon-dslr", "dslr-amazon"]
    assert whole.here(whole.pairs) == whole.pairs
