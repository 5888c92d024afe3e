#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/demo.sh - the main job on real data: a brain and the stars around the Sun.
#
# The data come from Debian packages that are unpacked in build/demo, not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
export PATH=$top/build:$top/build/examples:$PATH
demo=$top/build/demo
mkdir -p "$demo"
cd "$demo"
pictures=()

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else bold='' dim='' plain=''; fi
heading() { printf '\n%s%s%s\n%s\n\n' "$bold" "$1" "$plain" "${1//?/=}"; }
say() { printf '\n'; fmt -w 92 <<<"$*"; }

# Shows a command, runs it, and says how long it took.
show()
{
    local t0 t1
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    t0=$EPOCHREALTIME
    "$@"
    t1=$EPOCHREALTIME
    awk -v a="$t0" -v b="$t1" -v d="$dim" -v p="$plain" 'BEGIN {printf "%s(%.0f ms)%s\n", d, (b-a)*1000, p}'
}
picture()
{
    show tessera render "$@"
    pictures+=("build/demo/${!#}")
}

# Number number $3 of type $2 at byte $4 of a gzipped file's decoded bytes.
header() { gzip -dc "$1" 2>/dev/null | od -An -t "$2" -N "$3" -j "$4" | xargs; }

# The bytes of a NIfTI-1 volume's header that say where and what the items are.
nifti()
{
    local dims
    read -ra dims <<<"$(header "$1" d2 8 40)"
    shape=${dims[3]},${dims[2]},${dims[1]} # the file's first axis is the fastest
    case $(header "$1" d2 2 70) in
    2) dtype=u1 ;; 4) dtype=i2 ;; 16) dtype=f4 ;;
    *) echo "unknown NIfTI datatype" >&2; return 1 ;;
    esac
    offset=$(printf '%.0f' "$(header "$1" f4 4 108)")
}

brain()
{
    local gz=mricron-data/usr/share/mricron/templates/ch2better.nii.gz raw npy_head
    nifti $gz
    say "The file's own header says: $dtype, shape $shape, items from byte $offset on. That is all the
import needs to know; the file is gunzipped on the way."
    show tessera convert -f $gz brain.b2nd --dtype "$dtype" --shape "$shape" --offset "$offset"
    show tessera info brain.b2nd

    say "Cutouts. Only the blocks that meet a cutout are read and decoded:"
    show tessera get brain.b2nd -s 158,185,150 --stats
    show tessera get -f brain.b2nd -s 130:194,150:214,120:184 -o box.npy --stats
    show tessera get -f brain.b2nd -s :,:,150 -o sagittal.npy --stats

    say "A copy grows by ten slices and gets a bright marker, then everything in it is checked:"
    cp brain.b2nd grown.b2nd
    show tessera get -f brain.b2nd -s 300:310 -o slab.npy
    show tessera append grown.b2nd slab.npy --axis 0
    show tessera resize grown.b2nd 340,370,301
    show tessera set grown.b2nd -s 330:340,0:40,0:40 255
    show tessera get grown.b2nd -s 325:332,20,39:42
    show tessera verify grown.b2nd

    say "Out again as .npy, and compared byte by byte with what the package holds:"
    show tessera convert -f brain.b2nd brain.npy
    npy_head=$((10 + $(od -An -t u2 -j 8 -N 2 brain.npy)))
    cmp <(tail -c +$((npy_head + 1)) brain.npy) <(gzip -dc $gz | tail -c +$((offset + 1)))
    echo "every byte is the same"

    say "Pictures: two cuts, the mean of one half of the brain seen from the side, and of all of it
seen from the front. A step of -1 turns the picture the right way up."
    picture -f brain.b2nd -s ::-1,:,165 --cmap gray --zoom 2 -o brain_side.png
    picture -f brain.b2nd -s 158,::-1,: --cmap ice --zoom 2 -o brain_above.png
    picture -f brain.b2nd -s ::-1,:,100:200 --project mean --axis 2 --cmap magma --zoom 2 \
        -o brain_mean_side.png
    picture -f brain.b2nd -s ::-1,:,: --project mean --axis 1 --cmap turbo --zoom 2 \
        -o brain_mean_front.png
}

# Floating point, of another animal: a macaque.
macaque()
{
    local gz=mricron-data/usr/share/mricron/templates/inia19-t1-brain.nii.gz
    nifti $gz
    show tessera convert -f $gz macaque.b2nd --dtype "$dtype" --shape "$shape" --offset "$offset"
    show tessera get macaque.b2nd -s 64,100:103,80:84 --stats
    picture -f macaque.b2nd -s ::-1,:,84 --cmap viridis --range 0,140 --zoom 3 -o macaque_side.png
}

stars_around_us()
{
    local x
    say "KStars' catalogue gives direction and parallax; the example program examples/stars.c places
each star in a cube of 500 x 500 x 500 cells, 4 parsec wide each. The Sun is in the middle."
    show stars kstars-data/usr/share/kstars/stars.dat stars.b2nd 500
    show tessera info stars.b2nd

    say "A window of 10 x 200 x 200 cells slides past the Sun. Empty blocks cost nothing:"
    for x in 100 180 240 250 320 400; do
        show tessera get -f stars.b2nd -s $x:$((x + 10)),150:350,150:350 -o window.npy --stats
    done

    say "Pictures: all stars along two axes, and the middle of the cube, on a logarithmic scale."
    picture -f stars.b2nd --project sum --axis 0 --log --cmap inferno --zoom 2 -o stars_x.png
    picture -f stars.b2nd --project sum --axis 2 --log --cmap magma --zoom 2 -o stars_z.png
    picture -f stars.b2nd -s 150:350,150:350,350:150:-1 --project sum --axis 0 --log \
        --cmap inferno --zoom 3 -o stars_middle.png

    say "The same stars in cells of one parsec: eight billion cells. A chunk without stars is never
written, and reading a window there reads nothing but the index."
    show stars kstars-data/usr/share/kstars/stars.dat fine.b2nd 2000
    show tessera info fine.b2nd
    show tessera get -f fine.b2nd -s 995:1005,900:1100,900:1100 -o window.npy --stats
    show tessera get -f fine.b2nd -s 0:10,0:200,0:200 -o window.npy --stats
}

vast()
{
    say "Eight terabytes of zeros: created, described and cut in milliseconds, a few hundred bytes."
    show tessera create -f vast.b2nd --shape 20000,20000,20000 --dtype u1
    show tessera info vast.b2nd
    show tessera get vast.b2nd -s 10000:10003,9999:10001,0:5 --stats
    ls -l vast.b2nd | awk '{print $5, "bytes on disk"}'
}

heading "A brain: MRI volume of the package mricron-data"
if "$top/scripts/package.sh" mricron-data; then
    brain
    heading "Another brain: floating point"
    macaque
else
    missing=1
fi
heading "The stars within 1000 parsec: catalogue of the package kstars-data"
if "$top/scripts/package.sh" kstars-data; then stars_around_us; else missing=1; fi
heading "A very large array"
vast

heading "Pictures to look at"
if [ ${#pictures[@]} -gt 0 ]; then printf '%s\n' "${pictures[@]}"; else echo none; fi
if [ -n "${missing:-}" ]; then echo "Some packages could not be had: see above."; fi
