"""kube-lemonade: a tutor that teaches Kubernetes through one order of lemonade."""

__version__ = "0.1.0"
