#!/bin/sh
# Make .venv-bench with what the benchmarks measure beside; CTM itself needs none of it.
# Does nothing when benchmarks/requirements.txt has not changed.
set -eu
cd "$(dirname "$0")/.."

venv=.venv-bench
file=benchmarks/requirements.txt
stamp=$venv/.installed
wanted=$(cksum <$file)
if [ -x $venv/bin/python ] && [ -f $stamp ] && [ "$(cat $stamp)" = "$wanted" ]; then
    exit 0
fi

echo "Making the benchmarks' environment in $venv (this happens once)…" >&2
.venv/bin/python -m venv --clear $venv
$venv/bin/python -m pip install --quiet --disable-pip-version-check -r $file || {
    echo "The packages in $file could not be installed. Check the network, then try again." >&2
    exit 1
}
printf '%s' "$wanted" >$stamp
