"""Asks quiz questions and judges votes."""
