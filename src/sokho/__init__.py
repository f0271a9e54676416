"""Sokho (sổ kho): a multi-tenant items and stock backend on PostgreSQL."""

from importlib.metadata import version

__version__ = version("sokho")
