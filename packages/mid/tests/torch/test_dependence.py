import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from infocore.errors import ParameterError, ShapeError  # noqa: E402
from mid.torch._training import Moment  # noqa: E402
from mid.torch.bido import BiDO  # noqa: E402
from mid.torch.dependence import coco, gaussian_kernel, hsic, linear_kernel  # noqa: E402
from mid.torch.networks import MLP, Plain  # noqa: E402

B = 40


def data(seed=0, columns=3, n=B):
    return np.random.default_rng(seed).standard_normal((n, columns))


def kernels(seed=0):
    x = data(seed)
    y = np.eye(4)[np.random.default_rng(seed + 1).integers(4, size=B)]
    return gaussian_kernel(torch.tensor(x)), linear_kernel(torch.tensor(y))


# second implementations, as the formulas are written


def gaussian_by_loops(x, sigma=5.0):
    out = np.empty((len(x), len(x)))
    for i, a in enumerate(x):
        for j, b in enumerate(x):
            out[i, j] = np.exp(-np.sum((a - b) ** 2) / (2 * sigma**2 * x.shape[1]))
    return out


def hsic_in_numpy(k, other, normalised):
    m = len(k)
    h = np.eye(m) - np.ones((m, m)) / m
    if not normalised:
        return np.trace(k @ h @ other @ h) / (m - 1) ** 2
    r = [a @ h @ np.linalg.inv(a @ h + 1e-5 * m * np.eye(m)) for a in (k, other)]  # K H only, as BiDO's code has it
    return np.trace(r[0] @ r[1])


def coco_in_numpy(k, other):
    m = len(k)
    h = np.eye(m) - np.ones((m, m)) / m
    return np.sqrt(np.linalg.norm(h @ k @ h @ h @ other @ h)) / m


