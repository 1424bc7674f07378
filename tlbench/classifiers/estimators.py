"""Classifiers of estimator methods: scikit-learn's, with one interface; those with a C may search it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import softmax
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC
from sklearn.utils import assert_all_finite

from tlbench.classifiers import one_against_one
from tlbench.classifiers import wide_logistic as wide
from tlbench.data.inputs import Rows
from tlbench.errors import Refused, TlbenchError

if TYPE_CHECKING:
    from sklearn.neighbors import KNeighborsClassifier

MOST_KERNELS = 16
"""Kernels that a classifier keeps: those of a training set and of what boosting asks of it round after round."""


class FeatureClassifier(ABC):
    """A classifier on features.

    Args:
        n_classes: columns of `predict_proba`, also where a training set lacks a class.
        seed: of whatever it draws.
    """

    learner = "estimator"
    draws: ClassVar[bool] = True
    """Whether fitting it draws something by seed."""
    graded: ClassVar[bool] = True
    """Whether its confidences say how sure it is."""
    config_name: ClassVar[str] = ""
    """Its config's, said where a method is built on it."""
    takes_weights: ClassVar[bool] = True
    """Whether it can be fitted with weights of the examples."""
    keeps_examples: ClassVar[bool] = True
    """Whether training examples are part of it once fitted. False where parameters are all."""

    def __init__(self, *, n_classes: int, seed: int) -> None:
        self.n_classes, self.seed = n_classes, seed

    def tuned(self, x_ND: Rows, labels_N: np.ndarray) -> Self:
        """Choose parameters on these examples, if a search is configured; return the estimator itself.

        The harness calls it with the labelled source, once for a run, whatever its method trains on: they belong to the
        recipe, so a method and its references get the same.
        """
        return self

    @abstractmethod
    def fit(self, x_ND: Rows, labels_N: np.ndarray, weights_N: np.ndarray | None = None) -> Self:
        """Fit on (N, D) features with optional weights (N,) of mean 1; return the estimator itself."""

    def forget(self) -> None:  # noqa: B027 - most share nothing
        """Let go of what fits of one training set share."""

    @abstractmethod
    def predict_proba(self, x_ND: Rows) -> np.ndarray:
        """Return (N, C) rows that sum to 1; a class that training lacked has probability 0."""

    def in_columns(self, scores_NK: np.ndarray, seen_K: np.ndarray) -> np.ndarray:
        """Return (N, C) with the scores in the columns of the classes seen in training, 0 elsewhere."""
        full_NC = np.zeros((len(scores_NK), self.n_classes))
        full_NC[:, seen_K] = scores_NK
        return full_NC


class ScikitClassifier(FeatureClassifier):
    """A classifier of scikit-learn's."""

    @abstractmethod
    def _model(self) -> Any:
        """Return a fresh scikit-learn classifier."""

    def _scores(self, x_ND: Rows) -> np.ndarray:
        """Return (N, classes seen in training) probabilities."""
        return self.model.predict_proba(x_ND)

    def _seen(self, x_ND: Rows) -> Any:
        """Return the training examples as `_model` takes them."""
        return x_ND

    def fit(self, x_ND: Rows, labels_N: np.ndarray, weights_N: np.ndarray | None = None) -> Self:
        self.model = self._model().fit(self._seen(x_ND), labels_N, sample_weight=weights_N)
        return self

    def predict_proba(self, x_ND: Rows) -> np.ndarray:
        return self.in_columns(self._scores(x_ND), self.model.classes_)


class NearestNeighbour(ScikitClassifier):
    """The class of the nearest training example (Euclidean), of equally near ones the first. Its confidence is always 1."""

    draws = False
    takes_weights = False
    graded = False

    def _model(self) -> KNeighborsClassifier:
        from sklearn.neighbors import KNeighborsClassifier  # an eighth of a second, which other classifiers do without

        return KNeighborsClassifier(1, algorithm="brute")

    def fit(self, x_ND: Rows, labels_N: np.ndarray, weights_N: np.ndarray | None = None) -> Self:
        """Raise Refused for weights: a nearest neighbour cannot take them."""
        if weights_N is not None:
            raise Refused("classifier=nearest_neighbour takes no weights, and this method needs them. Use logistic.")
        self.model = self._model().fit(x_ND, labels_N)
        return self


