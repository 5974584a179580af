"""Stands in for a tensor with one number."""

from __future__ import annotations


class Loss(float):
    def detach(self) -> Loss:
        return self

    def __add__(self, other: float) -> Loss:
        return Loss(float(self) + other)

    __radd__ = __add__

    def __truediv__(self, other: float) -> Loss:
        return Loss(float(self) / other)

    def new_tensor(self, values: list[float]) -> list[float]:
        return values
