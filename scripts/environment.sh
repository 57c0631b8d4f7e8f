#!/bin/sh
# Make .venv from the pinned requirements; with "dev" also what tests and checks need.
# Does nothing when they have not changed. What the machine lacks is installed where this
# user may, or named with the command to type.
set -eu
cd "$(dirname "$0")/.."

venv=.venv
files=requirements.txt
[ "${1:-}" = dev ] && files="requirements.txt requirements-dev.txt"
stamp=$venv/.installed-${1:-run}

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

install() {
    if ! command -v apt-get >/dev/null 2>&1; then
        return 1
    elif [ "$(id -u)" = 0 ]; then
        run=""
    elif sudo -n true 2>/dev/null; then
        run="sudo -n"
    else
        return 1
    fi
    say "Installing $* with apt-get…"
    $run apt-get update -qq >&2 &&
        DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends "$@" >&2
}

wanted=$(cat $files | cksum)
if [ -x $venv/bin/python ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] &&
    $venv/bin/python -c 'import flask' 2>/dev/null; then
    exit 0
fi

if ! python=$(find_python); then
    if ! install python3 python3-venv || ! python=$(find_python); then
        say "CTM needs Python 3.11 or newer. On Debian or Ubuntu, type:"
        say "    sudo apt-get install python3 python3-venv"
        exit 1
    fi
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    if ! install "$package" && ! install python3-venv; then
        say "This Python cannot make environments yet. Type:"
        say "    sudo apt-get install $package"
        exit 1
    fi
fi

if ! [ -x $venv/bin/python ] || ! $venv/bin/python -m pip --version >/dev/null 2>&1; then
    say "Making the environment in .venv…"
    "$python" -m venv --clear $venv
fi
say "Installing what CTM runs on (this happens once)…"
for file in $files; do
    $venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$file" || {
        say "The packages in $file could not be installed. Check the network, then try again."
        exit 1
    }
done
printf '%s' "$wanted" >"$stamp"
