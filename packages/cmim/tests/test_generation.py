"""Writing tokens: against passes without a cache, brute force, and known chances."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from cmim import MIM, TokenPerceiver
from cmim.generation import Method, _draw, beam_search, generate
from cmim.symbols import BOS, EOS, PAD, UNK
from infocore.errors import NonFiniteError, ParameterError, ShapeError


def made(levels=9, most=7, seed=0, sharp=6.0):
    network = TokenPerceiver(slots=2, width=16, heads=2, encoder_depth=1, decoder_depth=2)
    model = MIM(most, latent_dim=8, network=network, likelihood="tokens", levels=levels, seed=seed)
    with torch.no_grad():
        model.decoder.head.weight.mul_(sharp)  # an untrained decoder is nearly uniform
    return model


CODES = np.random.default_rng(0).normal(size=(40, 8))


@pytest.mark.parametrize("method", ["greedy", "sample"])
def test_the_cache_changes_nothing(method):
    model = made(seed=1)
    with_cache, without = (generate(model, CODES, method, cache=cache, batch_size=16) for cache in (True, False))
    assert np.array_equal(with_cache, without)
    ended = (with_cache == EOS).any(1)
    assert 0 < ended.sum() < 40  # some rows end and some do not, so both ways out are taken


def test_greedy_takes_the_likeliest_each_time():
    model = made(seed=1)
    rows = torch.from_numpy(generate(model, CODES))
    odds = model.decode(torch.as_tensor(CODES, dtype=torch.float32), rows).detach()
    odds[:, :, [PAD, UNK, BOS]] = -math.inf
    real = rows != PAD
    assert torch.equal(odds.argmax(2)[real], rows[real])


def test_rows_do_not_depend_on_their_company():
    model = made(seed=1)
    for method in ("greedy", "beam"):
        whole = generate(model, CODES, method)
        for i in (0, 7, 39):
            alone = generate(model, CODES[i : i + 1], method)
            n = alone.shape[1]
            assert np.array_equal(alone[0], whole[i, :n]) and not whole[i, n:].any()


def test_after_the_end_there_is_padding_and_reserved_tokens_are_never_written():
    methods: list[tuple[Method, dict[str, Any]]] = [("greedy", {}), ("sample", {"temperature": 3.0}), ("beam", {})]
    for method, own in methods:
        for row in generate(made(seed=1), CODES, method, **own):
            written = row.tolist()
            stop = written.index(EOS) if EOS in written else len(written)
            assert not {PAD, UNK, BOS} & set(written[:stop]) and not any(written[stop + 1 :])


def test_a_wide_beam_is_brute_force():
    levels, most = 6, 3  # two letters and the end: 1 + 2 + 4 + 8 rows
    model = made(levels, most, seed=3, sharp=2.0)
    letters = (4, 5)
    every = [
        [*word, EOS][:most] for n in range(most + 1) for word in itertools.product(letters, repeat=n) if n < most
    ] + [list(word) for word in itertools.product(letters, repeat=most)]
    rows = np.zeros((len(every), most), np.int64)
    for i, row in enumerate(every):
        rows[i, : len(row)] = row
    x = torch.from_numpy(rows)
    differ = 0
    for code in CODES:
        z = torch.as_tensor(code, dtype=torch.float32).expand(len(x), -1)
        odds = model.decode(z, x).detach()
        odds[:, :, [PAD, UNK, BOS]] = -math.inf
        logs = odds.log_softmax(2).gather(2, x[:, :, None])[:, :, 0].masked_fill(x == PAD, 0.0).sum(1)
        best = rows[int(logs.argmax())]
        got = generate(model, code[None], "beam", beams=16)[0]
        assert np.array_equal(np.pad(got, (0, most - len(got))), best)
        greedy = generate(model, code[None])[0]
        differ += not np.array_equal(np.pad(greedy, (0, most - len(greedy))), best)
    assert differ  # else the search would show nothing


def test_beams_are_the_likeliest_rows_in_order():
    levels, most = 6, 3
    model = made(levels, most, seed=3, sharp=2.0)
    for code in CODES[:5]:
        rows, scores = beam_search(model, code[None], 15)
        assert rows.shape == (1, 15, most) and scores.shape == (1, 15)
        assert len({tuple(row) for row in rows[0]}) == 15  # all there are: 1 + 2 + 4 + 8
        assert (np.diff(scores[0]) <= 0).all()
        assert np.exp(scores).sum() == pytest.approx(1.0, abs=1e-5)
        x = torch.from_numpy(rows[0])
        odds = model.decode(torch.as_tensor(code, dtype=torch.float32).expand(15, -1), x).detach()
        odds[:, :, [PAD, UNK, BOS]] = -math.inf
        want = odds.log_softmax(2).gather(2, x[:, :, None])[:, :, 0].masked_fill(x == PAD, 0.0).sum(1)
        assert scores[0] == pytest.approx(want.numpy(), abs=1e-5)
    assert np.isinf(beam_search(model, CODES[:1], 20)[1][0, 15:]).all()
    whole, alone = beam_search(model, CODES, 4), beam_search(model, CODES[7:8], 4)
    assert np.allclose(whole[1][7], alone[1][0], atol=1e-5)
    with pytest.raises(ParameterError, match="`beams` must be a whole number, at least 1; got 0"):
        beam_search(model, CODES, 0)
    with pytest.raises(ParameterError, match=r"`batch_size` must be a whole number, at least 1; got 2\.0"):
        beam_search(model, CODES, batch_size=2.0)  # pyright: ignore[reportArgumentType]


def test_one_beam_is_greedy():
    model = made(seed=1)
    assert np.array_equal(generate(model, CODES, "beam", beams=1), generate(model, CODES))


def test_drawn_tokens_have_their_chances():
    # 40,000 draws: the standard error of a share is at most 0.0025; tolerance 4 of them
    chance = torch.tensor([0.5, 0.3, 0.15, 0.05])
    odds = chance.log().expand(40_000, -1)
    shares = torch.bincount(_draw(odds, 1.0, 1.0, torch.Generator().manual_seed(0)), minlength=4) / 40_000
    assert shares.tolist() == pytest.approx(chance.tolist(), abs=0.01)
    warm = (chance.log() / 2.0).softmax(0)
    shares = torch.bincount(_draw(odds, 2.0, 1.0, torch.Generator().manual_seed(0)), minlength=4) / 40_000
    assert shares.tolist() == pytest.approx(warm.tolist(), abs=0.01)
    # 0.5 + 0.3 reaches 0.7: the first two, in the ratio 5 to 3
    shares = torch.bincount(_draw(odds, 1.0, 0.7, torch.Generator().manual_seed(0)), minlength=4) / 40_000
    assert shares.tolist() == pytest.approx([0.625, 0.375, 0, 0], abs=0.01)


def test_sampling_depends_on_its_seed_alone():
    model = made(seed=1)
    a, b, c = (generate(model, CODES, "sample", seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a[:, : c.shape[1]], c[:, : a.shape[1]])
    cold = generate(model, CODES, "sample", temperature=1e-4)
    assert np.array_equal(cold, generate(model, CODES))


@pytest.mark.parametrize(
    ("method", "setting", "owner"),
    [("greedy", {"top_p": 0.5}, "sample"), ("greedy", {"beams": 5}, "beam"), ("beam", {"temperature": 3.0}, "sample")],
)
def test_settings_of_another_method_are_refused(method, setting, owner):
    with pytest.raises(ParameterError, match=rf"`{next(iter(setting))}` has no effect with .*{method}.*{owner}"):
        generate(made(), CODES, method, **setting)
    assert len(generate(made(), CODES[:2], method, temperature=1.0, top_p=1.0, beams=4)) == 2  # all as by default


def test_errors():
    model = made()
    with pytest.raises(ShapeError, match=r"shape \(n, 8\); got \(2, 3\)"):
        generate(model, np.zeros((2, 3)))
    with pytest.raises(NonFiniteError, match="1 of 2 rows"):
        generate(model, np.array([[0.0] * 8, [math.nan] * 8]))
    odd: list[dict[str, Any]] = [{"temperature": 0.0}, {"top_p": 0.0}, {"top_p": 1.1}, {"beams": 0}, {"batch_size": 0}]
    for setting in odd:
        with pytest.raises(ParameterError, match=f"`{next(iter(setting))}` must be"):
            generate(model, np.zeros((1, 8)), "sample", **setting)
    with pytest.raises(ParameterError, match="`method` must be"):
        generate(model, np.zeros((1, 8)), "best")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ParameterError, match="likelihood='tokens'"):
        generate(MIM(4, 8, hidden=(4,)), np.zeros((1, 8)))
    assert generate(model, np.zeros((0, 8))).shape == (0, 1)