def test_kernels_against_loops():
    x = data()
    np.testing.assert_allclose(gaussian_kernel(torch.tensor(x)), gaussian_by_loops(x), atol=1e-12)
    np.testing.assert_allclose(gaussian_kernel(torch.tensor(x), 0.7), gaussian_by_loops(x, 0.7), atol=1e-12)
    np.testing.assert_allclose(linear_kernel(torch.tensor(x)), x @ x.T)
    from sklearn.metrics.pairwise import rbf_kernel

    np.testing.assert_allclose(gaussian_kernel(torch.tensor(x)), rbf_kernel(x, gamma=1 / (2 * 25 * 3)), atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_measures_against_numpy(seed):
    k, other = kernels(seed)
    a, b = k.numpy(), other.numpy()
    for normalised in (True, False):
        want = hsic_in_numpy(a, b, normalised)
        assert hsic(k, other, normalised=normalised).item() == pytest.approx(want, rel=1e-8)
    assert coco(k, other).item() == pytest.approx(coco_in_numpy(a, b), rel=1e-10)


def test_golden_values_by_hand():
    # two points at +-1 with a linear kernel: Kc = [[1, -1], [-1, 1]], eigenvalues 2 and 0
    k = linear_kernel(torch.tensor([[1.0], [-1.0]], dtype=torch.float64))
    assert hsic(k, k, normalised=False).item() == pytest.approx(4.0)
    assert hsic(k, k, normalised=True).item() == pytest.approx((2 / (2 + 2e-5)) ** 2, rel=1e-12)
    assert coco(k, k).item() == pytest.approx(np.sqrt(4) / 2)  # the product has eigenvalue 4


def test_linear_hsic_is_the_squared_covariance():
    x, y = data(columns=1)[:, 0], data(3, columns=1)[:, 0]
    k, other = (linear_kernel(torch.tensor(a[:, None])) for a in (x, y))
    assert hsic(k, other, normalised=False).item() == pytest.approx(np.cov(x, y)[0, 1] ** 2, rel=1e-9)


def test_coco_is_never_below_the_constrained_covariance():
    k, other = kernels()
    m = len(k)
    h = np.eye(m) - 1 / m
    largest = np.sqrt(np.linalg.norm(h @ k.numpy() @ h @ other.numpy() @ h, 2)) / m
    assert largest <= coco(k, other).item() + 1e-12


@pytest.mark.parametrize(
    "measure", [lambda k, o: hsic(k, o, normalised=True), lambda k, o: hsic(k, o, normalised=False), coco]
)
def test_gradients_and_symmetry_and_shift(measure):
    x, y = (torch.tensor(data(seed, n=6), requires_grad=True) for seed in (0, 1))

    def of(x, y):
        return measure(gaussian_kernel(x, 1.0), gaussian_kernel(y, 1.0))

    assert torch.autograd.gradcheck(of, (x, y))
    assert of(x, y).item() == pytest.approx(of(y, x).item(), rel=1e-8)
    assert of(x + 3.0, y).item() == pytest.approx(of(x, y).item(), rel=1e-6)


def test_constant_batches_have_no_dependence_and_no_nan_in_the_gradient():
    z = torch.zeros(6, 2, dtype=torch.float64, requires_grad=True)
    k = gaussian_kernel(torch.tensor(data(n=6)))
    for value in (coco(k, gaussian_kernel(z)), hsic(k, gaussian_kernel(z), normalised=True)):
        (gradient,) = torch.autograd.grad(value, z)
        assert value.item() == pytest.approx(0.0, abs=1e-12)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("measure", [lambda k, o: hsic(k, o, normalised=True), coco])
def test_independent_batches_stay_below_a_permutation_threshold(measure):
    """Claim C20: of 40 independent pairs at level 0.05 at most 6 may pass (binomial: P(7 or more) = 0.3 %)."""
    passed = dependent = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x, y, noise = rng.standard_normal((3, 30, 2))
        k = gaussian_kernel(torch.tensor(x), 1.0)
        orders = [torch.tensor(rng.permutation(30)) for _ in range(59)]
        for target, kind in ((y, "independent"), (x + 0.3 * noise, "dependent")):
            other = gaussian_kernel(torch.tensor(target), 1.0)
            value = measure(k, other).item()
            p = (1 + sum(measure(k, other[o][:, o]).item() >= value for o in orders)) / 60
            passed += kind == "independent" and p <= 0.05
            dependent += kind == "dependent" and p <= 0.05
    assert passed <= 6
    assert dependent >= 35


def network(seed=0):
    generator = torch.Generator().manual_seed(seed)
    head = nn.utils.skip_init(nn.Linear, 5, 4)
    with torch.no_grad():
        head.weight.normal_(generator=generator)
        head.bias.zero_()
    return Plain(MLP((8, 5)).build(3, generator), head)


def bido_terms(**settings):
    model, x = network(), torch.tensor(data()).float()
    y = torch.arange(B) % 4
    return BiDO(**settings).loss(model, x, y, Moment(0.0, torch.Generator())), model, x, y


def test_bido_is_its_formula_in_numpy():
    terms, model, x, y = bido_terms(a1=0.3, a2=0.7, measure="hsic")
    layers = [layer.detach().double().numpy() for layer in model.features.layers(x)]
    k_x, k_y = gaussian_by_loops(x.double().numpy()), np.eye(4)[y] @ np.eye(4)[y].T
    want = nn.functional.cross_entropy(model(x), y).item()
    for layer in layers:
        k_z = gaussian_by_loops(layer)
        want += 0.3 * hsic_in_numpy(k_x, k_z, True) - 0.7 * hsic_in_numpy(k_z, k_y, True)
    assert terms["loss"].item() == pytest.approx(want, rel=1e-4)


def test_bido_changes_when_the_measure_is_switched():
    """Claim C20: a published script never forwards its choice, so that its COCO is HSIC."""
    by_hsic, by_coco = (bido_terms(a1=1.0, a2=1.0, measure=measure)[0] for measure in ("hsic", "coco"))
    assert by_hsic["cross_entropy"].item() == pytest.approx(by_coco["cross_entropy"].item())
    for name in ("loss", "inputs", "labels"):
        assert abs(by_hsic[name].item() - by_coco[name].item()) > 0.1 * abs(by_hsic[name].item())
    _, model, x, y = bido_terms()
    k_x, k_y = gaussian_kernel(x.double()), linear_kernel(torch.eye(4)[y].double())
    layers = [gaussian_kernel(layer.double()) for layer in model.features.layers(x)]
    assert by_coco["inputs"].item() == pytest.approx(sum(coco(k_x, k).item() for k in layers), rel=1e-6)
    assert by_coco["labels"].item() == pytest.approx(sum(coco(k, k_y).item() for k in layers), rel=1e-6)


@pytest.mark.parametrize("measure", ["hsic", "coco"])
def test_bido_moves_both_dependences_the_way_it_says(measure):
    after = {}
    for name, weights in {"neither": (0.0, 0.0), "inputs": (2.0, 0.0), "labels": (0.0, 2.0)}.items():
        model, x, y = network(), torch.tensor(data()).float(), torch.arange(B) % 4
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        for _ in range(30):
            terms = BiDO(*weights, measure=measure).loss(model, x, y, Moment(0.0, torch.Generator()))
            optimizer.zero_grad()
            terms["loss"].backward()
            optimizer.step()
        after[name] = {key: terms[key].item() for key in ("inputs", "labels")}
    assert after["inputs"]["inputs"] < after["neither"]["inputs"]
    assert after["labels"]["labels"] > after["neither"]["labels"]


@pytest.mark.unchecked
def test_shapes_that_are_refused():
    with pytest.raises(ShapeError, match="gaussian_kernel: `x`"):
        gaussian_kernel(torch.zeros(3))
    with pytest.raises(ShapeError, match="linear_kernel: `x`"):
        linear_kernel(torch.zeros(3, 2, 2))
    with pytest.raises(ShapeError, match=r"hsic: `k` and `l`.*\(3, 3\) and \(2, 2\)"):
        hsic(torch.eye(3), torch.eye(2), normalised=True)
    with pytest.raises(ShapeError, match="coco"):
        coco(torch.ones(3, 2), torch.ones(3, 2))


def test_refusals():
    with pytest.raises(ShapeError, match="at least 2 rows"):
        coco(torch.ones(1, 1), torch.ones(1, 1))
    with pytest.raises(ParameterError, match="gaussian_kernel: `sigma`"):
        gaussian_kernel(torch.zeros(3, 1), 0.0)
    for settings, name in (({"a1": -1.0}, "a1"), ({"a2": float("inf")}, "a2"), ({"measure": "mmd"}, "measure")):
        with pytest.raises(ParameterError, match=f"BiDO: `{name}`"):
            BiDO(**settings)
    with pytest.raises(ParameterError, match="BiDO: `network` must be made of blocks"):
        BiDO().loss(nn.Identity(), torch.zeros(3, 2), torch.zeros(3, dtype=torch.long), Moment(0.0, torch.Generator()))
