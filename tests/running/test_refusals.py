import pytest

from tests.support import config_of
from tlbench.errors import Refused
from tlbench.running.refusals import refuse_impossible
from tlbench.running.setup import Setup

SVM = ("backbone=identity", "classifier=linear_svm")
HEAD = ("backbone=lenet", "classifier=head")
FIXED = ("backbone=identity", "classifier=head")


@pytest.mark.parametrize(
    ("allowed", "refused", "message"),
    [
        (["tradaboost", *SVM, "protocol.shots=1"], ["tradaboost", *SVM], r"tradaboost needs .* protocol\.shots is 0"),
        (["target_only", *SVM, "protocol.shots=1"], ["target_only", *SVM], "target_only needs labelled"),
        (["dann", *HEAD, "protocol.shots=all"], ["dann", *HEAD, "protocol.shots=all", "protocol=sampled"],
         "shots=all labels every target training example, but these are the test under 'sampled 20/class'"),
        (["oracle", *SVM], ["oracle", *SVM, "protocol=transductive"], "its own test examples"),
        (["dann", *HEAD], ["dann", *SVM], "of shape 'gradient', but classifier=linear_svm"),
        (["coral_linear", *SVM], ["coral_linear", *HEAD], "of shape 'estimator', but classifier=head"),
        (["meda"], ["meda", *SVM], "meda is a form of kernel_ridge, .* but classifier=linear_svm"),
        (["sla", "protocol.shots=1"], ["sla", *SVM, "protocol.shots=1"], "sla is a form of autoencoder"),
        (["easytl"], ["easytl", "classifier=kernel_ridge"], "Use classifier=nearest_mean"),
        (["bbse", *SVM], ["bbse", SVM[0], "classifier=nearest_neighbour"], "nearest_neighbour is always sure"),
        (["source_only", *SVM], ["source_only", "backbone=lenet", SVM[1]], "works on fixed features"),
        (["kmm", *SVM], ["kmm", SVM[0], "classifier=nearest_neighbour"],
         "kmm weighs its training examples, and classifier=nearest_neighbour takes no weights"),
        (["dann", *FIXED], ["dann", *FIXED, "classifier.bottleneck=0"], "no features to adapt"),
    ],
)  # fmt: skip
def test_a_refusal_stands_beside_what_is_allowed(allowed, refused, message):
    refuse_impossible(Setup.of(config_of("pair=H-P", f"method={allowed[0]}", *allowed[1:])))
    with pytest.raises(Refused, match=message):
        refuse_impossible(Setup.of(config_of("pair=H-P", f"method={refused[0]}", *refused[1:])))
