"""What the simulation costs: `python -m bench.simulation` brings up 1, 100 and 1,000 Pods and counts.

Beside the recorded cluster (2 cores): 17–18 Pods/s with instant pulls, 8.5 writes for each Pod, 665 MB.
"""

from __future__ import annotations

import time
import tracemalloc

from bot.simulation.cluster import Cluster

SIZES = (1, 100, 1000)


def brought_up(pods: int) -> tuple[Cluster, float, int]:
    """A cluster with so many Pods ready, the seconds that took, and the revisions that were written."""
    cluster = Cluster()
    cluster.run("world shops 20 --cpu=100 --memory=100Gi\nsettle")
    before, start = cluster.store.revision, time.process_time()
    cluster.run(f"kubectl create deployment lemonade --image=lemonade:v1 --replicas={pods}\nsettle")
    took = time.process_time() - start
    ready = (cluster.get("Deployment", "lemonade") or {})["status"].get("readyReplicas")
    assert ready == pods, f"{ready} of {pods} Pods are ready"
    return cluster, took, cluster.store.revision - before


def results(pods: int = 100) -> dict[str, str]:
    """What was measured → figure."""
    brought_up(10)
    runs = [brought_up(pods) for _ in range(5)]
    took, writes = min(seconds for _, seconds, _ in runs), runs[0][2]
    return {
        f"{pods} Pods ready, CPU": f"{took:.2f} s",
        "writes for each Pod": f"{writes / pods:.1f}",
        "CPU for each write": f"{took / writes * 1e6:.0f} µs",
    }


def main() -> None:
    brought_up(10)  # everything is imported and warm
    print(f"{'Pods':>5} {'writes':>7} {'seconds':>8} {'writes/s':>9} {'µs/write':>9} {'Pods/s':>7} {'KiB/Pod':>8}")
    for pods in SIZES:
        took = min(brought_up(pods)[1] for _ in range(5 if pods < 1000 else 2))
        tracemalloc.start()
        kept, _, writes = brought_up(pods)
        memory = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        cost = took / writes * 1e6
        print(
            f"{pods:5} {writes:7} {took:8.3f} {writes / took:9.0f} {cost:9.1f} {pods / took:7.0f} {memory / pods / 1024:8.1f}"
        )
        del kept


if __name__ == "__main__":
    main()
