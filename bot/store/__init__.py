"""Keeps what has to outlive the process: learners, and updates until they are answered."""