class Regularised(ScikitClassifier):
    """A classifier with C as its one parameter.

    Args:
        C: inverse strength of the regularisation, > 0.
        search: values of C to try by cross-validation (`tuned`); None = take C as it is. The first of equally good
            values wins.
        folds: number of folds of that search.
        base: see FeatureClassifier; the folds are drawn by its seed.
    """

    draws = False

    def __init__(self, *, C: float, search: Sequence[float] | None = None, folds: int = 5, **base: Any) -> None:
        super().__init__(**base)
        if not all(value > 0 for value in [C, *(search or [])]) or folds < 2:
            raise TlbenchError(f"A classifier needs C > 0 and folds >= 2, got C={C}, search={search}, folds={folds}.")
        self.C, self.search, self.folds = float(C), list(search) if search else None, folds

    def tuned(self, x_ND: Rows, labels_N: np.ndarray) -> Self:
        """Set C by cross-validation on these examples, if a search is configured; return the estimator itself."""
        if self.search is None:
            return self
        if (fewest := int(np.unique(labels_N, return_counts=True)[1].min())) < self.folds:
            raise Refused(
                f"classifier.search needs {self.folds} labelled examples of each class (classifier.folds), but one "
                f"class has {fewest}. Use classifier.search=null or more labelled examples."
            )
        folds = StratifiedKFold(self.folds, shuffle=True, random_state=self.seed).split(labels_N, labels_N)
        scores_FC = [self._scores_of_search(x_ND, labels_N, train, test) for train, test in folds]
        self.C, self.search = float(self.search[int(np.mean(scores_FC, axis=0).argmax())]), None
        return self

    def _scores_of_search(self, x_ND: Rows, labels_N: np.ndarray, train: np.ndarray, test: np.ndarray) -> list[float]:
        """Return the accuracy on the test fold for each C. GridSearchCV's own work would take as long as small fits."""
        seen = self._seen(x_ND)
        square = seen is not x_ND  # a kernel matrix
        mine, other = (seen[np.ix_(train, train)], seen[np.ix_(test, train)]) if square else (seen[train], seen[test])
        found: dict[float, float] = {}
        free = np.inf
        with config_context(assume_finite=True, skip_parameter_validation=True):
            for value in self.search or []:
                if value >= free:
                    found[value] = found[free]
                    continue
                trial = copy.copy(self)  # set_params takes longer than a small fit
                trial.C = float(value)
                model = trial._model().fit(mine, labels_N[train])
                found[value] = float(np.mean(model.predict(other) == labels_N[test]))
                if self._is_free(model):
                    free = value
        return [found[value] for value in self.search or []]

    def _is_free(self, model: Any) -> bool:
        """Tell whether every larger C has this fitted model too, because C played no part in it."""
        return False


class Logistic(Regularised):
    """Multinomial logistic regression (L-BFGS).

    The span of a training set's rows is worked out once and shared by shallow copies, as the kernels of an SVM are.
    """

    config_name: ClassVar[str] = "logistic"
    keeps_examples = False

    def __init__(self, **base: Any) -> None:
        super().__init__(**base)
        self._spans: list[wide.Span] = []

    def forget(self) -> None:
        self._spans.clear()

    def fit(self, x_ND: Rows, labels_N: np.ndarray, weights_N: np.ndarray | None = None) -> Self:
        if weights_N is None or not wide.fits_in(x_ND, labels_N):  # one fit alone gains nothing
            return super().fit(x_ND, labels_N, weights_N)
        if not self._spans or self._spans[0].x_ND is not x_ND:
            assert_all_finite(x_ND)
            self._spans[:] = [wide.Span.of(x_ND)]
        model = wide.fitted_model(self._spans[0], labels_N, weights_N, self._model())
        if model is None:  # scikit-learn's says so in its own words
            return super().fit(x_ND, labels_N, weights_N)
        self.model = model
        return self

    def _model(self) -> LogisticRegression:
        return LogisticRegression(C=self.C, max_iter=1000)


