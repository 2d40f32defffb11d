# `make help` lists the targets. Each target sets up what it needs; .ci/toolchain says how.

SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c
# cargo would take make's job server for its own, and warn that it is closed.
unexport MAKEFLAGS MFLAGS

# The only place that says how the Worker's wasm is built. wrangler.toml calls `make worker`.
#   simd128      The encoder's match finder uses it, and every runtime in question has it.
#   max-memory   112 MiB, in bytes. An isolate has 128 MiB for its JavaScript and all its wasm together. Above that the
#                platform kills it without an error. Below it the allocator fails, and the core reports that.
#   strip-all    Drops the names of functions: 40 kB gzipped. A profile needs them: make worker NAMES=1
#   keep-section wasm-bindgen reads this section to learn which wasm features it may use.
#   Map          `make size` reads it.
#   unwind       A panic ends its own request only, and its memory is released. Running out of memory or stack still
#                aborts the wasm: the next request gets a fresh instance, the other responses of the isolate break off,
#                and the memory counter starts anew. Costs 22 kB gzipped and no CPU time.
WASM_RUSTFLAGS := -C target-feature=+simd128 -C link-arg=--max-memory=117440512 -C link-arg=-Map=.tools/wasm.map \
	$(if $(NAMES),,-C link-arg=--strip-all -C link-arg=--keep-section=target_features) -Cpanic=unwind
#   .ci/worker-build    Wrappers around cargo, rustc and rustup: a stable compiler, and LTO.
#   RUN_TO_COMPLETION   Hands the response's promise to waitUntil. Without it, a client that leaves before the response
#                       starts leaves its future undropped and its memory reserved for ever.
#   no-opt              Skips wasm-opt: -O2 makes this module 1 kB larger, gzipped, and up to 12 % slower at quality 5.
#   panic-unwind        Adds the JavaScript that unwinding needs, and the last of the flags.
WORKER_BUILD := CARGO="$$(command -v cargo)" PATH="$(CURDIR)/.ci/worker-build:$$PATH" RUN_TO_COMPLETION=1 \
	RUSTFLAGS="$(filter-out -Cpanic=unwind,$(WASM_RUSTFLAGS))" \
	worker-build src/worker --profile wasm --no-opt --panic-unwind --out-dir ../../build

# The host is compiled by cargo's own compiler. The wasm tool chain may have another one, so each recipe that needs it
# sources it.
WASM := . .tools/env &&

# The browser package is built with the Worker's flags, so that both share every compiled dependency. build.rs in
# src/browser sets the memory that the package may use.
BROWSER_BUILD := RUSTFLAGS="$(WASM_RUSTFLAGS)" cargo build -p recompress-browser --profile wasm --target wasm32-unknown-unknown

# The port of `make dev`.
PORT := 8787

TARGET_DIR := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
# The tests use the command line of the dev profile: `cargo test` builds it anyway, with an optimised encoder. What
# measures uses the release build.
TESTED := RECOMPRESS="$(TARGET_DIR)/debug/recompress"
RELEASED := RECOMPRESS="$(TARGET_DIR)/release/recompress"

# The tests have all of the command line. What is released has S3 only if it is built with it.
TESTED_FEATURES := --features recompress-cli/s3

NODE_TEST := node --test --test-timeout=600000
# Runs the targets that follow two at a time, and prints the output of each in one piece where make can.
SIDE_BY_SIDE := +$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: help dev build release worker browser page test test-programs test-build test-rust test-core test-wasm \
	test-worker test-writers test-native test-s3 test-page test-examples test-readme test-memory bench bench-saves real profile calibrate fuzz danger memory soak size lint fmt clean \
	toolchain

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST)

# With archives that anyone may store and read, kept in .wrangler/ between runs.
dev: toolchain ## build, and serve on http://localhost:8787 in workerd (PORT=8787); builds again when src/ changes
	@$(WASM) export WRANGLER_SEND_METRICS=false WRANGLER_HIDE_BANNER=true CLOUDFLARE_CF_FETCH_ENABLED=false && \
	exec wrangler dev --env store --var RECOMPRESS_OPEN:1 --port $(PORT) $(ARGS)

build: worker release ## target/release/recompress, and the Worker in build/

release: page ## target/release/recompress
	cargo build --release -p recompress-cli --features page

worker: page ## the Worker in build/, and the page that it serves
	$(WASM) $(WORKER_BUILD)

