"""Reference values of evaluation on embeddings, in float64.

    python3 make_evaluation_fixtures.py        # writes evaluation/*.npz beside this file; needs numpy and scikit-learn (1.9.1 made these)

logistic-*.npz: features (N x d, float32), labels (N), C, and the weights and biases of sklearn.linear_model.LogisticRegression on
features scaled to mean 0 and deviation 1; `probabilities` are those of the same rows.
"""
import os

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evaluation")
os.makedirs(folder, exist_ok=True)
random = np.random.default_rng(7)
for name, points, dimensions, classes, c in [
    ("two", 90, 6, 2, 1.0), ("three", 150, 5, 3, 1.0), ("seven", 210, 12, 7, 0.1), ("separable", 60, 4, 2, 1.0),
]:
    labels = np.arange(points) % classes
    centres = random.normal(size=(classes, dimensions)) * (4 if name == "separable" else 0.7)
    features = (centres[labels] + random.normal(size=(points, dimensions))) * random.uniform(0.1, 9, dimensions) + 3
    features = features.astype(np.float32)
    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    model = LogisticRegression(C=c, tol=1e-12, max_iter=100000).fit(scaled, labels)
    np.savez(
        os.path.join(folder, f"logistic-{name}.npz"), features=features, labels=labels.astype(np.int64),
        c=np.array([c]), weight=model.coef_, bias=model.intercept_, probabilities=model.predict_proba(scaled))
