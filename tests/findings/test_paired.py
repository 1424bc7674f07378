import pandas as pd

from tlbench.findings.paired import class_gains_by_seed


def predictions(label, prediction):
    return pd.DataFrame({"label": label, "prediction": prediction})


def test_gains_of_classes_are_those_of_each_seed_on_the_examples_that_it_was_tested_on():
    # seed 0: class 0 has two of three more right, class 1 one of two fewer; seed 1 was not tested on class 0
    one = predictions([0, 0, 0, 1, 1], [0, 0, 1, 0, 1]), predictions([0, 0, 0, 1, 1], [1, 1, 1, 1, 1])
    two = predictions([1, 1, 2], [1, 1, 0]), predictions([1, 1, 2], [0, 1, 0])
    assert class_gains_by_seed([one, two], ["cat", "dog"]) == {"cat": [100 * 2 / 3], "dog": [-50.0, 50.0], "2": [0.0]}
    assert class_gains_by_seed([], ["cat"]) == {}
