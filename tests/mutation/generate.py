"""Writes modules with all their mutants in them, made by mutmut's own operators."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation import file_mutation
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import get_ignored_lines
from mutmut.mutation.trampoline_templates import mangle_function_name

_PLAIN = cst.Module([])
_OF_CLASSES = ("classmethod", "staticmethod")
# A text with a space in it is for people: how it is worded is not tested. An expression is no text.
_WORDING = re.compile(r"""["'][^#=%]* [^#=%]*["']""")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: in which function of which module, and what becomes of what."""

    module: str
    function: str
    name: str
    before: str
    after: str


class _Visitor(file_mutation.MutationVisitor):  # type: ignore[misc]  # mutmut is in no other environment
    """Changes dataclasses, properties and decorated functions too; `switch` can handle them."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, (cst.ClassDef, cst.FunctionDef)) and node.decorators:
            plain = node.with_changes(decorators=[])
            return bool(super()._skip_node_and_children(plain))
        if isinstance(node, cst.Decorator):
            return True
        return bool(super()._skip_node_and_children(node))


_arrange = file_mutation.function_trampoline_arrangement


def _arranged(
    function: cst.FunctionDef, mutants: list[file_mutation.Mutation], class_name: str | None
) -> tuple[object, list[cst.FunctionDef], object, object]:
    """Arrange as mutmut does, but decorate the function alone: a copy would be a command twice."""
    kept = [one for one in function.decorators if _text(one.decorator) in _OF_CLASSES]
    others = [one for one in function.decorators if one not in kept]
    plain = function.with_changes(decorators=kept)
    declared, nodes, assigned, names = _arrange(plain, mutants, class_name=class_name)
    nodes[0] = nodes[0].with_changes(decorators=[*others, *nodes[0].decorators])
    return declared, nodes, assigned, names


file_mutation.function_trampoline_arrangement = _arranged


def mutate(path: Path, module: str) -> list[Mutant]:
    """Write the module's mutants into its file; return them."""
    source = path.read_text("utf-8")
    wrapper = MetadataWrapper(cst.parse_module(source))
    visitor = _Visitor(mutation_operators, get_ignored_lines(str(path), source, wrapper))
    tree = wrapper.visit(visitor)
    made = file_mutation.combine_mutations_to_source(tree, visitor.mutations)
    code = made.code.replace("from mutmut.mutation.trampoline ", "from tests.mutation.switch ")
    compile(code, str(path), "exec")
    path.write_text(code, "utf-8")
    return list(_named(tree, visitor.mutations, module))


def _named(
    tree: cst.Module, mutations: list[file_mutation.Mutation], module: str
) -> Iterator[Mutant]:
    grouped = file_mutation.group_by_top_level_node(mutations)
    for function, owner in _functions(tree):
        name = mangle_function_name(name=function.name.value, class_name=owner)
        for number, mutation in enumerate(grouped.get(function, ()), 1):
            yield Mutant(
                module,
                name,
                f"{name}__mutmut_{number}",
                _text(mutation.original_node),
                _text(mutation.mutated_node),
            )


def is_wording(mutant: Mutant) -> bool:
    """Tell whether a mutant changes no more than how a text for people is worded."""
    return all(_WORDING.fullmatch(text) for text in (mutant.before, mutant.after))


def _functions(tree: cst.Module) -> Iterator[tuple[cst.FunctionDef, str | None]]:
    for statement in tree.body:
        if isinstance(statement, cst.FunctionDef):
            yield statement, None
        elif isinstance(statement, cst.ClassDef) and isinstance(statement.body, cst.IndentedBlock):
            for method in statement.body.body:
                if isinstance(method, cst.FunctionDef):
                    yield method, statement.name.value


def _text(node: cst.CSTNode) -> str:
    return " ".join(_PLAIN.code_for_node(node).split())
