#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/check_install.sh - installs into a prefix of its own and uses the library from there as
# strangers do: pkg-config and CMake, shared and static.  Then looks at what the libraries export.
set -uo pipefail
cd "$(dirname "$0")/.."
top=$PWD work=$PWD/build/check/install
rm -rf "$work"
mkdir -p "$work"
scripts/build.sh && DESTDIR=$work/root meson install -C build --quiet --no-rebuild ||
    { echo "0 passed, 1 failed"; exit 1; }
pc=$(find "$work/root" -name tessera.pc)
lib=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib

passed=0 failed=0
try()
{
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n%s\n' "$what" "$out"
    fi
}
uses_shared() { readelf -d "$1" | grep -q 'NEEDED.*libtessera'; }

pkg_shared()
{
    gcc -o shared "$top/tests/consumer/consumer.c" $(pkg-config --cflags --libs tessera) &&
        ./shared && uses_shared shared
}
pkg_static()
{
    gcc -o static "$top/tests/consumer/consumer.c" $(pkg-config --cflags tessera) \
        -Wl,-Bstatic -ltessera -Wl,-Bdynamic -L"$lib" \
        $(pkg-config --static --libs tessera | sed 's/-ltessera//') &&
        ./static && ! uses_shared static
}
pkg_cxx()
{
    g++ -o cxx "$top/tests/consumer/consumer.cpp" $(pkg-config --cflags --libs tessera) && ./cxx
}
with_cmake()
{
    cmake -S "$top/tests/consumer" -B cmake -DCMAKE_PREFIX_PATH="$work/root/usr/local" &&
        cmake --build cmake && cmake/shared && cmake/static && cmake/cxx &&
        uses_shared cmake/shared && ! uses_shared cmake/static
}
soname() { readelf -d "$lib/libtessera.so" | grep -q 'SONAME.*\[libtessera\.so\.[0-9]*\]'; }
# Everything with external linkage carries the prefix, in the archive too.
prefixed()
{
    local strange
    strange=$(nm "$@" --defined-only 2>/dev/null | awk 'NF == 3 && $3 !~ /^(tsr_|_init$|_fini$)/')
    [ -z "$strange" ] || { echo "$strange"; return 1; }
}
# The shared library exports what the header declares, no more and no less.
exports()
{
    diff <(nm -D --defined-only "$lib/libtessera.so" | awk '{print $3}' | sort) \
        <(sed -n 's/^TSR_API[^(]*[ *]\(tsr_[a-z0-9_]*\)(.*/\1/p' include/tessera/tessera.h | sort)
}
program()
{
    "$work/root/usr/local/bin/tessera" --version
}

try "the shared library exports exactly the header" exports
try "soname is versioned" soname
try "prefix in libtessera.so" prefixed -D "$lib/libtessera.so"
try "prefix in libtessera.a" prefixed -g "$lib/libtessera.a"
try "the installed program runs" program
cd "$work" || exit 1
try "pkg-config, shared" pkg_shared
try "pkg-config, static" pkg_static
try "pkg-config, C++" pkg_cxx
try "CMake, shared, static, C++" with_cmake
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
