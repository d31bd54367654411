"""The statements of a function: which of them a line belongs to, and how it is written."""

from __future__ import annotations

import ast

BEFORE = "(before the first line)"


class Statement:
    """One statement; of an `if`, a loop and the like, only its head. `text` is one line, indented as in the function."""

    def __init__(self, text: str, repeats: bool) -> None:
        self.text, self.repeats = text, repeats  # repeats: a loop with its body on the same line


def statements_of(source: str, function: str) -> dict[int, Statement]:
    """The statements of each function, or method, of this name, by the numbers of their lines.

    >>> found = statements_of("def pay(cents):\\n    if cents:\\n        take(\\n            cents,\\n        )", "pay")
    >>> [(line, one.text) for line, one in found.items()]
    [(2, 'if cents:'), (3, '    take(cents)'), (4, '    take(cents)'), (5, '    take(cents)')]
    """
    lines, found = source.splitlines(), dict[int, Statement]()
    for one in ast.walk(ast.parse(source)):
        if isinstance(one, ast.FunctionDef) and one.name == function:
            indent = one.body[0].col_offset
            for node in (inner for outer in one.body for inner in ast.walk(outer)):
                if isinstance(node, (ast.stmt, ast.excepthandler)):
                    _add(node, lines, indent, found)
    return found


def _add(node: ast.stmt | ast.excepthandler, lines: list[str], indent: int, found: dict[int, Statement]) -> None:
    body = getattr(node, "body", None)
    last = max(node.lineno, body[0].lineno - 1 if body else node.end_lineno or 0)
    # One of several lines is written in one.
    text = lines[node.lineno - 1][node.col_offset :] if last == node.lineno else ast.unparse(node).strip().splitlines()[0]
    repeats = isinstance(node, (ast.For, ast.While)) and node.body[0].lineno == node.lineno
    statement = Statement(" " * (node.col_offset - indent) + text, repeats)
    for line in range(node.lineno, last + 1):
        found.setdefault(line, statement)  # where two share a line, the outer one
