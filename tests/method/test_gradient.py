import dataclasses

import pytest
import torch
from torch.nn import functional as F

from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.views import TargetBatch


class Recorder(GradientMethod):
    def adaptation_terms(self, source: SourceOutput, target: TargetOutput):
        self.seen = source, target
        return {"extra": target.features.mean()}


def make() -> Recorder:
    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=4, bottleneck=5, dropout=0.0)
    return Recorder(network=Network(Identity(input_shape=(3,)), head))


def test_the_target_output_has_no_place_for_labels():
    assert {f.name for f in dataclasses.fields(TargetOutput)} == {"features", "logits", "rows", "inputs"}


def test_labelled_sets_are_one_pool_for_the_classification_loss():
    method, source, shots = make(), torch.randn(6, 3), torch.randn(2, 3)
    ys, yt = torch.arange(6) % 4, torch.tensor([3, 0])
    terms = method.losses([(source, ys), (shots, yt)], TargetBatch.of(torch.randn(5, 3)))
    logits = method.network(torch.cat([source, shots]))[1]
    torch.testing.assert_close(terms["classification"], F.cross_entropy(logits, torch.cat([ys, yt])))
    assert terms.keys() == {"classification", "extra"}


def test_a_method_sees_the_source_with_labels_and_the_target_without():
    method, source, target = make(), torch.randn(6, 3), torch.randn(5, 3)
    method.losses(
        [(source, torch.zeros(6, dtype=torch.long)), (torch.randn(2, 3), torch.tensor([1, 2]))], TargetBatch.of(target)
    )
    seen_source, seen_target = method.seen
    assert seen_source.labels.tolist() == [0] * 6  # the source set alone, without the shots
    torch.testing.assert_close(seen_target.features, method.network(target)[0])
    torch.testing.assert_close(seen_source.logits, method.network(source)[1])


def test_probabilities_sum_to_one():
    p = make().predict_proba(torch.randn(7, 3))
    torch.testing.assert_close(p.sum(dim=1), torch.ones(7))


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (torch.tensor(1.0), "it returned a Tensor"),
        (None, "it returned a NoneType"),
        ({"gap": torch.ones(3)}, r"it returned a dict with Tensor of shape \(3,\) under 'gap'"),
        ({"gap": 1.0}, "it returned a dict with float"),
    ],
)
def test_terms_that_are_no_dict_of_scalars_are_told_with_the_class(terms, message):
    method, batch = make(), [(torch.randn(6, 3), torch.zeros(6, dtype=torch.long))]
    assert "extra" in method.losses(batch, TargetBatch.of(torch.randn(5, 3)))
    method.adaptation_terms = lambda source, target: terms
    with pytest.raises(TlbenchError, match=rf"^Recorder\.adaptation_terms must return a dict of scalar .*{message}"):
        method.losses(batch, TargetBatch.of(torch.randn(5, 3)))
