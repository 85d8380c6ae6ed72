"""The score engine: features in, calibrated risk, points, sub-scores and reasons out.

Pure: numpy and XGBoost, no framework, no database, no clock. A model is trained and scored on the columns that
`creditscore/sql/features.sql` provides, in the order of `features.CATALOGUE`; it is stored by `artifact` as bytes
with a hash.

XGBoost runs on OpenMP, and OpenMP does not survive a fork: **load the model after the fork**, in the worker that
scores, never before. `estimator.RiskEstimator` refuses to predict in a process other than the one that loaded it,
because the alternative is a worker that hangs without a word.
"""
