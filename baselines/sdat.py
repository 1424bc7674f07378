"""SDAT: CDAN whose task loss is taken where it is highest nearby, so that the adversary works on a smooth minimum.

Paper    Rangwani et al., A Closer Look at Smoothness in Domain Adversarial Training, ICML 2022, arXiv:2206.08213, section 4
Loss     T = cross-entropy(source) (+ confusion * MCC(target)); g the gradient of T over all weights of the network, the domain
         classifier left out; the step is along the gradient of T + weight * CDAN's domain loss at weights + rho g / (|g| + 1e-12)
Uses     source labels; target inputs only
Departs  1. batch norms keep their running statistics in the first pass (authors: they move twice a step)
         2. MCC's temperature is its own paper's unless set (authors' script: 2)
         3. those of cdan and mcc
Note     rho=0 is cdan, with confusion above 0 cdan and mcc added up; confusion=1 is the paper's CDAN+MCC with SDAT; `smoothing`
         is environment label smoothing (Zhang et al., ICLR 2023, arXiv:2302.00194)
See      conf/method/sdat.yaml, docs/methods/sdat.md, tests/baselines/test_sdat.py
"""

from tlbench.functional.class_confusion import PAPER_TEMPERATURE
from tlbench.method.smooth_adversary import SmoothAdversaryMethod


class Sdat(SmoothAdversaryMethod):
    """The base as it is."""

    later = {"temperature": PAPER_TEMPERATURE}
