"""One function that calls the kernel of a code, made from the registry.

Neither numba nor Triton can call a function that it looks up as it runs, so the branches are
written out, as source that both can read.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Collection, Mapping
from typing import Any

from quarterturn.augment.kernels.language import tl


def dispatcher(
    name: str, arguments: str, kernels: Mapping[int, Callable[..., Any]], ones: Collection[int]
) -> Callable[..., Any]:
    """A function (code, *arguments) that calls the kernel of a code, if there is one.

    Args:
        name: of the function; one of a process.
        arguments: as in a signature, with annotations.
        kernels: by code.
        ones: codes that the function returns 1 for; 0 for others.
    """
    passed = ", ".join(argument.split(":")[0].strip() for argument in arguments.split(","))
    lines = [f"def {name}(code, {arguments}):", "    returned = 0"]
    for place, code in enumerate(kernels):
        lines.append(f"    {'elif' if place else 'if'} code == {code}:")
        lines.append(f"        kernel_{code}({passed})")
        lines.append(f"        returned = {int(code in ones)}")
    source = "\n".join([*lines, "    return returned", ""])
    file = f"<{__name__}.{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    scope: dict[str, Any] = {f"kernel_{code}": function for code, function in kernels.items()}
    scope |= {"__name__": __name__, "tl": tl}
    exec(compile(source, file, "exec"), scope)
    made: Callable[..., Any] = scope[name]
    return made
