"""Parts of formulas that several losses of one area share: `Formula("...", **MEETINGS)`."""

from __future__ import annotations

from typing import Final

#: Of a batch with labels: who is of the same label as `a`, itself left out, and who of another.
MEETINGS: Final = {
    "positives": "lambda a: [b for b in range(len(label)) if label[b] == label[a] and b != a]",
    "negatives": "lambda a: [b for b in range(len(label)) if label[b] != label[a]]",
}

#: Of a series of returns: how far each moment is below the highest before it; a share of it if `compounded`.
DRAWDOWNS: Final = {
    "wealth": "[sum([log1p(r) if compounded else r for r in returns[:t + 1]]) for t in range(len(returns))]",
    "peak": "[max(wealth[:t + 1] + ([0] if start else [])) for t in range(len(wealth))]",
    "below": "[1 - exp(w - p) if compounded else p - w for w, p in zip(wealth, peak)]",
}

#: Of images by `kind`: the masks, each as what is predicted of its pixels and what is true of them.
MASKS: Final = {
    "binary": {"masks": "[([sigmoid(z) for z in prediction], target)]"},
    "multilabel": {
        "shares": "[[sigmoid(z) for z in s] for s in zip(*prediction)]",
        "masks": "[*zip(shares, zip(*target))]",
    },
    "multiclass": {
        "shares": "[*zip(*[softmax(z) for z in prediction])]",
        "masks": "[(p, [t == c for t in target]) for c, p in zip(range(len(shares)), shares)]",
    },
}
