"""Finds tests that hold whatever the code does, by their syntax: no assertion at all, `or` with what is always so, a value
compared with itself, any exception of any text, and loops that assert nothing where there is nothing to loop over."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

# Iterators over as many items as what they are given.
AS_MANY = {"zip", "enumerate", "sorted", "list", "set", "tuple", "reversed", "map", "product", "combinations"}
FAILS = {"raises", "warns", "fail"}


@dataclass
class Module:
    """One module of tests: its functions by name, and the names of its constants."""

    tree: ast.Module
    functions: dict[str, ast.FunctionDef] = field(init=False)
    constants: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}
        self.constants = set()
        for node in self.tree.body:
            self.constants |= _names_set(node)
            if isinstance(node, ast.ImportFrom):
                self.constants |= {each.name for each in node.names if each.name.isupper()}

    def tests(self) -> Iterator[ast.FunctionDef]:
        """Functions that pytest takes for tests."""
        yield from (node for name, node in self.functions.items() if name.startswith("test_"))


def weaknesses(source: str) -> dict[str, str]:
    """What is weak, by the name of the test; {} where nothing is."""
    module = Module(ast.parse(source))
    found = {}
    for test in module.tests():
        wrong = [said for said in (_without_assertion(module, test), *_empty_words(test), _only_in_loops(module, test)) if said]
        if wrong:
            found[test.name] = "; ".join(wrong)
    return found


def _without_assertion(module: Module, test: ast.FunctionDef) -> str:
    return "" if _asserts(module, test, set()) else "asserts nothing"


def _asserts(module: Module, function: ast.AST, seen: set[str]) -> bool:
    """Whether it asserts, or calls a function of its module that does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = _name(node.func)
            if name in FAILS:
                return True
            if name in module.functions and name not in seen and _asserts(module, module.functions[name], {*seen, name}):
                return True
    return False


def _empty_words(test: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(test):
        if isinstance(node, ast.Assert):
            yield from _always(node.test)
        if isinstance(node, ast.Call) and _name(node.func) == "raises" and node.args:
            is_any = _name(node.args[0]) in ("Exception", "BaseException")
            if is_any and not any(word.arg == "match" for word in node.keywords):
                yield "takes any exception"


def _always(test: ast.expr) -> Iterator[str]:
    """Of an assertion: what makes it hold whatever the code does."""
    is_pair = isinstance(test, ast.Compare) and len(test.comparators) == 1
    if is_pair and ast.dump(test.left) == ast.dump(test.comparators[0]):
        yield f"compares with itself: {ast.unparse(test)}"
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        for value in test.values:
            text = ast.unparse(value)
            is_named = isinstance(value, ast.Compare) and isinstance(value.left, ast.Name) and _is_text(value.comparators[0])
            if isinstance(value, ast.Constant) or is_named or "sys.platform" in text or "os.name" in text:
                yield f"`or {text}` lets a case through: skip it by name, or say what holds in it"


def _is_text(node: ast.expr) -> bool:
    """Whether it is a text, or a few of them."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(map(_is_text, node.elts))
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _only_in_loops(module: Module, test: ast.FunctionDef) -> str:
    """Whether all its assertions hold where the lists that it goes over are empty."""
    # what pytest and hypothesis give is chosen by the test itself
    fixed = module.constants | ({arg.arg for arg in test.args.args} if test.decorator_list else set())
    for node in ast.walk(test):
        if isinstance(node, ast.Assign) and _is_written(node.value, fixed):
            fixed |= _names_set(node)
    strong, weak = [], []
    for node, is_looped in _assertions(test, fixed, False):
        (weak if is_looped or _is_vacuous(node.test, fixed) else strong).append(node)
    calls = {_name(node.func) for node in ast.walk(test) if isinstance(node, ast.Call)}
    helps = [name for name in calls & module.functions.keys() if _asserts(module, module.functions[name], {name})]
    if strong or helps or calls & FAILS or not weak:
        return ""
    return f"holds where nothing is found: {ast.unparse(weak[0].test)[:80]}"


def _assertions(node: ast.AST, fixed: set[str], is_looped: bool) -> Iterator[tuple[ast.Assert, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Assert):
            yield child, is_looped
        elif isinstance(child, ast.For):
            inner = fixed | {each.id for each in ast.walk(child.target) if isinstance(each, ast.Name)} if _is_fixed(child.iter, fixed) else fixed
            yield from _assertions(child, inner, is_looped or not _is_fixed(child.iter, fixed))
        else:
            yield from _assertions(child, fixed, is_looped)


def _is_vacuous(test: ast.expr, fixed: set[str]) -> bool:
    """Whether an assertion holds of an empty list: all(...), not any(...), not [...]."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = test.operand
    elif isinstance(test, ast.Call) and _name(test.func) == "all":
        inner = test
    else:
        return False
    made = inner.args[0] if isinstance(inner, ast.Call) and _name(inner.func) in ("all", "any") and inner.args else inner
    return isinstance(made, ast.GeneratorExp | ast.ListComp) and not _is_fixed(made.generators[0].iter, fixed)


def _is_fixed(node: ast.expr, fixed: set[str]) -> bool:
    """Whether it stands in the test how many there are."""
    if isinstance(node, ast.Tuple | ast.List | ast.Dict | ast.Set | ast.JoinedStr | ast.Constant | ast.BinOp):
        return True
    if isinstance(node, ast.Name):
        return node.id in fixed
    if isinstance(node, ast.Attribute):
        return node.attr.isupper() or _is_fixed(node.value, fixed)
    if isinstance(node, ast.Subscript):
        return _is_fixed(node.value, fixed)
    if isinstance(node, ast.Call):
        if _name(node.func) == "range":
            return True
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("items", "values", "keys", "split", "iterdir"):
            return _is_fixed(node.func.value, fixed)
        return _name(node.func) in AS_MANY and any(_is_fixed(each, fixed) for each in node.args)
    return False


def _is_written(node: ast.expr, fixed: set[str]) -> bool:
    """Whether a value is written out, or made of one that is."""
    if isinstance(node, ast.ListComp | ast.DictComp | ast.SetComp):
        return _is_fixed(node.generators[0].iter, fixed)
    if isinstance(node, ast.IfExp):
        return _is_written(node.body, fixed) and _is_written(node.orelse, fixed)
    return _is_fixed(node, fixed)


def _names_set(node: ast.AST) -> set[str]:
    """The names that an assignment sets."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
