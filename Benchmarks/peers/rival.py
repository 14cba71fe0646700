"""What the rivals' programs share: timing a step as `spread-bench` does, and the same JSON."""
import json, resource, statistics, time


def measure(step, runs, warm_up=2, **fields):
    """Prints one JSON object with the median of `runs` steps after some that are not counted, and `fields`."""
    seconds = []
    for i in range(warm_up + runs):
        start = time.perf_counter()
        step()
        if i >= warm_up:
            seconds.append(time.perf_counter() - start)
    print(json.dumps(dict(fields, median_seconds=statistics.median(seconds), minimum_seconds=min(seconds),
                          maximum_seconds=max(seconds), runs=runs,
                          peak_megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)))
