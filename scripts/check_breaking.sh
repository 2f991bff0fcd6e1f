#!/usr/bin/env bash
# Holds the contract against the recorded one and the one on the branch main: callers of yesterday must keep working.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
buf breaking proto --against proto/recorded/render-v1.binpb
for base in origin/main main; do
  if git rev-parse --quiet --verify "$base:proto" >/dev/null 2>&1; then
    exec buf breaking proto --against ".git#ref=$(git rev-parse "$base"),subdir=proto"
  fi
done
echo "no branch main here to compare the contract with" >&2
