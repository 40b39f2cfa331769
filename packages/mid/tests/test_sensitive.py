import numpy as np
import pandas as pd
import pytest

from infocore.errors import DegenerateWarning, KindError, NonFiniteError, ParameterError, ShapeError
from mid.attacks.attribute import SensitiveAttribute

TABLE = pd.DataFrame({"a": ["x", "y", "x"], "b": [1, 0, 0], "c": [0, 1, 0], "age": [30.0, 40.0, 50.0]})


def test_one_hot_columns_are_one_attribute():
    attribute = SensitiveAttribute.of(TABLE, ["b", "c"])
    assert attribute.labels == ("0, 0", "0, 1", "1, 0")
    assert attribute.codes(TABLE).tolist() == [2, 1, 0]
    assert list(attribute.hide(TABLE).columns) == ["a", "age"]
    put = attribute.substitute(TABLE, 1)
    assert put[["b", "c"]].to_numpy().tolist() == [[0, 1]] * 3
    assert TABLE["b"].tolist() == [1, 0, 0]  # the records themselves are left alone


def test_arrays_are_asked_with_arrays():
    X = np.array([[0.0, 1.0], [1.0, 2.0]])
    attribute = SensitiveAttribute.of(X, 0)
    asked = attribute.substitute(pd.DataFrame(X), 1)
    assert isinstance(asked, np.ndarray)
    assert asked.tolist() == [[1.0, 1.0], [1.0, 2.0]]


def test_bins_hold_equal_mass_and_are_asked_with_a_median():
    X = pd.DataFrame({"age": np.arange(100.0), "z": 0})
    attribute = SensitiveAttribute.of(X, "age", bins=4)
    assert np.bincount(attribute.codes(X)).tolist() == [24, 25, 25, 26]  # an edge belongs to the bin above it
    for k in range(4):
        inside = X["age"][attribute.codes(X) == k]
        assert inside.min() < attribute.values["age"].iloc[k] < inside.max()


def test_values_that_recur_make_fewer_bins_and_say_so():
    X = pd.DataFrame({"age": [1.0] * 60 + [2.0] * 30 + [3.0] * 10})
    with pytest.warns(DegenerateWarning, match="2 bins in place of 4"):
        assert SensitiveAttribute.of(X, "age", bins=4).size == 2


@pytest.mark.parametrize(
    ("columns", "options", "match"),
    [
        ("d", {}, "must name columns of the table, a, b, c, age; got d"),
        ([], {}, "got none"),
        (["a", "b"], {"bins": 3}, "`bins` must be from 2 to 50, for one column of numbers"),
        ("a", {"bins": 3}, "for one column of numbers"),
        ("age", {"bins": 60}, "from 2 to 50"),
        ("age", {"bins": 1}, "from 2 to 50"),
    ],
)
def test_what_cannot_be_an_attribute_is_refused(columns, options, match):
    with pytest.raises(ParameterError, match=match):
        SensitiveAttribute.of(TABLE, columns, **options)


def test_other_refusals():
    with pytest.raises(ParameterError, match="hold one value"):
        SensitiveAttribute.of(TABLE.assign(a="x"), "a")
    with pytest.raises(ParameterError, match="hold 60 values, more than 50"):
        SensitiveAttribute.of(pd.DataFrame({"a": range(60)}), "a")
    with pytest.raises(NonFiniteError, match="missing values in 1 of 3 rows"):
        SensitiveAttribute.of(TABLE.assign(a=["x", None, "y"]), "a")
    with pytest.raises(ShapeError, match="must be a table"):
        SensitiveAttribute.of(np.zeros(3), 0)
    with pytest.raises(KindError, match="mix text and numbers"):
        SensitiveAttribute.of(TABLE.assign(a=[1, "1", 2]), "a")
    twice = TABLE.set_axis(["a", "a", "c", "age"], axis=1)
    with pytest.raises(ShapeError, match="several columns called a"):
        SensitiveAttribute.of(twice, "age")
    assert SensitiveAttribute.of(TABLE, np.array(["b", "c"])).columns == ("b", "c")
    attribute = SensitiveAttribute.of(TABLE, "a")
    with pytest.raises(ParameterError, match=r"1 of 3 records hold a value that is no candidate, such as \['z'\]"):
        attribute.codes(TABLE.assign(a=["x", "z", "y"]))
    with pytest.raises(ParameterError, match="nearly all its values are equal"):
        SensitiveAttribute.of(pd.DataFrame({"age": [1.0] * 99 + [0.5]}).iloc[:99], "age", bins=2)
