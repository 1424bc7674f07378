"""Adaptation regularisation: kernel ridge regression whose outputs agree between the domains and along a graph of neighbours.

Paper    Long et al., Adaptation Regularization: A General Framework for Transfer Learning, IEEE TKDE 26(5), 2014, eqs. 17-21
Fit      B = ((E + match M + rho L) K + ridge I)^-1 E Y, f = K B over both domains' rows; M as in JDA with a balance `mu`,
         over its Frobenius norm; L the normalised Laplacian of the graph of cosine neighbours; E and Y the labelled rows
Uses     source labels; target inputs; shots, as labelled rows
Departs  1. kernel and ridge are those of classifier=kernel_ridge, on which the method is built: with `match` and `rho` 0 it is
            that classifier, which source_only has, so the gain is that of M and L alone
         2. the target's first classes are those of the nearest source rows (paper: of a classifier of choice)
         3. M over its norm, `mu` between its parts and M_0 counted C times, as in the code of MEDA's authors (paper: a plain sum)
         4. rounds end where the guesses no longer change: further ones would be the same
See      conf/method/artl.yaml, docs/methods/artl.md, tests/baselines/test_adapted_ridge.py
"""

from tlbench.method import AdaptedRidgeMethod


class Artl(AdaptedRidgeMethod):
    family = "feature"
    draws = False
