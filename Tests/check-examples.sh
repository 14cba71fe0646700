#!/bin/sh
# Whether the patches in Guides/examples still apply to the sources.
set -eu
cd "$(dirname "$0")/.."
for patch in Guides/examples/*.diff; do git apply --check "$patch" || { echo "$patch does not apply any more: make it anew" >&2; exit 1; }; done
