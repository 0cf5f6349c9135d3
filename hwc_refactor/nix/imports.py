"""Files of the root that are read as values: `import` and `callPackage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwc_refactor.nix import calling
from hwc_refactor.nix.scope import MODULE_ARGUMENTS, Env, formals_of, root_env
from hwc_refactor.nix.values import Call, Closure, Expr, PathValue, Ref, Unknown, Value

if TYPE_CHECKING:
    from hwc_refactor.nix.resolve import Resolver


def package(resolver: Resolver, call: Call) -> Value:
    """What a call of `callPackage` with a path and a set gives; the call itself where that is not in sight."""
    frame = package_frame(resolver, call.args[0], call.args[1])
    if isinstance(frame, Unknown):
        return call
    return resolver.value(calling.body(frame))


def package_with(resolver: Resolver, call: Call) -> Value:
    """What `callPackageWith` with a set, a path and a set gives; the call itself where that is not in sight."""
    function = import_path(resolver, call.args[1])
    if not isinstance(function, Closure):
        return call
    _, formals, _ = formals_of(function.at.file, function.at.node)
    args: dict[str, Expr | Value] = {}
    for name in formals or {}:
        if name in MODULE_ARGUMENTS:
            args[name] = Ref((name,), call.at)
            continue
        for given in (call.args[2], call.args[0]):
            view = resolver.attrs(given)
            found = calling.given_for(resolver, view, view, name, function.at)
            if found is not None:
                args[name] = found
                break
            if view.open:
                args[name] = Unknown(f"it is not certain what '{name}' is called with", given)
                break
    frame = Env(function.at.file, "lambda", function.at.node, function.at.env, args)
    return resolver.value(calling.body(frame))


def package_frame(resolver: Resolver, path: Expr, argument: Expr) -> Env | Unknown:
    """The scope of the function in a file that `callPackage` calls; the rest comes from `pkgs`."""
    function = import_path(resolver, path)
    if not isinstance(function, Closure):
        return Unknown("the file that callPackage reads is no function in sight", path)
    given = resolver.attrs(argument)
    _, formals, _ = formals_of(function.at.file, function.at.node)
    args: dict[str, Expr | Value] = {}
    for name, default in (formals or {}).items():
        found = calling.given_for(resolver, given, given, name, function.at)
        if found is not None:
            args[name] = found
        elif given.open:
            args[name] = Unknown(f"it is not certain what '{name}' is called with", argument)
        elif default is None:
            args[name] = Ref((name,) if name in MODULE_ARGUMENTS else ("pkgs", name), argument)
    return Env(function.at.file, "lambda", function.at.node, function.at.env, args)


def import_path(resolver: Resolver, path: Expr) -> Value:
    """The value of a file of the root that a path names."""
    value = resolver.value(path)
    if not isinstance(value, PathValue):
        return Unknown("the path of the import is not a literal", path)
    file = resolver.load(value.at.file.source.path, value.text)
    if file is None or file.problem is not None:
        return Unknown(f"{value.text} is not a Nix file in sight", path)
    for node in file.root.named_children:
        if node.type != "comment":
            return resolver.value(Expr(file, node, root_env(file)))
    return Unknown(f"{value.text} is empty", path)
