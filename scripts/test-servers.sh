#!/bin/sh
# The servers and the browser the tests use: installed where this user may, or named.
# Tests that lack theirs are skipped and say so.
set -eu

missing=""
command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 ||
    missing="$missing chromium"
command -v chromedriver >/dev/null 2>&1 || missing="$missing chromium-driver"
[ -x /usr/sbin/smtp-sink ] || command -v smtp-sink >/dev/null 2>&1 || missing="$missing postfix"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null 2>&1; then
    run=none
    [ "$(id -u)" = 0 ] && run=""
    [ "$run" = none ] && sudo -n true 2>/dev/null && run="sudo -n"
    if [ "$run" != none ]; then
        echo "Installing for the tests:$missing" >&2
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086
        $run apt-get update -qq >&2 &&
            $run apt-get install -y -qq --no-install-recommends $missing >&2 && exit 0
    fi
fi
echo "Some tests will be skipped: they need$missing. To run them all, type:" >&2
echo "    sudo apt-get install$missing" >&2
