#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/setup.sh GROUP... - installs what is missing, and says what.
#
#   build   compiler, Meson and the libraries that libtessera links
#   python  what building the Python package needs of Debian
#   check   sanitizers, linters, cmocka, CMake, ccache
#   browser Chromium, with which plotly writes pictures in a test of the Python package
#   peer    python-blosc2 from PyPI in build/peers/blosc2 (tests and benchmarks compare with it), and
#           other readers of Zarr in build/peers/zarr (zarr-python 3), zarr2 (2.18), zarrs and
#           tensorstore
#   servers nginx of Debian, unpacked in build/demo/nginx, and moto from PyPI in build/peers/moto:
#           tests of remote stores ask them
#
# Debian packages need root or sudo; with everything in place nothing is asked or fetched.
set -euo pipefail
cd "$(dirname "$0")/.."

build=(make gcc libc6-dev meson ninja-build pkg-config liblz4-dev libzstd-dev libdeflate-dev
       zlib1g-dev libpng-dev libjson-c-dev libxxhash-dev libbz2-dev liblzma-dev
       libcurl4-openssl-dev libssl-dev libexpat1-dev)
python=(python3 python3-dev python3-venv)
check=(g++ binutils ccache clang libclang-rt-14-dev llvm clang-format clang-tidy cmake libcmocka-dev libssl-dev
       libzfp-dev)

installed()
{
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# A newer Meson or compiler of one's own is as good as the package.
have()
{
    case $1 in
    make | gcc | meson | clang | cmake) command -v "$1" >/dev/null || installed "$1" ;;
    chromium-headless-shell) command -v "$1" chromium >/dev/null || installed "$1" ;;
    ninja-build) command -v ninja >/dev/null ;;
    pkg-config) command -v pkg-config >/dev/null ;;
    # the runtime of the clang that is there; its package carries the version in its name
    libclang-rt-14-dev) [ -n "$(find /usr/lib/llvm-*/lib/clang -name 'libclang_rt.fuzzer*' 2>/dev/null)" ] ;;
    *) installed "$1" ;;
    esac
}

debian()
{
    local missing=() sudo=()
    for p in "$@"; do have "$p" || missing+=("$p"); done
    [ ${#missing[@]} -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        echo "setup: this is no Debian system; please install: ${missing[*]}" >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        sudo=(sudo)
        if ! command -v sudo >/dev/null; then
            echo "setup: neither root nor sudo; please run: apt-get install ${missing[*]}" >&2
            exit 1
        fi
    fi
    echo "setup: installing from Debian: ${missing[*]}"
    mkdir -p build
    local log=build/setup.log
    if ! { "${sudo[@]}" apt-get update -q &&
           "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
               --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
        tail -n 15 "$log" >&2
        echo "setup: cannot be had from Debian: see $log" >&2
        exit 1
    fi
}

# A python3 from 3.11 up of one's own, with headers, is as good as Debian's.
python_packages()
{
    [ -n "$(scripts/python.sh list)" ] || debian "${python[@]}"
}

python()
{
    local found
    found=$(scripts/python.sh list | awk 'NR == 1 {print $2}')
    [ -n "$found" ] || { echo "setup: no python3 from 3.11 up with venv" >&2; return 1; }
    echo "$found"
}

# The newest versions of packages run on the newest Python only.
newest()
{
    scripts/python.sh list | sort -V | awk 'END {print $2}'
}

# A peer that cannot be had is said and is no failure: what needs it is skipped.
peer()
{
    local env=build/peers/blosc2 py
    if ! "$env/bin/python" -c 'import blosc2, numpy' 2>/dev/null; then
        py=$(python) || return 0
        echo "setup: installing from PyPI: blosc2 numpy ($env)"
        rm -rf "$env"
        mkdir -p "$(dirname "$env")"
        if ! { "$py" -m venv "$env" &&
               "$env/bin/pip" install -q --disable-pip-version-check blosc2 numpy; } \
            >build/peers/blosc2.log 2>&1 </dev/null; then
            tail -n 5 build/peers/blosc2.log >&2
            echo "setup: python-blosc2 cannot be had: see build/peers/blosc2.log" >&2
            rm -rf "$env"
            return 0
        fi
    fi
    # draws the results of benchmarks; without it they are bars of text
    "$env/bin/python" -c 'import matplotlib' 2>/dev/null ||
        "$env/bin/pip" install -q --disable-pip-version-check matplotlib >>build/peers/blosc2.log \
            2>&1 </dev/null || true
    "$env/bin/python" -c 'import blosc2, numpy, platform; print("setup: peer python-blosc2",
        blosc2.__version__, "numpy", numpy.__version__, "Python", platform.python_version())'
}

# env_of NAME MODULE PACKAGE... - an environment of its own in build/peers/NAME.
env_of()
{
    local env=build/peers/$1 module=$2 py
    shift 2
    "$env/bin/python" -c "import $module" 2>/dev/null && return
    py=${PEER_PYTHON:-$(python)} || return 0
    echo "setup: installing from PyPI: $* ($env)"
    rm -rf "$env"
    mkdir -p "$(dirname "$env")"
    if ! { "$py" -m venv "$env" && "$env/bin/pip" install -q --disable-pip-version-check "$@"; } \
        >"$env.log" 2>&1 </dev/null; then
        tail -n 5 "$env.log" >&2
        echo "setup: $module cannot be had: see $env.log" >&2
        rm -rf "$env"
    fi
}

for group in "$@"; do
    case $group in
    build) debian "${build[@]}" ;;
    python) python_packages ;;
    check) debian "${check[@]}" ;;
    browser)
        # without it the test draws in another way, and says so
        (debian chromium-headless-shell) || echo "setup: no Chromium: plotly writes no pictures" ;;
    peer)
        peer &
        PEER_PYTHON=$(newest) env_of zarr 'zarr, msgpack' 'zarr>=3' numpy msgpack &
        PEER_PYTHON=$(newest) env_of zarrs zarrs zarrs &
        env_of zarr2 zarr 'zarr==2.18.*' 'numcodecs<0.16' &
        env_of tensorstore tensorstore tensorstore &
        ;;
    servers)
        # without them their tests are skipped
        command -v nginx >/dev/null || scripts/package.sh nginx || echo "setup: no nginx"
        env_of moto 'boto3, moto.server' 'moto[server]' boto3 &
        ;;
    *) echo "setup: unknown group $group: build, python, check, browser, peer, servers" >&2; exit 2 ;;
    esac
done
wait # for environments, which mostly wait for PyPI
