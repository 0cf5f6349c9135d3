"""Classes of values: what `dataclasses.dataclass` makes of them, made in a tenth of the time.

The decorator of the standard library writes, compiles and runs a text for each of six methods of a class: half
a millisecond for each class, and a short run loads more than a hundred of them. Here it gathers the fields, and
no more. The methods are compiled once for all classes of so many fields, and get the names of the fields put
into them. A slot is set by its descriptor, which is faster than `object.__setattr__`, too. `fields`, `replace`
and `asdict` of the standard library work as ever.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError
from functools import cache, total_ordering
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, **options):
        """A class of values; the options are those of the standard library that `_made` names."""
        return (lambda cls: _made(cls, **options)) if cls is None else _made(cls, **options)


_COMPARE = """
def compare(self, other):
    return {self} == {other} if other.__class__ is self.__class__ else NotImplemented
"""
_BEFORE = _COMPARE.replace("==", "<")
_HASH = """
def hashed(self):
    return hash({self})
"""
_REDUCE = """
def reduce(self):
    return self.__class__, {self}
"""


def _made(
    cls: type,
    *,
    frozen: bool = False,
    slots: bool = False,
    eq: bool = True,
    order: bool = False,
    weakref_slot: bool = False,
) -> Any:
    cls.__doc__ = cls.__doc__ or cls.__name__  # where there is none, a signature would be worked out
    gather = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, weakref_slot=weakref_slot)
    made: Any = gather(cls)
    fields = dataclasses.fields(made)
    names = [one.name for one in fields]
    made.__init__ = _init(made, fields, slots=slots)
    made.__repr__ = _repr
    if eq:
        made.__eq__ = _method(_COMPARE, names)
        made.__hash__ = _method(_HASH, names) if frozen else None
    if order:
        made.__lt__ = _method(_BEFORE, names)
        total_ordering(made)
    if frozen:
        made.__setattr__ = made.__delattr__ = _refuse
        if slots:
            made.__reduce__ = _method(_REDUCE, names)
    return made


def _init(cls: type, fields: Sequence[Field[Any]], *, slots: bool) -> FunctionType:
    """The `__init__` of a class: it sets the slots, or what lies in the dictionary of the value."""
    known: dict[str, object] = {"MISSING": MISSING}
    defaults: list[object] = []
    lines = ["pass" if slots else "own = self.__dict__"]
    for number, one in enumerate(fields):
        value = f"n{number}"
        if one.default_factory is not MISSING:
            known[f"make{number}"] = one.default_factory
            value = f"make{number}() if {value} is MISSING else {value}"
        if one.default is not MISSING or one.default_factory is not MISSING:
            defaults.append(one.default)
        elif defaults:
            raise TypeError(f"{one.name} of {cls.__name__} has no default, but what stands before it")
        known[f"at{number}"] = getattr(cls, one.name).__set__ if slots else one.name
        lines.append(f"at{number}(self, {value})" if slots else f"own[at{number}] = {value}")
    parameters = ", ".join(("self", *(f"n{number}" for number in range(len(fields)))))
    text = "\n    ".join((f"def init({parameters}):", *lines))
    return _method(text, [one.name for one in fields], known, defaults, f"{cls.__name__}.__init__")


def _method(
    text: str,
    names: Sequence[str],
    known: Mapping[str, object] | None = None,
    defaults: Sequence[object] = (),
    called: str = "",
) -> FunctionType:
    """A method.

    Args:
        text: its text, in which the fields are called n0, n1 and so on.
        names: what they are called in the class.
        known: the global names of the text.
        defaults: the defaults of the last parameters.
        called: the name of the method in messages.
    """
    code = _compiled(text, len(names))
    named = {f"n{number}": name for number, name in enumerate(names)}
    code = code.replace(
        co_names=tuple(named.get(name, name) for name in code.co_names),
        co_varnames=tuple(named.get(name, name) for name in code.co_varnames),
        co_qualname=called or code.co_qualname,
    )
    return FunctionType(code, dict(known or {}), None, tuple(defaults))


@cache
def _compiled(text: str, count: int) -> CodeType:
    """The code of a method for values of so many fields."""
    own, other = ("".join(f"{who}.n{number}, " for number in range(count)) for who in ("self", "other"))
    names: dict[str, Any] = {}
    exec(text.format(self=f"({own})", other=f"({other})"), names)
    code = names.popitem()[1].__code__
    assert isinstance(code, CodeType)
    return code


def _repr(self: Any) -> str:
    shown = ", ".join(
        f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr
    )
    return f"{type(self).__qualname__}({shown})"


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot change '{name}' of a {type(self).__name__}")
