"""Bradley-Terry: how often one captioner's caption is preferred to another's, length and side being equal.

The log-odds that the left caption wins are strength(left) - strength(right) + length effect x difference of length +
side effect: a logistic regression (Bradley and Terry 1952; covariates as in Agresti, Categorical Data Analysis, 10.6).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

__all__ = ["PRIOR_SD", "Comparisons", "Fitted", "fit_bradley_terry"]

Array = npt.NDArray[np.float64]

PRIOR_SD = 2.0
"""Of the weak normal prior on each coefficient: a captioner that won all of three votes is not infinitely better."""
_ROUNDS, _HALVINGS, _SMALL_STEP = 100, 30, 1e-7


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparisons:
    """Pairs that were compared, n of them."""

    left: Sequence[str]
    """Captioner of each."""
    right: Sequence[str]
    outcome: Array
    """(n,): 1 where the left one won, 0 where the right one did, 0.5 for a tie, which is half a win for each."""
    longer: Array
    """(n,): how much longer the left caption is, in doublings: log2 of the ratio of characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """Coefficients, a row for each row of weights."""

    captioners: tuple[str, ...]
    strengths: Array
    """(r, captioners), log-odds, of mean 0."""
    length: Array
    """(r,), log-odds of winning for a caption that is twice as long."""
    side: Array
    """(r,), log-odds of winning on the left between equals."""

    def win_rate(self, one: str, other: str) -> Array:
        """(r,) probability that the caption of one is preferred to the other's at equal length, on either side."""
        difference = self.strengths[:, self.captioners.index(one)] - self.strengths[:, self.captioners.index(other)]
        return np.asarray(expit(difference))


def fit_bradley_terry(
    compared: Comparisons, weights: Array | None = None, *, prior_sd: float = PRIOR_SD, seed: int | None = None
) -> Fitted:
    """Fit by penalised maximum likelihood.

    Args:
        weights: (r, n), how often each comparison counts in each of r fits; None fits once.
        prior_sd: of the normal prior on each coefficient, whose mean is 0.
        seed: draws the prior's mean anew for each row, from the prior (posterior bootstrap, Fong, Lyddon and Holmes
            2019). Rows that resample votes then differ, too, in what the votes cannot tell, such as a captioner's
            strength where its captions are always the longer ones; else intervals would feign knowledge of it.
    """
    names = tuple(sorted({*compared.left, *compared.right}))
    column = {name: i for i, name in enumerate(names)}
    n = len(compared.left)
    design = np.zeros((n, len(names) + 2))
    design[np.arange(n), [column[name] for name in compared.left]] = 1
    design[np.arange(n), [column[name] for name in compared.right]] = -1
    design[:, -2] = compared.longer
    design[:, -1] = 1
    counted = np.ones((1, n)) if weights is None else weights
    centres = np.zeros((len(counted), design.shape[1]))
    if seed is not None:
        centres = np.random.default_rng(seed).normal(scale=prior_sd, size=centres.shape)
    found = _logistic(design, compared.outcome, counted, centres, prior_sd)
    strengths = found[:, : len(names)]
    return Fitted(
        captioners=names,
        strengths=strengths - strengths.mean(axis=1, keepdims=True),
        length=found[:, -2],
        side=found[:, -1],
    )


def _logistic(design: Array, outcome: Array, weights: Array, centres: Array, prior_sd: float) -> Array:
    """Coefficients (r, p) of r logistic regressions without intercept that differ in weights and prior means.

    Newton's method, halving steps that lead downhill. One call for a thousand resamples; scikit-learn's, which fits one
    at a time, is what the tests compare it with.
    """
    p = design.shape[1]
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), p * p)
    prior = np.eye(p) / prior_sd**2

    def height(coefficients: Array) -> Array:
        """(r,), the penalised log-likelihood."""
        odds = coefficients @ design.T
        likelihood = (weights * (outcome * odds - np.logaddexp(0, odds))).sum(axis=1)
        return np.asarray(likelihood - ((coefficients - centres) ** 2).sum(axis=1) / (2 * prior_sd**2))

    coefficients = np.zeros((len(weights), p))
    reached = height(coefficients)
    for _ in range(_ROUNDS):
        expected = expit(coefficients @ design.T)
        gradient = (weights * (outcome - expected)) @ design - (coefficients - centres) / prior_sd**2
        curvature = ((weights * expected * (1 - expected)) @ squares).reshape(-1, p, p) + prior
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        if np.abs(step).max(initial=0) < _SMALL_STEP:
            return coefficients
        for _ in range(_HALVINGS):
            trial = height(coefficients + step)
            lower = trial < reached - 1e-12 * np.abs(reached)
            if not lower.any():
                break
            step[lower] /= 2
        coefficients, reached = coefficients + step, height(coefficients + step)
    raise RuntimeError(f"the Bradley-Terry fit did not converge in {_ROUNDS} rounds")