page: browser
	rm -rf build/assets
	mkdir -p build/assets/page
	cp src/page/index.html src/page/_headers build/assets/
	cp src/page/*.css src/page/*.js src/page/*.svg src/client/archives.js build/browser/*.js build/browser/*.wasm build/assets/page/

browser: build/browser/core_bg.wasm ## the package for web pages, in build/browser/
	cp src/browser/*.js src/browser/*.d.ts src/browser/package.json src/browser/README.md build/browser/

# Cargo links this again whenever the Worker was built in between, so make decides when to build it.
build/browser/core_bg.wasm: $(shell find src -name '*.rs') Cargo.toml Cargo.lock Makefile | toolchain
	$(WASM) $(BROWSER_BUILD)
	$(WASM) "$$WASM_BINDGEN_BIN" --target web --out-dir build/browser --out-name core \
		"$(TARGET_DIR)/wasm32-unknown-unknown/wasm/recompress_browser.wasm"

# The encoder takes minutes to compile and is compiled twice: for the host and for wasm, at the same time. The groups of
# tests then run two at a time. Last come the tests that measure memory, alone.
test: toolchain ## all tests
	.ci/test-programs
	.ci/schemathesis
	$(SIDE_BY_SIDE) test-build worker
	$(SIDE_BY_SIDE) test-rust test-core test-size test-worker test-native test-s3 test-writers test-page test-examples
	$(MAKE) --no-print-directory test-readme
	$(MAKE) --no-print-directory test-memory

test-build:
	cargo test --no-run $(TESTED_FEATURES)

test-rust: ## the tests in Rust, without those that measure memory
	cargo test --no-fail-fast $(TESTED_FEATURES)

test-core: ## the core's list of crates
	diff <(grep -v '^#' .ci/core-dependencies) <(cargo tree -p recompress -e normal --target all --prefix none -f '{p}' | cut -d ' ' -f 1 | sort -u)

test-size:
	$(WASM) node tools/size.mjs

# build/ and target/debug must be there: `make test`, or `make worker test-build`, has built them.
test-worker: ## the tests of the Worker in workerd
	$(WASM) $(TESTED) $(NODE_TEST) $(filter-out tests/worker/memory.test.mjs,$(wildcard tests/worker/*.test.mjs)) tests/contract/*.test.mjs

test-native: ## the tests of the Worker that do not depend on its platform, on the native server
	$(WASM) $(TESTED) SERVER=native $(NODE_TEST) $(patsubst %,tests/worker/%.test.mjs,answers archives budget conversion inspection json leaving load streaming ways) $(filter-out %/s3.test.mjs,$(wildcard tests/native/*.test.mjs))

test-s3: ## the native server with a bucket of S3, which miniflare serves
	$(WASM) $(TESTED) SERVER=native STORE=s3 $(NODE_TEST) tests/worker/archives.test.mjs tests/native/s3.test.mjs

test-writers: ## archives that real programs write
	$(WASM) $(TESTED) $(NODE_TEST) tests/writers/*.test.mjs

test-page: ## the browser package, and the page in Chromium
	$(WASM) $(TESTED) $(NODE_TEST) tests/page/*.test.mjs

test-examples: ## the examples for backends, and the client of archives, in miniflare, node and Chromium
	$(WASM) $(TESTED) $(NODE_TEST) tests/examples/*.test.mjs tests/client/*.test.mjs

test-memory: ## the tests that measure the Worker's memory
	$(WASM) $(TESTED) $(NODE_TEST) tests/worker/memory.test.mjs

# Alone, because it starts `make dev`, which builds the Worker.
test-readme: ## the commands of the README and of docs/, against `make dev`
	$(WASM) $(TESTED) node --test --test-timeout=1200000 tests/readme/*.test.mjs

fuzz: ## libFuzzer, FUZZ_SECONDS=60 for each target; TARGET="reader transcode chunking indexed directory save encoder stored tarball", or some of them
	.ci/fuzz $(TARGET)

bench: build ## the cost of a conversion, next to other ways to do it: docs/performance.md; ARGS="cells --rounds 3 --corpus FILE.zip"
	.ci/test-programs bench
	$(WASM) $(RELEASED) node benches/bench.mjs $(ARGS)

bench-saves: build ## the cost of a save's JSON, next to jomini's tape, and in workerd: docs/saves.md; ARGS="native --rounds 9"
	cargo build --release -p recompress --example save-json
	$(WASM) $(RELEASED) node benches/saves.mjs $(ARGS)

real: release ## converts the zips of a folder outside the repository and checks every member; DIR=saves ARGS="--quality 9"
	$(WASM) node tools/real.mjs "$(DIR)" $(ARGS)

calibrate: build ## measures the cost of each quality and window in workerd, and writes the tables that budgets and estimates use
	$(WASM) $(RELEASED) node tools/calibrate.mjs --data tools/calibration.csv --costs src/core/cost/cpu/table.rs --sizes src/core/cost/size/table.rs
	cargo fmt

danger: ## the table of docs/danger.md, by the programs on this machine
	.ci/test-programs danger
	cargo test -p recompress --test it -- --ignored write_the_table_of_dangers

memory: worker ## the peak memory of the Worker, by quality and window; ARGS="--mib 300 --quality 9"
	$(WASM) node tools/memory.mjs $(ARGS)

profile: ## the CPU profile of the Worker; ARGS="--quality 5 --corpus source"
	$(MAKE) --no-print-directory worker NAMES=1
	$(WASM) node tools/profile.mjs $(ARGS)

soak: build ## slow clients beside fast ones, real clients that read late, archives under load, then an hour of good, bad, cut and abandoned uploads; ARGS="--minutes 60 --clients 6"
	$(WASM) $(RELEASED) node tools/crowd.mjs
	$(WASM) $(RELEASED) SERVER=native node tools/crowd.mjs
	$(WASM) $(RELEASED) node tools/clients.mjs
	$(WASM) $(RELEASED) SERVER=native node tools/clients.mjs
	$(WASM) $(RELEASED) node tools/archives.mjs
	$(WASM) $(RELEASED) SERVER=native node tools/archives.mjs --only kills
	$(WASM) $(RELEASED) node tools/soak.mjs $(ARGS)

size: worker ## the size of the Worker's wasm by crate, against tools/size.json; ARGS=--write accepts it
	$(WASM) node tools/size.mjs $(ARGS)

lint: toolchain ## rustfmt, clippy and rustdoc, on the host and on wasm32
	cargo fmt --check
	cargo clippy --all-targets $(TESTED_FEATURES) -- -D warnings
	cargo clippy -p recompress-cli -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
	# The core has no I/O, no clock and no JavaScript, so it compiles for a bare wasm.
	$(WASM) RUSTFLAGS="$(WASM_RUSTFLAGS)" $$CARGO_CLIPPY clippy --target wasm32-unknown-unknown -p recompress -p recompress-worker -p recompress-browser -- -D warnings

fmt: ## rustfmt
	cargo fmt

clean: ## removes what was built; the tools stay (rm -r .tools node_modules removes them)
	rm -rf target build .wrangler

toolchain:
	@.ci/toolchain
