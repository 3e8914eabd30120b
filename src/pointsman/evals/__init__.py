"""Proof: routers measured against known outcomes. Data sets in, figures and their uncertainty out; no model called."""