class LinearSVM(Regularised):
    """LIBSVM's C-SVC with a linear kernel, one against one, ties broken by the decision values.

    Its confidences are a softmax of the decision values: they order the examples, they are not calibrated.
    `ties: first` is LIBSVM's own prediction: the class with most of the pairwise votes, of equal ones the first; `decision`
    breaks ties by the size of the decision values.
    The kernel matrix is worked out once for a training set and shared by shallow copies: boosting fits the same
    examples many times. Others are predicted by weights, which are far fewer than training examples.
    Each copy keeps the rows that it is fitted on, so another's fit changes none of its predictions.
    """

    config_name: ClassVar[str] = "linear_svm"
    _by_weights: ClassVar[bool] = True
    """Whether the kernel is that of inner products, so that weights of the columns say all."""

    def __init__(self, *, ties: str = "decision", **base: Any) -> None:
        super().__init__(**base)
        if ties not in ("decision", "first"):
            raise TlbenchError(f"classifier.ties must be decision or first, got {ties!r}.")
        self.ties = ties
        self._kernels: dict[tuple[int, int], tuple[Rows, Rows, np.ndarray]] = {}
        self._weights: list[tuple[SVC, np.ndarray]] = []  # of the last that predicted by them

    def kernel(self, a_ND: Rows, b_MD: Rows) -> np.ndarray:
        """Return (N, M) values of the kernel, for methods that change it before `fit_kernel`."""
        return self._kernel(a_ND, b_MD)

    def _kernel(self, a_ND: Rows, b_MD: Rows) -> np.ndarray:
        return linear_kernel(a_ND, b_MD)

    def _model(self) -> SVC:
        return SVC(C=self.C, kernel="precomputed")

    def forget(self) -> None:
        self._kernels.clear()
        self._weights.clear()

    def _is_free(self, model: SVC) -> bool:
        # no multiplier is near its bound, nor was any on the way there: the bound might as well be farther off
        return bool(np.abs(model.dual_coef_).max() < model.C / 2)

    def fit(self, x_ND: Rows, labels_N: np.ndarray, weights_N: np.ndarray | None = None) -> Self:
        self.rows_ND = x_ND
        return super().fit(x_ND, labels_N, weights_N)

    def _seen(self, x_ND: Rows) -> np.ndarray:
        if (id(x_ND), id(x_ND)) not in self._kernels:  # a new training set: the kernels of the last are done with
            self._kernels.clear()
        return self._kept(x_ND, x_ND)

    def _kept(self, a_ND: Rows, rows_MD: Rows) -> np.ndarray:
        """Return their kernel, worked out where no copy has done so."""
        kept = self._kernels.get((id(a_ND), id(rows_MD)))
        if kept is None or kept[0] is not a_ND or kept[1] is not rows_MD:  # ids of a pickled object are old
            while len(self._kernels) >= MOST_KERNELS:
                del self._kernels[next(iter(self._kernels))]
            kept = self._kernels[id(a_ND), id(rows_MD)] = (a_ND, rows_MD, self._kernel(a_ND, rows_MD))
        return kept[2]

    def fit_kernel(self, kernel_NN: np.ndarray, labels_N: np.ndarray) -> Self:
        """Fit on a kernel matrix of a method's own, rows and columns the training examples; return the estimator itself."""
        self.model = self._model().fit(kernel_NN, labels_N)
        return self

    def proba_of_kernel(self, kernel_MN: np.ndarray) -> np.ndarray:
        """Do as `predict_proba` for M examples from their kernel with the N training examples of `fit_kernel`."""
        return self.in_columns(self._confidences(self.model.decision_function(kernel_MN)), self.model.classes_)

    def _scores(self, x_ND: Rows) -> np.ndarray:
        kept = self._kernels.get((id(x_ND), id(self.rows_ND)))
        if kept is None and self._by_weights and one_against_one.pays(self.model):
            if not self._weights or self._weights[0][0] is not self.model:
                self._weights[:] = [(self.model, one_against_one.pair_weights(self.model, self.rows_ND))]
            return self._confidences(one_against_one.decisions(self.model, self._weights[0][1], x_ND))
        return self._confidences(self.model.decision_function(self._kept(x_ND, self.rows_ND)))

    def _confidences(self, decision: np.ndarray) -> np.ndarray:
        if decision.ndim > 1 and self.ties == "first":
            decision = np.round(decision)  # scikit-learn's are votes plus at most a third
        if decision.ndim == 1:
            decision = np.stack([-decision, decision], axis=1)
        return softmax(decision, axis=1)


class RbfSVM(LinearSVM):
    """LIBSVM's C-SVC with a Gaussian kernel exp(-gamma |x - y|^2).

    Args:
        gamma: > 0; None for 1 / number of features (LIBSVM's default).
    """

    config_name = "rbf_svm"
    _by_weights = False

    def __init__(self, *, gamma: float | None = None, **base: Any) -> None:
        super().__init__(**base)
        if gamma is not None and not gamma > 0:
            raise TlbenchError(f"classifier.gamma must be above 0, or null, got {gamma}. Set by classifier.gamma=...")
        self.gamma = gamma

    def _kernel(self, a_ND: Rows, b_MD: Rows) -> np.ndarray:
        return rbf_kernel(a_ND, b_MD, gamma=1.0 / a_ND.shape[1] if self.gamma is None else self.gamma)
