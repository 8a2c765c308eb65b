"""Code that makes stand-ins, inside the sandbox, for libraries that cannot be had there.

They have the interface of numpy, pandas, polars and matplotlib as far as it is used, and no more.
"""

from __future__ import annotations

FRAMES = """
import sys, types

def _library(name, **held):
    library = types.ModuleType(name)
    for key, one in held.items():
        if isinstance(one, type):
            one.__module__ = name
    library.__dict__.update(held)
    sys.modules[name] = library
    return library

class _Values(list):
    def __getitem__(self, key):
        found = list.__getitem__(self, key)
        return type(self)(found) if isinstance(key, slice) else found
    def tolist(self):
        return list(self)

class Index(_Values):
    name = None
Index.__module__ = "pandas"

class _Place:
    def __init__(self, made): self.made = made
    def __getitem__(self, key): return self.made(key)

def _pandas_series():
    class Series:
        def __init__(self, values, index=None):
            self.values = list(values)
            self.index = Index(range(len(self.values)) if index is None else index)
            self.name = None
        shape = property(lambda self: (len(self.values),))
        iloc = property(lambda self: _Place(
            lambda key: Series(self.values[key], self.index[key])))
        def tolist(self): return list(self.values)
    return Series

def _pandas_frame(Series):
    class DataFrame:
        def __init__(self, data, index=None):
            self.data = data
            length = len(next(iter(data.values())))
            self.index = Index(range(length) if index is None else index)
        shape = property(lambda self: (len(self.index), len(self.data)))
        columns = property(lambda self: Index(self.data))
        def _at(self, key):
            if isinstance(key, tuple):
                return Series(self.data[list(self.data)[key[1]]][key[0]], self.index[key[0]])
            part = {name: column[key] for name, column in self.data.items()}
            return DataFrame(part, self.index[key])
        iloc = property(lambda self: _Place(self._at))
    return DataFrame

def _polars_frame():
    class Series:
        def __init__(self, values): self.values = list(values)
        def to_list(self): return self.values
    class DataFrame:
        def __init__(self, data): self.data = data
        shape = property(lambda self: (len(next(iter(self.data.values()))), len(self.data)))
        columns = property(lambda self: list(self.data))
        def slice(self, first, count):
            return DataFrame({name: column[first:first + count]
                              for name, column in self.data.items()})
        def __getitem__(self, name): return Series(self.data[name])
    return DataFrame

def _array():
    class Kind: kind, names = "i", None
    class ndarray:
        dtype = Kind()
        def __init__(self, data): self.data = data
        deep = property(lambda self: bool(self.data) and isinstance(self.data[0], list))
        shape = property(lambda self: (len(self.data), len(self.data[0])) if self.deep
                         else (len(self.data),))
        size = property(lambda self: len(self._flat()))
        def _flat(self): return sum(self.data, []) if self.deep else list(self.data)
        flat = property(lambda self: _Place(lambda key: ndarray(self._flat()[key])))
        def tolist(self): return self.data
        def __getitem__(self, key):
            if isinstance(key, tuple):
                return ndarray([row[key[1]] for row in self.data[key[0]]])
            return ndarray(self.data[key])
    return ndarray

_series = _pandas_series()
pandas = _library("pandas", Series=_series, DataFrame=_pandas_frame(_series))
polars = _library("polars", DataFrame=_polars_frame())
numpy = _library("numpy", ndarray=_array())
numpy.array = numpy.ndarray
"""


PLOTS = {
    "matplotlib/__init__.py": b"",
    "matplotlib/figure.py": b"""
class Figure:
    def __init__(self, width=2, height=3):
        self.size = width, height
    def savefig(self, file, format):
        assert format == "png"
        width, height = (one.to_bytes(4, "big") for one in self.size)
        file.write(b"\\x89PNG\\r\\n\\x1a\\n" + b"....IHDR" + width + height)
""",
    "matplotlib/pyplot.py": b"""
import os
from matplotlib.figure import Figure
assert os.environ["MPLBACKEND"] == "agg"
_open = {}
def figure(number=None):
    if number not in _open:
        number = number or len(_open) + 1
        _open[number] = Figure(number, 7)
    return _open[number]
def get_fignums():
    return list(_open)
def close(which=None):
    _open.clear()
def plot(*data):
    figure(next(iter(_open), None))
    return [data]
def show():
    raise RuntimeError("There is no window.")
""",
}
"""What lies beside other packages: `matplotlib`, as far as it is used."""
