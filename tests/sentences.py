"""Which sentences the code may tell, read out of its source: problems and cures of faults, notices, and messages.

What varies stands as 7. A name stands for what is assigned to it in its function or file, and a parameter for what the
calls in its file give.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import product, zip_longest
from pathlib import Path

VARIES = "7"
MESSAGES = ("Conflict", "Denied", "TooManyRequests", "ServiceUnavailable", "BadRequest")
DEEPEST = 6
Names = Mapping[str, list[ast.expr]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source:
    """One file of code."""

    def __init__(self, path: Path) -> None:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        self._functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
        self._calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        self._constants: dict[str, list[ast.expr]] = {}
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    _assign(self._constants, target, node.value)

    def sentences(self) -> Iterator[tuple[str, str]]:
        """The section of the catalogue, and the text, of everything that is told."""
        for function in self._functions:
            names = self._names(function)
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                for section, node in _told(call):
                    for text in self._texts(node, names):
                        yield section, text

    def _names(self, function: Function) -> Names:
        """What the names in a function may stand for: what is assigned there, else what calls give."""
        assigned: dict[str, list[ast.expr]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    _assign(assigned, target, node.value)
            elif isinstance(node, ast.NamedExpr):
                _assign(assigned, node.target, node.value)
            elif isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Tuple | ast.List):
                for value in node.iter.elts:
                    _assign(assigned, node.target, value)
        return {**self._given(function), **assigned}

    def _given(self, function: Function) -> Names:
        """What the parameters of a function stand for: what calls in this file give, and what is given by default."""
        given: dict[str, list[ast.expr]] = {}
        places = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
        for call in (one for one in self._calls if _name(one) == function.name):
            for name, value in zip(places[places[:1] in (["self"], ["cls"]) :], call.args, strict=False):
                given.setdefault(name, []).append(value)
            for word in call.keywords:
                given.setdefault(word.arg or "", []).append(word.value)
        for one, default in zip_longest(reversed(places), reversed(function.args.defaults)):
            if default is not None:
                given.setdefault(one, []).append(default)
        return given

    def _texts(  # noqa: C901, PLR0911 -- a case for each kind of expression
        self, node: ast.expr, names: Names, deep: int = 0
    ) -> list[str]:
        """The texts that an expression may give; none where nothing is known of it."""
        if deep > DEEPEST:
            return []

        def of(part: ast.expr) -> list[str]:
            return self._texts(part, names, deep + 1)

        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return ["".join(some) for some in product(*map(of, parts))]
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return of(value) or [VARIES]
            case ast.FormattedValue():
                return [VARIES]
            case ast.IfExp(body=one, orelse=other):
                return [*of(one), *of(other)]
            case ast.BinOp(left=one, op=ast.Add(), right=other) if of(one) or of(other):
                return [a + b for a, b in product(of(one) or [VARIES], of(other) or [VARIES])]
            case ast.Name(id=name):
                rest = {other: values for other, values in names.items() if other != name}
                values = names.get(name) or self._constants.get(name, [])
                return [text for value in values for text in self._texts(value, rest, deep + 1)]
            case ast.Subscript(value=ast.Name(id=name)):
                return self._of_table(name, names, deep)
            case ast.Call(func=ast.Attribute(attr="get", value=ast.Name(id=name)), args=[_, *otherwise]):
                found = self._of_table(name, names, deep)
                return [*found, *(text for one in otherwise for text in of(one))] if found else []
            case ast.Call(func=ast.Name(id=name)):
                return [text for one in self._functions if one.name == name for text in self._given_back(one, deep)]
        return []

    def _given_back(self, function: Function, deep: int) -> list[str]:
        """The texts that a function of this file may give."""
        names = self._names(function) if deep < DEEPEST else {}
        given = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]
        return [text for value in given for text in self._texts(value, names, deep + 1)]

    def _of_table(self, name: str, names: Names, deep: int) -> list[str]:
        """The texts that stand in a mapping."""
        tables = [one for one in names.get(name) or self._constants.get(name, []) if isinstance(one, ast.Dict)]
        return [text for table in tables for value in table.values for text in self._texts(value, names, deep + 1)]


def _told(call: ast.Call) -> list[tuple[str, ast.expr]]:
    """The expressions of a call that are told, and the section of each."""
    match _name(call), call.args:
        case ("Fault" | "fault", [_, _, problem, cure, *_]) | ("refused", [problem, cure]):
            return [("problems", problem), ("cures", cure)]
        case ("Notice" | "notice", [_, message, *_]):
            return [("problems", message)]
        case ("rows", [_, _, problem, cure]):
            return [("problems", problem), ("cures", cure)]
        case (name, [message, *_]) if name in MESSAGES:
            return [("messages", message)]
        case ("abort", _):
            return [("messages", word.value) for word in call.keywords if word.arg == "description"]
    return []


def _name(call: ast.Call) -> str:
    """The last word of what is called."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _assign(names: dict[str, list[ast.expr]], target: ast.expr, value: ast.expr) -> None:
    match target, value:
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
            for one, part in zip(targets, values, strict=True):
                _assign(names, one, part)
        case ast.Tuple(), ast.IfExp(body=one, orelse=other):
            _assign(names, target, one)
            _assign(names, target, other)
        case ast.Name(id=name), _:
            names.setdefault(name, []).append(value)
