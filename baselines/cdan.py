"""CDAN: a domain classifier that sees features and predictions together, by gradient reversal.

Paper    Long et al., Conditional Adversarial Domain Adaptation, NeurIPS 2018, arXiv:1705.10667, section 3
Loss     cross-entropy(source) + weight * [BCE(D(h_s), 1) + BCE(D(h_t), 0)] / 2, h = R(f) x softmax(logits), flattened;
         R is the identity forward and -lambda backward, lambda = 2 / (1 + exp(-gamma p)) - 1
Uses     source labels; target inputs only
Departs  1. no gradient passes through the probabilities, neither in h nor in the entropy weights (paper: says nothing of it)
         2. the discriminator's learning rate is the head's
         3. the domain loss is the mean of the two domains' losses (paper: their sum, which is weight=2)
         4. entropy weights count in proportion to their domain's sum (paper: as they are, between 1 and 2)
         5. the random map is taken where it is asked for (paper: where features x classes > 4096)
Note     entropy=true is CDAN+E; with one class h = f, and the method is DANN; `smoothing` is environment label smoothing (Zhang
         et al., ICLR 2023, arXiv:2302.00194): domain labels 1 - smoothing and smoothing
See      conf/method/cdan.yaml, docs/methods/cdan.md, tests/baselines/test_cdan.py
"""

from tlbench.method import ConditionalAdversaryMethod


class Cdan(ConditionalAdversaryMethod):
    later = {"smoothing": 0.0}
    stacks = ("weight",)
