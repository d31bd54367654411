"""Lua for the Redis inside this process, where there is no `lupa`: the part of it that fakeredis uses, on `abstra_lua`.

`lupa` contains Lua itself, which is written in C. `abstra_lua` is written in Python. Its strings are str; Redis's are bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

from abstra_lua import LuaError
from abstra_lua.ast_nodes import AssignStatement, FieldExpr, IndexExpr
from abstra_lua.errors import ReturnSignal
from abstra_lua.interpreter import BuiltinFunction, Environment, Interpreter, LuaFunction
from abstra_lua.lua_table import LuaTable
from abstra_lua.parser import Parser
from abstra_lua.stdlib import install_stdlib

__all__ = ["LuaError", "LuaRuntime", "allow_lua_module_loading", "lua_type"]

UNLIMITED = 10**18

parsed = lru_cache(lambda source: Parser(source).parse())


def allow_lua_module_loading() -> AbstractContextManager[None]:
    """Nothing: there is nothing to load."""
    return nullcontext()


def lua_type(value: Any) -> str | None:
    """What Lua calls this value, if it is one of Lua's own."""
    return "table" if isinstance(value, Table) else None


class LuaRuntime:
    """An interpreter with its global variables."""

    def __init__(self, **_: Any) -> None:
        self._lua = OneAfterAnother(max_instructions=UNLIMITED, max_output_bytes=UNLIMITED)
        install_stdlib(self._lua)
        self._lua.globals.rawset("collectgarbage", BuiltinFunction("collectgarbage", lambda _: 0))

    def execute(self, source: str | bytes) -> Any:
        """Run this, and return what it returns."""
        try:
            self._lua.execute(parsed(_text(source)), Environment())
        except ReturnSignal as returned:
            return self._to_python(returned.values[0]) if returned.values else None
        return None

    def eval(self, source: str | bytes) -> Any:
        """The value of an expression."""
        return self.execute("return " + _text(source))

    def globals(self) -> Table:
        """The global variables."""
        return Table(self, self._lua.globals)

    def table_from(self, content: Any, recursive: bool = False) -> Table:
        """A table that holds what a dict, or a sequence, holds."""
        items: Iterable[tuple[Any, Any]] = content.items() if hasattr(content, "items") else enumerate(content, start=1)
        table = LuaTable()
        for key, value in items:
            nested = recursive and isinstance(value, (dict, list))
            table.rawset(self._to_lua(key), self._to_lua(self.table_from(value, True) if nested else value))
        return Table(self, table)

    def _to_lua(self, value: Any) -> Any:
        if isinstance(value, (bytes, str)):
            return _text(value)
        if isinstance(value, Table):
            return value.table
        return BuiltinFunction("python", self._callable(value)) if callable(value) else value

    def _callable(self, function: Callable[..., Any]) -> Callable[[list[Any]], list[Any]]:
        return lambda args: [self._to_lua(function(*map(self._to_python, args)))]

    def _to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.encode("latin-1")
        if isinstance(value, LuaTable):
            return Table(self, value)
        if isinstance(value, (LuaFunction, BuiltinFunction)):
            return lambda *args: self._first(self._lua._call_function(value, [self._to_lua(one) for one in args]))
        return value

    def _first(self, values: list[Any]) -> Any:
        return self._to_python(values[0]) if values else None


class Table:
    """A table of Lua's, as Python sees it."""

    def __init__(self, runtime: LuaRuntime, table: LuaTable) -> None:
        self._runtime, self.table = runtime, table

    def __getitem__(self, key: Any) -> Any:
        return self._runtime._to_python(self.table.rawget(self._runtime._to_lua(key)))

    def items(self) -> list[tuple[Any, Any]]:
        """The pairs in it."""
        return [(self._runtime._to_python(key), self._runtime._to_python(one)) for key, one in self.table._data.items()]

    def keys(self) -> list[Any]:
        """The keys in it."""
        return [key for key, _ in self.items()]

    def values(self) -> list[Any]:
        """The values in it."""
        return [one for _, one in self.items()]


class OneAfterAnother(Interpreter):
    """`abstra_lua` looks where `a[#a + 1], a[#a + 2] = x, y` leads after it has assigned x. Lua itself looks before."""

    def _exec_assign(self, statement: AssignStatement, env: Environment) -> None:
        places = [self._place(target, env) for target in statement.targets]
        values = self._eval_explist(statement.values, env)
        for number, assign in enumerate(places):
            assign(values[number] if number < len(values) else None)

    def _place(self, target: Any, env: Environment) -> Callable[[Any], None]:
        if not isinstance(target, (FieldExpr, IndexExpr)):
            return lambda value: self._assign_target(target, value, env)
        table = self.eval_expr(target.table, env)
        key = target.field if isinstance(target, FieldExpr) else self.eval_expr(target.key, env)
        return lambda value: self._table_set(table, key, value, env)


def _text(value: str | bytes) -> str:
    """One character for each byte."""
    return (value.encode() if isinstance(value, str) else value).decode("latin-1")
