#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# All static checks, as "ninja lint" runs them. Usage: tests/lint/lint.sh SOURCE-ROOT BUILD-ROOT
# Goes through all of them and fails at the end where one found something.
set -euo pipefail

source=${1:?usage: lint.sh SOURCE-ROOT BUILD-ROOT}
build=${2:?usage: lint.sh SOURCE-ROOT BUILD-ROOT}
cd "$source"

for tool in git clang-format clang-tidy cppcheck codespell shellcheck; do
    command -v "$tool" >/dev/null || {
        echo "lint: $tool is missing; .ci/setup test installs it" >&2
        exit 1
    }
done

mapfile -d '' -t files < <(git ls-files -z --cached --others --exclude-standard | sort -zu)
c_files=() shell_files=()
for file in "${files[@]}"; do
    [[ -f $file ]] || continue
    case $file in
    *.c | *.h) c_files+=("$file") ;;
    *.sh) shell_files+=("$file") ;;
    .ci/* | config/* | tests/*)
        read -r first <"$file" 2>/dev/null || true
        [[ ${first:-} == '#!'*sh ]] && shell_files+=("$file")
        ;;
    esac
done

failed=()
check() {
    local name=$1
    shift
    "$@" || failed+=("$name")
}

format() {
    ((${#c_files[@]} == 0)) || clang-format --dry-run -Werror "${c_files[@]}"
}

cppcheck_all() {
    local folders=()
    for folder in lib app include; do
        [[ -n $(find "$folder" -name '*.[ch]' -print -quit 2>/dev/null) ]] && folders+=("$folder")
    done
    ((${#folders[@]})) || return 0
    mkdir -p "$build/lint/cppcheck"
    # DPDK's own headers are not read: what its macros stand for is clang-tidy's business.
    # Nor are the lists of sys/queue.h, so the two of its macros that stand in declarations are given.
    cppcheck --quiet --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --std=c11 --platform=unix64 --library=gnu,posix -D_GNU_SOURCE -D__x86_64__ \
        -D'TAILQ_HEAD(name,type)=struct name{struct type*tqh_first;struct type**tqh_last;}' \
        -D'TAILQ_ENTRY(type)=struct{struct type*tqe_next;struct type**tqe_prev;}' -I include -I lib -I app \
        --suppressions-list=tests/lint/cppcheck.txt --cppcheck-build-dir="$build/lint/cppcheck" \
        -j "$(nproc)" "${folders[@]}"
}

check clang-format format
check structure tests/lint/structure.py . "${files[@]}"
check codespell codespell --check-filenames "${files[@]}"
((${#shell_files[@]} == 0)) || check shellcheck shellcheck "${shell_files[@]}"
check cppcheck cppcheck_all
check clang-tidy tests/lint/tidy.py "$source" "$build"

if ((${#failed[@]})); then
    echo "lint: findings of ${failed[*]}" >&2
    exit 1
fi
echo "lint: clean (${#c_files[@]} C files, ${#shell_files[@]} shell scripts)"
