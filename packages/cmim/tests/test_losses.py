"""Objectives against closed forms, a second implementation in numpy, and the laws they must obey."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln, ive
from torch import Tensor

from cmim import losses
from cmim.losses import contrastive_log_prob, weighted_loss
from infocore.bounds import pointwise
from infocore.errors import ParameterError


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def contrastive_numpy(z: np.ndarray, tau: float) -> np.ndarray:
    """Second implementation, straight from g_ii / (g_ii + mean of g_ij)."""
    u = z / np.linalg.norm(z, axis=1, keepdims=True)
    g = np.exp(u @ u.T / tau)
    own = np.diag(g)
    return np.log(own / (own + (g.sum(1) - own) / (len(z) - 1)))


def sum_form(z: Tensor, tau: float) -> Tensor:
    """InfoNCE with the code as its own positive: the sum over negatives in place of their mean."""
    r = pointwise(losses.cosine(z) / tau, over="y", positive="included")
    return (math.log(len(z)) - r).mean()


# T1, by hand: softplus(-1/tau)
@pytest.mark.parametrize(("tau", "want"), [(1.0, 0.313262), (0.5, 0.126928), (0.2, 0.006715), (0.1, 4.5399e-5)])
@pytest.mark.parametrize("size", [2, 7, 64])
def test_orthonormal_codes(tau, want, size):
    got = -contrastive_log_prob(torch.eye(size, dtype=torch.float64), tau)
    assert got.tolist() == pytest.approx([want] * size, abs=5e-7)


# T2, by hand: softplus(-2/tau)
@pytest.mark.parametrize(("tau", "want", "tolerance"), [(1.0, 0.126928, 5e-7), (0.1, 2.0612e-9, 1e-13)])
def test_opposite_pair(tau, want, tolerance):
    z = normal(1, 5)
    got = -contrastive_log_prob(torch.cat([z, -3 * z]), tau)
    assert got.tolist() == pytest.approx([want] * 2, abs=tolerance)


# T3: log 2 whatever tau, B, D
@given(tau=st.floats(0.02, 5.0), size=st.integers(2, 40), dim=st.integers(1, 20))
def test_identical_codes(tau, size, dim):
    got = -contrastive_log_prob(normal(1, dim).expand(size, dim), tau)
    assert got.tolist() == pytest.approx([math.log(2)] * size, abs=1e-9)


# T4, by hand: log(1 + (B - 1) / e)
@pytest.mark.parametrize(("size", "want"), [(10, 1.461150), (1000, 5.909472)])
def test_sum_form_grows_with_the_batch(size, want):
    assert sum_form(torch.eye(size, dtype=torch.float64), 1.0).item() == pytest.approx(want, abs=5e-7)


# T5: e^{m'} = (2 (B - 1) e^m + e^{1/tau}) / (2 B - 1)
@given(tau=st.floats(0.1, 2.0), size=st.integers(2, 12), seed=st.integers(0, 1000))
def test_duplicated_codes(tau, size, seed):
    z = normal(size, 4, seed=seed)
    r = pointwise(losses.cosine(z) / tau, over="y", positive="excluded")
    m = 1 / tau - r
    doubled = torch.log((2 * (size - 1) * m.exp() + math.exp(1 / tau)) / (2 * size - 1))
    want = -torch.nn.functional.softplus(doubled - 1 / tau)
    got = contrastive_log_prob(torch.cat([z, z]), tau)
    torch.testing.assert_close(got, torch.cat([want, want]), rtol=1e-9, atol=1e-9)


@given(seed=st.integers(0, 1000), size=st.integers(2, 12))
def test_order_and_length_of_codes_do_not_matter(seed, size):
    z = normal(size, 5, seed=seed)
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    lengths = 0.01 + normal(size, 1, seed=seed + 1).exp()
    plain = contrastive_log_prob(z, 0.3)
    torch.testing.assert_close(contrastive_log_prob((z * lengths)[order], 0.3), plain[order], rtol=1e-9, atol=1e-12)


# T6: means over draws, with the values of a numerical check (ranges there are over B; here +- 3 s.e.
# of 400 draws, which is at most 0.001 for tau = 1 and 0.5)
@pytest.mark.parametrize(("dim", "tau", "want"), [(64, 1.0, 0.3151), (64, 0.5, 0.1305), (16, 1.0, 0.3208)])
@pytest.mark.parametrize("size", [10, 100])
def test_normal_codes(dim, tau, want, size):
    values = [-contrastive_log_prob(normal(size, dim, seed=s), tau).mean() for s in range(400 if size == 10 else 60)]
    assert float(torch.stack(values).mean()) == pytest.approx(want, abs=1.5e-3)


# T6, the limit of many codes: log M = log Gamma(D/2) + (D/2 - 1) log(2 tau) + log I_{D/2-1}(1/tau); s.d. over seeds
# of the mean at B = 2000 is 2e-5
@pytest.mark.parametrize("dim", [16, 64])
def test_many_normal_codes_reach_the_uniform_sphere(dim):
    tau, nu = 1.0, dim / 2 - 1
    log_m = gammaln(dim / 2) + nu * math.log(2 * tau) + math.log(ive(nu, 1 / tau)) + 1 / tau
    want = math.log1p(math.exp(log_m - 1 / tau))
    assert want == pytest.approx({16: 0.321748, 64: 0.315369}[dim], abs=1e-6)
    got = -contrastive_log_prob(normal(2000, dim), tau).mean()
    assert got.item() == pytest.approx(want, abs=2e-4)


# claim C2: the mean form hardly depends on the batch, the sum form does
def test_mean_form_does_not_depend_on_the_batch_and_sum_form_does():
    mean, total = [], []
    for size in (2, 10, 100, 1000):
        draws = [normal(size, 64, seed=s) for s in range(4000 // size + 2)]
        mean.append(float(-torch.cat([contrastive_log_prob(z, 1.0) for z in draws]).mean()))
        total.append(float(torch.stack([sum_form(z, 1.0) for z in draws]).mean()))
    assert max(mean) / min(mean) < 1.01
    assert total[-1] / total[0] > 10


# T7: expected latent part per dimension at mu = 0, with eps^2 at its mean 1, z^2 at e^l
@pytest.mark.parametrize(
    ("level", "want"), [(-6.0, -0.330442), (-10.0, -1.331050), (-12.0, -1.831060), (0.0, 1.418939)]
)
def test_latent_part(level, want):
    # eps = +-1 has exactly that mean square
    eps = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    logvar = torch.full_like(eps, level)
    z = losses.reparameterise(torch.zeros_like(eps), logvar, eps)
    got = -0.5 * (losses.log_posterior(logvar, eps) + losses.log_prior(z)).mean()
    # exact: (1 + l + log 2pi) / 4 + (e^l + log 2pi) / 4 = (1 + l + e^l + 2 log 2pi) / 4
    assert got.item() == pytest.approx((1 + level + math.exp(level) + 2 * math.log(2 * math.pi)) / 4, abs=1e-12)
    assert got.item() == pytest.approx(want, abs=5e-6)


# T8: A-MIM pushes every variance down, the VAE towards 1; both shrink the mean
@pytest.mark.parametrize("level", [-5.0, 0.0, 1.0])
def test_signs_of_the_latent_gradients(level):
    eps = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    mu = torch.full_like(eps, 0.7).requires_grad_()
    logvar = torch.full_like(eps, level).requires_grad_()
    x = torch.zeros(2, 1, dtype=torch.float64)
    losses.mim_loss(x, torch.zeros_like(x), mu, logvar, eps)["loss"].backward()
    assert logvar.grad is not None and mu.grad is not None
    assert logvar.grad.sum().item() == pytest.approx(0.25 * (1 + math.exp(level)), abs=1e-12)
    assert mu.grad.sum().item() == pytest.approx(0.35, abs=1e-12)
    mu.grad = logvar.grad = None
    losses.vae_loss(x, torch.zeros_like(x), mu, logvar, eps)["loss"].backward()
    assert logvar.grad.sum().item() == pytest.approx(0.5 * (math.exp(level) - 1), abs=1e-12)
    assert mu.grad.sum().item() == pytest.approx(0.7, abs=1e-12)


# T9
def test_gradcheck():
    x, params = torch.rand(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)), normal(4, 3, seed=2)
    mu, logvar, eps = normal(4, 2, seed=3), normal(4, 2, seed=4), normal(4, 2, seed=5)
    inputs = tuple(t.requires_grad_() for t in (params, mu, logvar))

    def every_term(params, mu, logvar):
        weights = {"w_k": 0.7, "w_z": 1.1, "beta": 0.3, "temperature": 0.5}
        return weighted_loss(x, params, mu, logvar, eps, **weights)["loss"]

    assert torch.autograd.gradcheck(every_term, inputs)
    assert torch.autograd.gradcheck(lambda a, b: losses.infonce_loss(a, b, 0.5)["loss"], (mu, logvar))


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("raw", [0.0, -50.0, 50.0])
def test_finite_with_gradients_in_every_precision(size, dtype, raw):
    mu = torch.zeros(size, 3, dtype=dtype, requires_grad=True)  # z = 0 when eps = 0
    raws = torch.full((size, 3), raw, dtype=dtype, requires_grad=True)
    params = torch.zeros(size, 4, dtype=dtype, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logvar = losses.floor_logvar(raws)
        terms = losses.cmim_loss(torch.ones(size, 4), params, mu, logvar, torch.zeros(size, 3))
        watched = losses.diagnostics(mu, logvar, mu)
    terms["loss"].backward()
    assert terms["loss"].dtype == torch.float32
    assert all(torch.isfinite(t).all() for t in terms.values())
    assert all(torch.isfinite(t.grad).all() for t in (mu, params) if t.grad is not None)
    assert math.isnan(watched["mean_cosine"]) == (size == 1)
    if size == 1:
        assert terms["log_pk"].item() == 0.0
        assert watched["gate"].item() == 0.0


def test_cosines_keep_full_precision_under_autocast():
    z = normal(16, 64, dtype=torch.float32)
    plain = contrastive_log_prob(z, 0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = contrastive_log_prob(z, 0.1)
        assert (z @ z.T).dtype == torch.bfloat16  # autocast is on
    assert torch.equal(mixed, plain)


# T10: rows do not need each other's rows
@pytest.mark.parametrize("chunk", [1, 3, 10])
def test_rows_in_chunks_give_the_same(chunk):
    z = normal(10, 4)
    got = []
    for start in range(0, 10, chunk):
        rows = torch.arange(start, min(start + chunk, 10))
        columns = torch.cat([rows, torch.tensor([i for i in range(10) if i not in rows], dtype=torch.long)])
        got.append(pointwise(losses.cosine(z[rows], z[columns]) / 0.2, over="y", positive="excluded"))
    want = contrastive_log_prob(z, 0.2)
    torch.testing.assert_close(torch.nn.functional.logsigmoid(torch.cat(got)), want, rtol=1e-12, atol=1e-14)


def test_another_similarity_has_its_own_positive():
    z = normal(6, 3)
    got = contrastive_log_prob(z, 2.0, similarity=lambda a, b: a @ b.T)
    dots = (z @ z.T / 2.0).exp().numpy()
    own = np.diag(dots)
    torch.testing.assert_close(got, torch.from_numpy(np.log(own / (own + (dots.sum(1) - own) / 5))))


# every named objective against numpy, with weights, likelihoods and scalings
@pytest.mark.parametrize("scaling", ["sum", "mean", "kermt"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_objectives_against_numpy(scaling, likelihood):
    size, n, dim, sigma, tau = 5, 12, 3, 0.6, 0.4
    x = torch.rand(size, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    params, mu, logvar, eps = normal(size, 3, 4, seed=2), *(normal(size, dim, seed=s) for s in (3, 4, 5))
    a, p, m, v, e = (t.numpy() for t in (x, params, mu, logvar, eps))

    if likelihood == "bernoulli":
        q = 1 / (1 + np.exp(-p))
        nll = -(a * np.log(q) + (1 - a) * np.log(1 - q)).sum((1, 2))
    else:
        nll = -np.log(np.exp(-0.5 * ((a - p) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))).sum((1, 2))
    s = np.exp(v / 2)
    z = m + s * e
    log_q = np.log(np.exp(-0.5 * ((z - m) / s) ** 2) / (s * np.sqrt(2 * np.pi))).sum(1)
    log_p = np.log(np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)).sum(1)
    kl = 0.5 * (m**2 + s**2 - 1 - np.log(s**2)).sum(1)
    log_pk = contrastive_numpy(z, tau)
    nll = nll if scaling == "sum" else nll / n
    if scaling == "mean":
        log_q, log_p, kl = log_q / dim, log_p / dim, kl / dim

    law = {"likelihood": likelihood, "sigma": sigma, "scaling": scaling}
    batch = (x, params, mu, logvar, eps)
    got = {
        "ae": losses.ae_loss(x, params, mu, **law),
        "vae": losses.vae_loss(*batch, beta=0.7, **law),
        "mim": losses.mim_loss(*batch, w_z=0.9, **law),
        "cmim": losses.cmim_loss(*batch, temperature=tau, w_x=1.3, w_k=1.7, w_z=0.9, **law),
        "cvae": losses.contrastive_vae_loss(*batch, temperature=tau, w_k=1.7, beta=0.7, **law),
    }
    want = {
        "ae": nll,
        "vae": nll + 0.7 * kl,
        "mim": nll - 0.45 * (log_q + log_p),
        "cmim": 1.3 * nll - 1.7 * log_pk - 0.45 * (log_q + log_p),
        "cvae": nll - 1.7 * log_pk + 0.7 * kl,
    }
    for name, terms in got.items():
        assert terms["loss"].item() == pytest.approx(want[name].mean(), abs=1e-10), name
        assert all(terms[term].shape == (size,) for term in terms if term != "loss")


def test_infonce_is_the_cross_entropy_less_log_b():
    a, b = normal(8, 3), normal(8, 3, seed=1)
    u, v = (t / t.norm(dim=1, keepdim=True) for t in (a, b))
    probability = torch.softmax(u @ v.T / 0.3, 1)
    want = -sum(math.log(probability[i, i]) for i in range(8)) / 8 - math.log(8)
    assert losses.infonce_loss(a, b, 0.3)["loss"].item() == pytest.approx(want, abs=1e-12)
    assert losses.infonce_loss(b, a, 0.3)["loss"].item() != pytest.approx(want, abs=1e-3)  # one direction


def test_floor():
    raw = torch.tensor([-20.0, -6.0, 0.0, 9.0], dtype=torch.float64, requires_grad=True)
    hard = losses.floor_logvar(raw)
    assert hard.tolist() == [-6.0, -6.0, 0.0, 2.0]
    (grad,) = torch.autograd.grad(hard.sum(), raw)
    assert grad.tolist() == [0.0, 1.0, 1.0, 0.0]
    soft = losses.floor_logvar(raw, soft=True)
    assert soft[:3].tolist() == pytest.approx(
        [-6 + math.log1p(math.exp(-14)), -6 + math.log(2), math.log1p(math.exp(6)) - 6]
    )
    (grad,) = torch.autograd.grad(soft.sum(), raw)
    assert 0 < grad[0] < 1e-5 and grad[1].item() == pytest.approx(0.5) and grad[3] == 0


def test_log_posterior_in_half_precision_comes_from_the_noise():
    # (z - mu)^2 / e^l in float16 is off by about 0.1 nat at the floor; from eps nothing is lost but eps' own rounding
    eps, mu = normal(64, 64, dtype=torch.float32).half(), normal(64, 64, seed=1, dtype=torch.float32).half()
    logvar = torch.full((64, 64), -6.0, dtype=torch.float16)
    exact = -0.5 * (eps.double() ** 2 - 6 + math.log(2 * math.pi)).sum(1)
    assert (losses.log_posterior(logvar, eps).double() - exact).abs().max() < 1e-4
    z = (mu + (logvar / 2).exp() * eps).double()
    naive = -0.5 * ((z - mu.double()) ** 2 * math.exp(6) - 6 + math.log(2 * math.pi)).sum(1)
    assert (naive - exact).abs().mean() > 0.02


def test_gate_is_the_factor_of_the_gradient():
    # d(-log p)/dz = gate * d(-r)/dz
    z = normal(5, 3).requires_grad_()
    r = pointwise(losses.cosine(z) / 0.5, over="y", positive="excluded")
    (through_r,) = torch.autograd.grad(-r[0], z)
    log_pk = contrastive_log_prob(z, 0.5)
    (through_loss,) = torch.autograd.grad(-log_pk[0], z)
    log_pk = log_pk.detach()
    gate = 1 - log_pk[0].exp()
    torch.testing.assert_close(through_loss, gate * through_r)
    watched = losses.diagnostics(z, z, z, temperature=0.5)
    assert watched["gate"].item() == pytest.approx(float((1 - log_pk.exp()).mean()), abs=1e-12)
    cosines = losses.cosine(z).detach().numpy()
    assert watched["mean_cosine"].item() == pytest.approx((cosines.sum() - 5) / 20, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: contrastive_log_prob(torch.eye(2), 0.0), "contrastive_log_prob: `temperature`"),
        (lambda: losses.infonce_loss(torch.eye(2), torch.eye(2), -1.0), "infonce_loss: `temperature`"),
        (lambda: losses.gaussian_nll(torch.eye(2), torch.eye(2), 0.0), "`sigma`"),
        (lambda: losses.floor_logvar(torch.eye(2), 1.0, 1.0), "`low`"),
    ],
)
def test_settings_out_of_range(call, match):
    with pytest.raises(ParameterError, match=match):
        call()


@pytest.mark.parametrize("wrong", ["likelihood", "scaling"])
def test_unknown_names(wrong):
    weighted = getattr(weighted_loss, "__wrapped__", weighted_loss)  # past the shape checker, if it is on
    e = torch.eye(2)
    with pytest.raises(ParameterError, match=f"`{wrong}`"):
        weighted(e, e, e, e, e, **{wrong: "median"})
