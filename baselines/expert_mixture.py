"""Expert mixture: one classifier a source, each heard where its source is dense, with the target as a mixture of the sources.

Paper    Mansour, Mohri & Rostamizadeh, Domain Adaptation with Multiple Sources, NIPS 2008, section 4 (the rule);
         densities by a classifier of the domains as in Cortes et al., ICML 2021 (from memory)
Says     h(x) = sum_k l_k D_k(x) h_k(x) / sum_k l_k D_k(x), D_k(x) proportional to P(k | x) / P(k) of a multinomial logistic
         regression over the source domains, l the shares of greatest likelihood of the sources in the target (EM)
Uses     source labels; target inputs; shots, which join every source
Departs  1. the paper's l guards against every mixture; here it is estimated from the unlabelled target
         2. the regression of domains has C = `domain_C` on features over their root mean square length
Note     with one source this is source_only (source_and_target with shots)
See      conf/method/expert_mixture.yaml, docs/methods/expert_mixture.md, tests/baselines/test_several_sources.py
"""

import copy
from typing import Any, Self

import numpy as np
from sklearn.linear_model import LogisticRegression

from tlbench.data.inputs import Rows, dense, pooled, stack
from tlbench.functional.class_shares import mixture_shares
from tlbench.functional.row_lengths import root_mean_square
from tlbench.method import EstimatorMethod
from tlbench.method.checks import above_zero
from tlbench.tasks import Task


class ExpertMixture(EstimatorMethod):
    family = "instance"
    draws = False

    def __init__(self, *, domain_C: float, **base: Any) -> None:
        super().__init__(**base)
        above_zero(domain_C=domain_C)
        self.domain_C = domain_C

    def fit(self, task: Task) -> Self:
        sources, extra = task.sources, [] if task.shots is None else [task.shots]
        self.experts = [copy.copy(self.classifier).fit(*pooled([own, *extra])) for own in sources]
        rows_ND = dense(stack([part.inputs for part in sources]))
        self.prior_K = np.array([len(part) for part in sources]) / len(rows_ND)
        self.length = root_mean_square(rows_ND) or 1.0
        self.domains = None
        self.share_K = np.ones(len(sources))
        if len(sources) > 1:
            domain_N = np.repeat(np.arange(len(sources)), [len(part) for part in sources])
            self.domains = LogisticRegression(C=self.domain_C, max_iter=1000).fit(rows_ND / self.length, domain_N)
            self.share_K, _ = mixture_shares(self._domain_proba(task.target), self.prior_K)
        self.history = [{f"share_{number}": float(share) for number, share in enumerate(self.share_K, 1)}]
        return self

    def _domain_proba(self, x_ND: Rows) -> np.ndarray:
        assert self.domains is not None
        return self.domains.predict_proba(dense(x_ND) / self.length)

    def forget(self) -> None:
        super().forget()
        for expert in self.experts:
            expert.forget()

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        says_KNC = np.stack([expert.predict_proba(x_ND) for expert in self.experts])
        if self.domains is None:
            return says_KNC[0]
        heard_NK = combined(
            self._domain_proba(x_ND), self.prior_K, self.share_K if domain == "target" else self.prior_K
        )
        return (heard_NK.T[:, :, None] * says_KNC).sum(axis=0)


def combined(domain_NK: np.ndarray, prior_K: np.ndarray, share_K: np.ndarray) -> np.ndarray:
    """Return (N, K) how much each expert is heard: l_k P(k | x) / P(k), over the sum over k."""
    odds_NK = domain_NK / prior_K * share_K
    return odds_NK / odds_NK.sum(axis=1, keepdims=True)
