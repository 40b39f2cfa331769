"""Auto-encoders of vectors and of words, and their data, of which tests read layers."""

import torch
from torch import nn

from infocore.torch.layers import mlp


def source(seed=0):
    return torch.Generator().manual_seed(seed)


X = torch.rand(11, 6, generator=source())
PAD, BOS, EOS = 0, 1, 2
LENGTHS = (4, 2, 5, 3, 1)  # of the letters, without EOS
WORDS = torch.zeros(5, 6, dtype=torch.long)
for row, length in enumerate(LENGTHS):
    WORDS[row, :length] = torch.randint(3, 9, (length,), generator=source(row))
    WORDS[row, length] = EOS


class Auto(nn.Module):
    """Encoder and decoder of vectors; a code, and a decoder that may not listen."""

    def __init__(self, listens=True):
        super().__init__()
        self.encoder = mlp((6, 5, 3), source(1))
        self.decoder = mlp((3 if listens else 6, 8, 8, 6), source(2))
        self.listens = listens

    def forward(self, x):
        z = self.encoder(x)
        return self.decoder(z if self.listens else x)


class Words(nn.Module):
    """Tokens with padding to a code and back, with teacher forcing, by torch's own transformer parts."""

    def __init__(self, batch_first=True):
        super().__init__()
        self.batch_first = batch_first
        with torch.random.fork_rng():
            torch.manual_seed(0)
            own = {"d_model": 16, "nhead": 2, "dim_feedforward": 24, "dropout": 0.3, "batch_first": batch_first}
            self.embed = nn.Embedding(9, 16)
            layer = nn.TransformerEncoderLayer(**own)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.code = nn.Linear(16, 4)
            self.memory = nn.Linear(4, 16)
            self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**own), 2, norm=nn.LayerNorm(16))
            self.vocabulary = nn.Linear(16, 9)

    def forward(self, tokens):
        padding = tokens == PAD
        fed = torch.cat([torch.full_like(tokens[:, :1], BOS), tokens[:, :-1]], 1)
        causal = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).triu(1)
        turned = (lambda h: h) if self.batch_first else (lambda h: h.transpose(0, 1))
        h = turned(self.encoder(turned(self.embed(tokens)), src_key_padding_mask=padding))
        pooled = h.masked_fill(padding[..., None], 0).sum(1) / (~padding).sum(1, keepdim=True)
        memory = self.memory(self.code(pooled))[:, None]
        h = self.decoder(turned(self.embed(fed)), turned(memory), tgt_mask=causal, tgt_key_padding_mask=padding)
        return self.vocabulary(h)


def real(tokens):
    return tokens != PAD
