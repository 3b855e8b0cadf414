"""Audit a classifier of Hugging Face on token numbers. The model is tiny and made here, so nothing is downloaded.

Run:  python examples/audit_hugging_face.py
Needs: pip install "wald[audit]" transformers
"""

import torch
from transformers import BertConfig, BertForSequenceClassification

import wald


def case() -> wald.Case:
    """Whether a text says a word: a small transformer, trained for a moment."""
    torch.manual_seed(0)
    tokens = torch.randint(1, 60, (1_200, 12))
    tokens[::3, 8:] = 0  # padding
    target = (tokens < 5).logical_and(tokens > 0).any(-1).long()
    config = BertConfig(
        vocab_size=60,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=12,
        pad_token_id=0,
        num_labels=2,
        id2label={0: "other", 1: "says it"},
    )
    model = BertForSequenceClassification(config)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(40):
        optimiser.zero_grad()
        out = model(input_ids=tokens[:600], attention_mask=(tokens[:600] != 0).long(), labels=target[:600])
        out.loss.backward()
        optimiser.step()
    return wald.Case(
        name="says it",
        model=model.eval(),  # wald makes the attention mask and reads the logits
        loss="cross_entropy",
        metric="balanced_accuracy",
        train=(tokens[:600], target[:600]),
        test=(tokens[600:], target[600:]),
    )


if __name__ == "__main__":
    print(wald.audit(case(), level="quick"))
