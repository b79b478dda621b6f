# oauth-tools: build, test, install. GNU make.

PREFIX ?= /usr/local
BINDIR = $(DESTDIR)$(PREFIX)/bin
MANDIR = $(DESTDIR)$(PREFIX)/share/man
CARGO ?= cargo

# Where cargo builds to. The programs of another folder than that of `make build` are installed as they are:
# make install BUILT=target/debug
TARGET = $(or $(CARGO_TARGET_DIR),target)
BUILT = $(TARGET)/release

TOOLS = $(patsubst src/bin/%.rs,%,$(wildcard src/bin/oauth-*.rs))
PAGES = $(wildcard man/*.[157])
SCRIPTS = $(wildcard benches/*.sh conformance/*.sh demo/*.sh packaging/*.sh) .ci/run

COMPDIR = $(DESTDIR)$(PREFIX)/share
COMPLETIONS = $(CARGO) run --quiet --locked --example completions --

.PHONY: all build demo test soak check bench conformance fuzz reproducible completions install uninstall deb clean

all: build

build:
	$(CARGO) build --release --locked

# The pipeline of the manual, on a rehearsal account.
demo: build
	PATH="$(abspath $(BUILT)):$$PATH" sh demo/demo.sh

test:
	$(CARGO) test --locked

# Long runs under mixed faults: 50,000 records and more.
soak:
	$(CARGO) test --release --locked --test soak -- --ignored --nocapture --test-threads 1

# mandoc and shellcheck are needed here: Debian packages mandoc, shellcheck.
check:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	mandoc -T lint -W warning $(PAGES)
	shellcheck $(SCRIPTS)
	$(CARGO) test --locked --test structure --test supply --test corpus

# Ratios in one run, against curl and jq (Debian packages curl, jq).
bench: build
	PATH="$(abspath $(BUILT)):$$PATH" sh benches/bench.sh

# The official Heroku CLI against the sandbox, side by side with ours. Needs node, npm and jq.
conformance: build
	PATH="$(abspath $(BUILT)):$$PATH" sh conformance/run.sh

# A while with each fuzz target; needs cargo-fuzz. See fuzz/README.md.
FUZZ_TARGETS ?= $(patsubst fuzz/fuzz_targets/%.rs,%,$(wildcard fuzz/fuzz_targets/*.rs))
FUZZ_SECONDS ?= 60
# cargo fuzz takes no --locked: it builds by the lock file that is found to be right before.
fuzz:
	$(CARGO) metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null
	for target in $(FUZZ_TARGETS); do \
		RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --sanitizer none $$target -- \
			-max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=30 || exit 1; \
	done

# Two builds in two folders give the same bytes.
reproducible:
	sh packaging/reproducible.sh

completions:
	mkdir -p "$(TARGET)/completions"
	for shell in bash zsh fish; do $(COMPLETIONS) $$shell > "$(TARGET)/completions/$$shell" || exit 1; done

install: $(if $(filter $(TARGET)/release,$(BUILT)),build) completions
	install -d "$(BINDIR)" "$(MANDIR)/man1" "$(MANDIR)/man5" "$(MANDIR)/man7" \
		"$(COMPDIR)/bash-completion/completions" "$(COMPDIR)/zsh/site-functions" \
		"$(COMPDIR)/fish/vendor_completions.d"
	install -m 755 $(TOOLS:%="$(BUILT)/%") "$(BINDIR)"
	for page in $(PAGES); do install -m 644 "$$page" "$(MANDIR)/man$${page##*.}" || exit 1; done
	for tool in $(TOOLS); do \
		install -m 644 "$(TARGET)/completions/bash" "$(COMPDIR)/bash-completion/completions/$$tool" && \
		install -m 644 "$(TARGET)/completions/fish" "$(COMPDIR)/fish/vendor_completions.d/$$tool.fish" || exit 1; \
	done
	install -m 644 "$(TARGET)/completions/zsh" "$(COMPDIR)/zsh/site-functions/_oauth_tools"

uninstall:
	for tool in $(TOOLS); do \
		rm -f "$(BINDIR)/$$tool" "$(COMPDIR)/bash-completion/completions/$$tool" \
			"$(COMPDIR)/fish/vendor_completions.d/$$tool.fish"; \
	done
	for page in $(notdir $(PAGES)); do rm -f "$(MANDIR)/man$${page##*.}/$$page"; done
	rm -f "$(COMPDIR)/zsh/site-functions/_oauth_tools"

# A Debian package, in target/. Needs dpkg-deb.
deb:
	sh packaging/deb.sh

clean:
	$(CARGO) clean
