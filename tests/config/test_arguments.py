import pytest

from tests.support import config_of
from tlbench.config.arguments import read
from tlbench.errors import TlbenchError


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ("pair=H-P", "pair=H-P"),
        ("pair=白天-夜晚", "pair='白天-夜晚'"),
        ("pair=a-夜,夜-a", "pair='a-夜','夜-a'"),
        ("pair='白天-夜晚'", "pair='白天-夜晚'"),
        ("dataset.root=/数据/my photos", "dataset.root='/数据/my photos'"),
        ("tags=[草稿,paper, 文章 ]", "tags=['草稿',paper, '文章' ]"),
        ('tags=["草稿",é]', "tags=[\"草稿\",'é']"),
        ("dataset.paths={a:日.csv,b:b.csv}", "dataset.paths={a:'日.csv',b:b.csv}"),
        ("~search", "~search"),
    ],
)
def test_words_beyond_ascii_get_the_quotes_that_hydra_wants(given, want):
    assert read([given]) == [want]


def test_what_was_quoted_comes_out_as_it_was_given():
    config = config_of(*read(["pair=H-P", "tags=[草稿,b]", "group=我的 组"]))
    assert (config.tags, config.group) == (["草稿", "b"], "我的 组")


@pytest.mark.parametrize("names", ["{白天:a.csv,b:b.csv}", '{"白天":a.csv,b:b.csv}'])
def test_names_in_braces_cannot_be_quoted_and_the_way_round_is_told(names):
    with pytest.raises(TlbenchError, match=r"ASCII letters only, got .*Write dataset\.paths into a YAML file"):
        read([f"dataset.paths={names}"])


@pytest.mark.parametrize("second", ["pair=P-H", "+pair=P-H", "++pair=P-H"])
def test_a_key_is_set_once(second):
    assert read(["pair=H-P", "seed=0,1", "method.weight=1"]) == ["pair=H-P", "seed=0,1", "method.weight=1"]
    with pytest.raises(TlbenchError, match=r"pair is set twice: pair=H-P and .*Set it once; a sweep takes a list"):
        read(["pair=H-P", "seed=0", second])
