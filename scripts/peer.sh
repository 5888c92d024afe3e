#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/peer.sh - prints the folder of c-blosc2, with include/ and lib/: TESSERA_PEER_DIR, or the
# wheel of python-blosc2 that scripts/setup.sh has installed; nothing if there is none.
cd "$(dirname "$0")/.." || exit
[ -n "${TESSERA_PEER_DIR:-}" ] && echo "$TESSERA_PEER_DIR" && exit
find "$PWD"/build/peers/blosc2/lib -path '*/site-packages/blosc2/include/b2nd.h' 2>/dev/null |
    sed 's|/include/b2nd.h$||' | head -n 1
