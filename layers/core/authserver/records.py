"""`dataclass(frozen=True, slots=True)` for a function that starts with dozens of them.

The standard library compiles the code of each class's every method when the class is made: half of what our own
modules cost a cold start. Here it compiles ``__init__`` alone, and all classes share one ``__eq__``, ``__hash__`` and
``__repr__``. mypy checks that instances are not changed, as it does for the original.

`replace` is that of `dataclasses` without its look at each field of each record: the functions on the hot path use it.
"""

from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import replace as replace
else:
    import dataclasses

    def dataclass(*, frozen, slots):  # noqa: ARG001 - for mypy; it is always both
        def decorate(kind):
            for name, method in SHARED.items():
                if name not in vars(kind):
                    setattr(kind, name, method)
            made = dataclasses.dataclass(eq=False, repr=False, slots=True)(kind)
            compared = [name for name, field in made.__dataclass_fields__.items() if field.compare]
            made.compared = attrgetter(*compared) if compared else type
            made.given = tuple(name for name, field in made.__dataclass_fields__.items() if field.init)
            return made

        return decorate

    def replace(record, /, **changes):
        for name in record.given:
            if name not in changes:
                changes[name] = getattr(record, name)
        return type(record)(**changes)

    def _eq(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return self is other or self.compared(self) == self.compared(other)

    def _hash(self):
        return hash(self.compared(self))

    def _repr(self):
        shown = [name for name, field in self.__dataclass_fields__.items() if field.repr]
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    SHARED = {"__eq__": _eq, "__hash__": _hash, "__repr__": _repr}
