"""What a tool written for smolagents imports: `from smolagents import tool, Tool`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def tool(function: F) -> F:
    """Leave the function as it is; its effect stands in the manifest."""
    return function


class Tool:
    """A tool as a class: `name`, `description`, `inputs`, `output_type` and a method `forward`."""

    name = ""
    description = ""
    inputs: dict[str, Any] = {}  # noqa: RUF012 - as smolagents has it
    output_type = "any"
    is_initialized = False

    def setup(self) -> None:
        """Prepare what the first call needs."""
        self.is_initialized = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.is_initialized:
            self.setup()
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Do what the tool does."""
        raise NotImplementedError
