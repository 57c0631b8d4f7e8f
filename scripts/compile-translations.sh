#!/bin/sh
# Compile each catalogue that is newer than its compiled form.
set -eu
cd "$(dirname "$0")/.."
for po in translations/*/LC_MESSAGES/*.po; do
    [ -e "$po" ] || continue
    mo="${po%.po}.mo"
    if ! [ -e "$mo" ] || [ "$po" -nt "$mo" ]; then
        .venv/bin/pybabel -q compile -i "$po" -o "$mo" -l it
    fi
done
