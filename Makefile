# oauth-tools: build, test, install. Needs GNU make. `make help` lists the targets.

CARGO ?= cargo
RUSTC ?= rustc

# The folder that cargo builds into.
TARGET = $(or $(CARGO_TARGET_DIR),target)
BUILT ?= $(TARGET)/release
# The programs are built first, unless the user sets BUILT.
PROGRAMS = $(if $(filter file,$(origin BUILT)),build)
# Put before a command that runs the programs.
WITH_PROGRAMS = PATH="$$(cd "$(BUILT)" && pwd):$$PATH"

# Keeps the paths of the build folders out of the programs.
REMAP = --config 'build.rustflags=["--remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo", \
	"--remap-path-prefix=$(CURDIR)=/oauth-tools"]'

SCRIPTS = $(wildcard benches/*.sh bridges/*.sh conformance/*.sh demo/*.sh packaging/*.sh tests/*.sh) .ci/run

.PHONY: all build demo test soak check bench bridge conformance conformance-netrc fuzz html picture reproducible completions dist deb clean

all: build

# Provides help, install and uninstall, and the variables PREFIX, DESTDIR and BUILT.
include packaging/install.mk

install: $(PROGRAMS)

## build the programs
build:
	$(CARGO) build --release --locked $(REMAP)

## run a short demonstration in a sandbox
demo: $(PROGRAMS)
	$(WITH_PROGRAMS) sh demo/demo.sh

# Tests that need a program that is not installed are skipped; the last lines of the output list them, and the Debian
# packages to install. If OAUTH_TOOLS_TEST_ALL is set, they fail instead.
## run all tests
test:
	sh tests/left-out.sh $(CARGO) test --locked --no-fail-fast

## run the tools on 50,000 and more records under mixed faults
soak:
	$(CARGO) test --release --locked --test runs soak:: -- --ignored --nocapture --test-threads 1

# Needs the Debian packages mandoc and shellcheck. The licences of all platforms are checked, so cargo fetches their
# packages over the network once.
## check format, lints, documentation, man pages, scripts and licences
check:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	mandoc -T lint -W warning $(PAGES)
	shellcheck $(SCRIPTS)
	$(CARGO) fetch --locked
	sh tests/left-out.sh $(CARGO) test --locked --test structure --test documents --test supply --test corpus

# mandoc links a page that is in its working directory to our copy, any other one to Debian's.
HTML = $(abspath $(TARGET))/html
## render the man pages to linked HTML in target/html/; needs mandoc
html:
	mkdir -p "$(HTML)"
	cp packaging/mandoc.css "$(HTML)/"
	cd man && for page in $(notdir $(PAGES)); do \
		mandoc -T html -O 'style=mandoc.css,man=%N.%S.html;https://manpages.debian.org/%N.%S' "$$page" \
			> "$(HTML)/$$page.html" || exit 1; \
	done
	cp "$(HTML)/oauth-tools.7.html" "$(HTML)/index.html"

## compare speed and memory with curl and jq
bench: $(PROGRAMS)
	$(CARGO) build --quiet --release --locked --example line
	$(WITH_PROGRAMS) LINE="$(abspath $(TARGET))/release/examples/line" sh benches/bench.sh

## record the picture in README.md; needs asciinema, node and npm
picture: $(PROGRAMS)
	npm install --silent --prefix "$(TARGET)/picture" svg-term-cli@2.1.1
	$(WITH_PROGRAMS) SVG_TERM="$(abspath $(TARGET))/picture/node_modules/.bin/svg-term" \
		sh demo/picture.sh docs/demo.svg

## compare results with the official Heroku CLI; needs node, npm and jq
conformance: $(PROGRAMS)
	$(WITH_PROGRAMS) sh conformance/run.sh

# Needs what node-gyp needs to compile better-sqlite3: python3, make and a C++ compiler.
## check the bridge for Better Auth with its real server; needs node, npm and curl
bridge: $(PROGRAMS)
	$(WITH_PROGRAMS) sh conformance/bad-bridges.sh
	$(WITH_PROGRAMS) sh bridges/prove.sh "$(TARGET)"

## compare our reader of netrc files with others; needs node, npm and python3
conformance-netrc:
	sh conformance/netrc.sh

## the fuzz targets to run
FUZZ_TARGETS ?= $(patsubst fuzz/fuzz_targets/%.rs,%,$(wildcard fuzz/fuzz_targets/*.rs))
## the seconds to run each of them
FUZZ_SECONDS ?= 60
# cargo fuzz has no --locked, so the line before it checks that the lock file is up to date.
## run each fuzz target; needs cargo-fuzz, see fuzz/README.md
fuzz:
	$(CARGO) metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null
	for target in $(FUZZ_TARGETS); do \
		RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --sanitizer none $$target -- \
			-max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=30 || exit 1; \
	done

## check that two builds give the same archive
reproducible:
	sh packaging/reproducible.sh

## regenerate completions/ from the option tables
completions:
	$(CARGO) build --locked --example completions
	$(CARGO) run --quiet --locked --example completions -- bash > completions/oauth-tools.bash
	$(CARGO) run --quiet --locked --example completions -- fish > completions/oauth-tools.fish
	$(CARGO) run --quiet --locked --example completions -- zsh > completions/_oauth_tools

## build a release archive and SHA256SUMS in target/; needs GNU tar
dist: $(PROGRAMS)
	RUSTC="$(RUSTC)" sh packaging/dist.sh "$(BUILT)" "$(TARGET)"

## build a Debian package in target/; needs dpkg-deb
deb: $(PROGRAMS)
	sh packaging/deb.sh "$(BUILT)" "$(TARGET)"

## remove everything that was built
clean:
	$(CARGO) clean
