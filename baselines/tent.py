"""Tent: scale and shift of the norm layers follow the entropy of what comes, a step a batch.

Paper    Wang et al., Tent: Fully Test-Time Adaptation by Entropy Minimization, ICLR 2021, arXiv:2006.10726; code:
         github.com/DequanWang/tent
Loss     mean entropy of the predictions of a batch, whole loss; batch norms by the batch's own statistics
Uses     the source model and each batch of the stream, on its arrival; a batch is predicted before the step that it causes
Departs  1. all norm layers of the network move (authors: 2-d batch norms alone)
         2. entropy by log-softmax
         3. a channel of which a batch has a single value is normalised by the source's statistics
See      conf/method/tent.yaml, docs/methods/tent.md, tests/baselines/test_online_methods.py
"""

from torch import Tensor

from tlbench.functional.entropy import mean_entropy
from tlbench.method.entropy_stream import EntropyStream
from tlbench.method.online import probabilities


class Tent(EntropyStream):
    def predict(self, x: Tensor) -> Tensor:
        logits = self.network(x)[1].float()
        loss = mean_entropy(logits)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.told["entropy"] = loss.detach()
        return probabilities(logits)
