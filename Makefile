# oauth-tools: build, test, install. GNU make. `make help` says what there is.

CARGO ?= cargo
RUSTC ?= rustc

# Where cargo builds to.
TARGET = $(or $(CARGO_TARGET_DIR),target)
BUILT ?= $(TARGET)/release
# Programs are built first, unless BUILT says where others are.
PROGRAMS = $(if $(filter file,$(origin BUILT)),build)
# In front of a command that is to find the programs.
WITH_PROGRAMS = PATH="$$(cd "$(BUILT)" && pwd):$$PATH"

# Without these the programs would contain the paths of the folders in which they were built.
REMAP = --config 'build.rustflags=["--remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo", \
	"--remap-path-prefix=$(CURDIR)=/oauth-tools"]'

SCRIPTS = $(wildcard benches/*.sh conformance/*.sh demo/*.sh packaging/*.sh tests/*.sh) .ci/run

.PHONY: all build demo test soak check bench conformance fuzz reproducible completions dist deb clean

all: build

# help, install, uninstall, and the variables PREFIX, DESTDIR, BUILT.
include packaging/install.mk

install: $(PROGRAMS)

## build the programs
build:
	$(CARGO) build --release --locked $(REMAP)

## run the pipeline of the manual in a sandbox
demo: $(PROGRAMS)
	$(WITH_PROGRAMS) sh demo/demo.sh

# Tests whose programs are not on this machine are left out; the last lines say which ones, and which Debian packages
# bring them back. Where OAUTH_TOOLS_TEST_ALL is set, they fail instead.
## run all tests
test:
	sh tests/left-out.sh $(CARGO) test --locked --no-fail-fast

## run 50,000 records and more under mixed faults
soak:
	$(CARGO) test --release --locked --test runs soak:: -- --ignored --nocapture --test-threads 1

# mandoc and shellcheck are needed here: Debian packages mandoc, shellcheck. Licences are checked for all platforms,
# whose packages come over the network once.
## check format, lints, documentation, man pages and scripts
check:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	mandoc -T lint -W warning $(PAGES)
	shellcheck $(SCRIPTS)
	$(CARGO) fetch --locked
	sh tests/left-out.sh $(CARGO) test --locked --test structure --test supply --test corpus

## measure ratios against curl and jq
bench: $(PROGRAMS)
	$(WITH_PROGRAMS) sh benches/bench.sh

## compare with the official Heroku CLI on identical sandboxes; needs node, npm and jq
conformance: $(PROGRAMS)
	$(WITH_PROGRAMS) sh conformance/run.sh

## the fuzz targets to run
FUZZ_TARGETS ?= $(patsubst fuzz/fuzz_targets/%.rs,%,$(wildcard fuzz/fuzz_targets/*.rs))
## how long each of them runs
FUZZ_SECONDS ?= 60
# cargo fuzz takes no --locked: it builds by the lock file that is found to be right before.
## run each fuzz target for a while; needs cargo-fuzz, see fuzz/README.md
fuzz:
	$(CARGO) metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null
	for target in $(FUZZ_TARGETS); do \
		RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --sanitizer none $$target -- \
			-max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=30 || exit 1; \
	done

## build and pack in two folders, and compare the bytes
reproducible:
	sh packaging/reproducible.sh

## regenerate the files in completions/ from the option tables
completions:
	$(CARGO) build --locked --example completions
	$(CARGO) run --quiet --locked --example completions -- bash > completions/oauth-tools.bash
	$(CARGO) run --quiet --locked --example completions -- fish > completions/oauth-tools.fish
	$(CARGO) run --quiet --locked --example completions -- zsh > completions/_oauth_tools

## pack a release archive and SHA256SUMS in target/; needs GNU tar
dist: $(PROGRAMS)
	RUSTC="$(RUSTC)" sh packaging/dist.sh "$(BUILT)" "$(TARGET)"

## pack a Debian package in target/; needs dpkg-deb
deb: $(PROGRAMS)
	sh packaging/deb.sh "$(BUILT)" "$(TARGET)"

## remove all that was built
clean:
	$(CARGO) clean
