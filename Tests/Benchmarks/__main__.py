"""`make bench`: what is measured, as ratios of figures of one run."""

import argparse

from . import checkout, footprint, unary, validation, webhooks


def main():
    parser = argparse.ArgumentParser(prog="Tests/Benchmarks/run", description=__doc__)
    parser.add_argument(
        "--only",
        choices=["unary", "validation", "checkout", "webhooks", "footprint"],
        help="one of them",
    )
    parser.add_argument("--requests", type=int, default=200_000, help="requests of one run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument(
        "--licenses", type=int, default=1_000_000, help="licenses that the ratio is taken with"
    )
    parser.add_argument(
        "--few", type=int, default=10_000, help="licenses that the many are compared with"
    )
    parser.add_argument("--events", type=int, default=50_000, help="events that webhooks are sent")
    options = parser.parse_args()
    ratios = {}
    if options.only in (None, "unary"):
        ratios["unary RPC / nghttpd"] = (
            unary.measure(options.requests, options.rounds),
            unary.TARGET,
        )
    if options.only in (None, "validation"):
        ratios |= validation.measure(
            options.requests, options.rounds, options.few, options.licenses
        )
    if options.only in (None, "checkout"):
        ratios |= checkout.measure(options.requests, options.rounds)
    if options.only in (None, "webhooks"):
        ratios |= webhooks.measure(options.events)
    if options.only in (None, "footprint"):
        ratios |= footprint.measure(options.requests)
    for name, (ratio, target) in ratios.items():
        print(f"{name}: {ratio:.2f}" + (f" (target {target})" if target else ""))


if __name__ == "__main__":
    main()
