"""What anybody needs now and then, without the network: time, units, math, texts."""

from __future__ import annotations

from smolterm_everyday.clock import convert_time, now
from smolterm_everyday.dates import date_difference, shift_date
from smolterm_everyday.math import describe_numbers, evaluate_math, solve_equation
from smolterm_everyday.texts import compare_texts, decode_text, encode_text, hash_text
from smolterm_everyday.units import convert_units

__all__ = [
    "compare_texts",
    "convert_time",
    "convert_units",
    "date_difference",
    "decode_text",
    "describe_numbers",
    "encode_text",
    "evaluate_math",
    "hash_text",
    "now",
    "shift_date",
    "solve_equation",
]
