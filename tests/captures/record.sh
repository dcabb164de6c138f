#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Records the captures of this directory anew: real kernel TCP stacks and real programs in network
# namespaces, with a wire in user space between them (see README.md). Needs root.
#
#   record.sh [-d DIR] [--list] [NAME...]      records all or the named ones into DIR (default: here)
#
# It runs in mount, process and network namespaces of its own over a /run of its own: whatever it makes
# ends with it, however it ends.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
needed=(ip ss ethtool sysctl unshare mount python3 curl nginx iperf3 sshd ssh ssh-keygen ping /usr/lib/usrsctp/client)

skip() {
    echo "skipped: $*" >&2
    exit 77
}

usage() {
    sed -n '4,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit "$1"
}

inside() {
    local scratch=$1
    shift
    mount --make-rprivate /
    mount -t tmpfs none /run
    ip link set lo up
    export TMPDIR=$scratch PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
    exec python3 -m recorder "$@"
}

main() {
    local directory=$here arguments=()
    while [ $# -gt 0 ]; do
        case $1 in
        -d | --directory)
            [ $# -ge 2 ] || usage 2 >&2
            directory=$2
            shift
            ;;
        -h | --help) usage 0 ;;
        *) arguments+=("$1") ;;
        esac
        shift
    done
    export PATH=$PATH:/usr/sbin:/sbin
    [ "$(id -u)" = 0 ] || skip "needs root to make namespaces"
    local tool
    for tool in "${needed[@]}"; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
    mkdir -p "$directory"
    directory=$(cd "$directory" && pwd)
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    unshare --mount --net --pid --fork --mount-proc --kill-child \
        "${BASH_SOURCE[0]}" --inside "$scratch" -d "$directory" "${arguments[@]}"
}

if [ "${1:-}" = --inside ]; then
    shift
    inside "$@"
else
    main "$@"
fi
