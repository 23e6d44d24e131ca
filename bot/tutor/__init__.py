"""Answers a beginner's question from the knowledge."""
