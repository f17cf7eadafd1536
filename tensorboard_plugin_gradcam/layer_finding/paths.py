"""Which share of all paths through a graph leads through each of its nodes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def path_shares(
    starts: Iterable[tuple[Node, int]], ends: Iterable[Node], next_of: Callable[[Node], Sequence[tuple[Node, int]]]
) -> dict[tuple[Node, int], float]:
    """Return for each output of each node the share of the paths from the starts to the ends that lead through it.

    A share of 1 is a cut: nothing goes around it.

    Args:
        starts: where paths begin: nodes, and which of their outputs.
        ends: where they end.
        next_of: the nodes that a node was made of, and which of their outputs.
    """
    starts = list(starts)
    order = _ordered([node for node, _ in starts], next_of)
    final = set(ends)
    below: dict[Node, int] = {}  # paths from a node to the ends: whole numbers, for there are many
    for node in reversed(order):
        below[node] = int(node in final) + sum(below[follower] for follower, _ in next_of(node))
    above: dict[Node, int] = {}
    at: dict[tuple[Node, int], int] = {}
    for node, output in starts:
        above[node] = above.get(node, 0) + 1
        at[node, output] = at.get((node, output), 0) + 1
    for node in order:
        for follower, output in next_of(node):
            above[follower] = above.get(follower, 0) + above[node]
            at[follower, output] = at.get((follower, output), 0) + above[node]
    total = sum(below[node] for node, _ in starts)
    return {key: paths * below[key[0]] / total for key, paths in at.items() if below[key[0]]} if total else {}


def _ordered(starts: Iterable[Node], next_of: Callable[[Node], Sequence[tuple[Node, int]]]) -> list[Node]:
    """Return all nodes from the starts on, each before those that it was made of."""
    done: list[Node] = []
    seen: set[Node] = set()
    for start in starts:
        stack: list[tuple[Node, bool]] = [(start, False)]
        while stack:
            node, is_left = stack.pop()
            if is_left:
                done.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((follower, False) for follower, _ in next_of(node) if follower not in seen)
    return done[::-1]
