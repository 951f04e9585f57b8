"""What programs need beside calls, under the names that the official package gives it.

The rule: each name is loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from togetherpy.utils.files import check_file

__all__ = ["check_file"]


if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        if name != "check_file":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from togetherpy.utils.files import check_file

        return check_file
