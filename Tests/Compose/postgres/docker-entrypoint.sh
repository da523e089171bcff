#!/usr/bin/env bash
# What the official image's entry point does with a cluster that is there.
exec "$@"
