# SPDX-License-Identifier: BSD-3-Clause
# Thin: each word is a script in scripts/, which installs what it misses and says so.
#
#   make demo     the main job on real volumes, with pictures
#   make check    everything that proves the code; last line "N passed, M failed"
#   make build    program, libraries and a Python environment in build/
#   make wheel    a Python wheel in dist/ that carries the library
#   make bench    beside its peers (docs/bench.md); ARGS=planes: some of it
#   make install  PREFIX=/usr/local DESTDIR=

PREFIX ?= /usr/local
DESTDIR ?=
SECONDS_EACH ?= 60
ARGS ?=

.PHONY: all setup build demo check bench fuzz docs install wheel clean
all: build

setup:
	@scripts/setup.sh build python check
build:
	@scripts/build.sh
demo: build
	@scripts/demo.sh
check:
	@scripts/check.sh
bench:
	@scripts/bench.sh $(ARGS)
fuzz:
	@scripts/fuzz.sh $(SECONDS_EACH)
docs: build
	@scripts/docs.py
install: build
	@scripts/install.sh "$(PREFIX)" "$(DESTDIR)"
wheel:
	@scripts/wheel.sh
clean:
	rm -rf build
