"""What the tutor knows: truth apart from picture, checked on loading."""
