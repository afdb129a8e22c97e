"""Markdown tables of published results files, one module a kind."""
