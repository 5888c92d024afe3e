#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/check_python.sh - the Python package: its tests and the examples in its docstrings on
# every python3 from 3.11 up that is found; types, stubs and style on the first one; and a wheel
# that is built from a clean clone and used in an environment that has nothing else.
set -uo pipefail
cd "$(dirname "$0")/.."
work=$PWD/build/check/python
rm -rf "$work"
mkdir -p "$work"
export JOBS=${JOBS:-$(nproc)}
export TESSERA_SERVERS=needed # moto: scripts/setup.sh servers
export TESSERA_PEER_PYTHON=${TESSERA_PEER_PYTHON:-$PWD/build/peers/blosc2/bin/python}

passed=0 failed=0
try()
{
    local what=$1 log
    shift
    log=$work/${what//[^a-z0-9.]/-}.log
    if "$@" >"$log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "$what: ok"
    else
        failed=$((failed + 1))
        echo "FAILED $what"
        tail -n 40 "$log"
    fi
}

# pytest, its last line added to the sums: "== 3 failed, 120 passed, 2 skipped in 1.2s =="
suite()
{
    local what=$1 log=$work/suite-$1.log p f
    shift
    "$@" >"$log" 2>&1 </dev/null
    local rc=$?
    p=$(tail -n 1 "$log" | grep -oE '[0-9]+ passed' | cut -d' ' -f1)
    f=$(tail -n 1 "$log" | grep -oE '[0-9]+ (failed|errors?)' | awk '{n += $1} END {print n + 0}')
    if [ $rc -ne 0 ] && [ "${f:-0}" -eq 0 ]; then f=1; fi
    passed=$((passed + ${p:-0})) failed=$((failed + f))
    echo "$what: ${p:-0} passed, $f failed"
    sed -n 's/^SKIPPED \[\([0-9]*\)\] [^ ]* \(.*\)/skipped: \2 (\1)/p' "$log" | sort -u
    if [ "$f" -ne 0 ]; then tail -n 60 "$log"; fi
}

# What the documents and tutorials draw with; tests that need it say when it is not there.
drawing()
{
    "$1/bin/pip" install -q --disable-pip-version-check matplotlib pillow plotly kaleido pandas \
        >"$work/drawing.log" 2>&1 </dev/null || echo "note: nothing to draw with: $work/drawing.log"
}

first=
while read -r version _; do
    dir=$(scripts/python.sh env "$version") || { failed=$((failed + 1)); continue; }
    [ -n "$first" ] || drawing "$dir"
    first=${first:-$dir}
    echo "note: Python $("$dir/bin/python" -c 'import platform, numpy, tessera
print(platform.python_version(), "numpy", numpy.__version__, "tessera", tessera.__version__)')"
    suite "$version" "$dir/bin/python" -m pytest -q -rs -p no:cacheprovider -n $((JOBS + 1)) \
        tests/python
    suite "$version-examples" "$dir/bin/python" -m pytest -q -rs -p no:cacheprovider \
        --doctest-modules --rootdir "$work" --pyargs tessera
done < <(scripts/python.sh list)
if [ -z "$first" ]; then
    echo "no Python, or no package on it"
    echo "$passed passed, $((failed + 1)) failed"
    exit 1
fi

# the stubs say what the modules are; mypy reads them
try "mypy" "$first/bin/python" -m mypy --cache-dir "$work/mypy" python/tessera
try "stubs" "$first/bin/python" -m mypy.stubtest --concise --ignore-disjoint-bases \
    --ignore-unused-allowlist --allowlist python/stubtest.allow --mypy-config-file pyproject.toml \
    $(cd python/tessera && ls _*.pyi | sed "s/^/tessera./; s/.pyi$//")
try "ruff" "$first/bin/ruff" check --no-cache python tests/python tests/peers bench/python
try "ruff format" "$first/bin/ruff" format --check --no-cache python tests/python tests/peers \
    bench/python

# As a stranger does: a clean clone, a clean environment, and no library but the wheel's own.
wheel()
{
    git clone -q . "$work/clone" && "$work/clone/scripts/wheel.sh" &&
        "$first/bin/python" -m venv "$work/venv" &&
        "$work/venv/bin/pip" install -q --disable-pip-version-check "$work"/clone/dist/*.whl &&
        cd "$work" && "$work/venv/bin/python" clone/tests/python/snippets.py clone/README.md
}
try "wheel of a clean clone in a clean environment" wheel
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
