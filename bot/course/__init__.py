"""The one-day course: lessons, tests and the way between them."""
