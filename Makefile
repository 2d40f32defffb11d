# `make help` lists what there is. Every target sets up what it needs (.ci/toolchain says what that is).

SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c

# How the Worker's wasm is built: only here. wrangler.toml calls `make worker`.
#   simd128      the encoder's match finder uses it; every runtime that we meet has it
#   max-memory   112 MiB, in bytes. An isolate has 128 MiB for its JavaScript and all its wasm together, and is killed
#                without a word when it passes them; below that the allocator refuses, which the core answers for
#   strip-all    drops the names of functions, 40 kB of gzip; a profile needs them: make worker NAMES=1
#   keep-section has wasm-bindgen know which features of wasm it may use
#   Map          says what the size is made of (make size)
#   unwind       so a panic ends its own request and no other, and what that one reserved is given back. Where memory or the
#                stack ends, the wasm aborts all the same: then the next request gets a fresh instance, the other answers
#                of the isolate break off, and what was reserved goes with the memory. It is 22 kB more, gzipped, and no
#                more CPU
WASM_RUSTFLAGS := -C target-feature=+simd128 -C link-arg=--max-memory=117440512 -C link-arg=-Map=.tools/wasm.map \
	$(if $(NAMES),,-C link-arg=--strip-all -C link-arg=--keep-section=target_features) -Cpanic=unwind
#   .ci/worker-build    what it takes for cargo, rustc and rustup: a stable compiler, and LTO
#   RUN_TO_COMPLETION   hands the response's promise to waitUntil; without it, a client that leaves before there is a
#                       response leaves its request's future undropped, and the memory held, for ever
#   no-opt              no wasm-opt: -O2 makes this module 1 kB larger, gzipped, and up to 12 % slower at quality 5
#   panic-unwind        wants a shim in JavaScript that goes with it; adds the last of the flags
WORKER_BUILD := CARGO="$$(command -v cargo)" PATH="$(CURDIR)/.ci/worker-build:$$PATH" RUN_TO_COMPLETION=1 \
	RUSTFLAGS="$(filter-out -Cpanic=unwind,$(WASM_RUSTFLAGS))" \
	worker-build --profile wasm --no-opt --panic-unwind --features worker

# The host's compiler is cargo's own. The wasm tool chain may be another one: it is sourced where it is used.
WASM := . .tools/env &&

# The package is the same crate with another face, and shares what was compiled for the Worker. The memory that it may
# have is in src/browser/link.rs.
BROWSER_BUILD := RUSTFLAGS="$(WASM_RUSTFLAGS)" cargo rustc --lib --profile wasm --target wasm32-unknown-unknown \
	--features browser --crate-type cdylib

.PHONY: help dev build worker browser page test bench real profile calibrate fuzz danger memory soak size lint fmt clean toolchain

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST)

dev: toolchain ## build, and serve on http://localhost:8787 in workerd; builds again when src/ changes
	@$(WASM) export WRANGLER_SEND_METRICS=false WRANGLER_HIDE_BANNER=true CLOUDFLARE_CF_FETCH_ENABLED=false && \
	exec wrangler dev --port 8787

build: worker ## target/release/recompress, and the Worker in build/
	cargo build --release --features cli

worker: page ## the Worker in build/, and the page that it serves
	$(WASM) $(WORKER_BUILD)

page: browser
	rm -rf build/assets
	mkdir -p build/assets/page
	cp src/page/index.html src/page/_headers build/assets/
	cp src/page/*.css src/page/*.js src/page/*.svg build/browser/*.js build/browser/*.wasm build/assets/page/

browser: build/browser/core_bg.wasm ## the package for web pages, in build/browser/
	cp src/browser/*.js src/browser/*.d.ts src/browser/package.json build/browser/

# Not by cargo's own reckoning of what changed: it links anew when it was asked for the Worker in between.
build/browser/core_bg.wasm: $(shell find src -name '*.rs') Cargo.toml Cargo.lock Makefile | toolchain
	$(WASM) $(BROWSER_BUILD)
	$(WASM) "$$WASM_BINDGEN_BIN" --target web --out-dir build/browser --out-name core \
		"$${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/wasm/recompress.wasm"

test: build ## everything that is tested
	.ci/test-programs
	.ci/schemathesis
	cargo test --features cli,http
	# The core has no I/O, no clock, no JavaScript: it compiles for a bare wasm, from this list of crates and no other.
	$(WASM) RUSTFLAGS="$(WASM_RUSTFLAGS)" cargo check --lib --target wasm32-unknown-unknown
	diff <(grep -v '^#' .ci/core-dependencies) <(cargo tree -e normal --target all --prefix none -f '{p}' | cut -d ' ' -f 1 | sort -u)
	$(WASM) node benches/size.mjs
	# The Worker in workerd, and archives that real programs write.
	$(WASM) node --test --test-timeout=600000 tests/worker/*.test.mjs tests/writers/*.test.mjs tests/contract/*.test.mjs tests/readme/*.test.mjs
	# The native server, by the tests of the Worker that are not of its platform alone.
	$(WASM) SERVER=native node --test --test-timeout=600000 $(patsubst %,tests/worker/%.test.mjs,answers budget conversion inspection leaving load streaming ways) tests/native/*.test.mjs
	# The browser package, and the page in Chromium.
	$(WASM) node --test --test-timeout=600000 tests/page/*.test.mjs

fuzz: ## libFuzzer, FUZZ_SECONDS=60 for each target; TARGET="reader transcode chunking directory", or some of them
	.ci/fuzz $(TARGET)

bench: build ## what a conversion costs, next to other ways to do it: docs/performance.md; ARGS="cells --rounds 3 --corpus FILE.zip"
	.ci/test-programs bench
	$(WASM) node benches/bench.mjs $(ARGS)

calibrate: build ## measures what each quality and window costs in workerd, and writes the table that budgets are counted by
	$(WASM) node benches/calibrate.mjs --data benches/calibration.csv --costs src/work/table.rs --sizes src/work/size/table.rs
	cargo fmt

danger: ## the table of docs/danger.md, by the programs that are here
	.ci/test-programs danger
	cargo test --features cli,http --test it -- --ignored write_the_table_of_dangers

memory: worker ## the most memory that the Worker takes, by quality and window; ARGS="--mib 300 --quality 9"
	$(WASM) node benches/memory.mjs $(ARGS)

real: build ## a benchmark and decode check over a folder of real zips: make real DIR=... ARGS="--quality 5 --quality 9 --quality 11"
	$(WASM) node tools/real.mjs "$(DIR)" $(ARGS)

profile: ## where the Worker spends its CPU; ARGS="--quality 5 --corpus source"
	$(MAKE) --no-print-directory worker NAMES=1
	$(WASM) node benches/profile.mjs $(ARGS)

soak: build ## an hour of good, bad, cut and abandoned uploads; ARGS="--minutes 60 --clients 6"
	$(WASM) node benches/soak.mjs $(ARGS)

size: worker ## what the Worker's wasm is made of, and what of it grew; ARGS=--write notes it
	$(WASM) node benches/size.mjs $(ARGS)

lint: toolchain ## rustfmt and clippy, on the host and on wasm32
	cargo fmt --check
	cargo clippy --all-targets --features cli,http -- -D warnings
	$(WASM) RUSTFLAGS="$(WASM_RUSTFLAGS)" $$CARGO_CLIPPY clippy --target wasm32-unknown-unknown --lib --features worker,browser -- -D warnings

fmt: ## rustfmt
	cargo fmt

clean: ## removes what was built, not the tools (those: rm -r .tools node_modules)
	rm -rf target build .wrangler

toolchain:
	@.ci/toolchain
