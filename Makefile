# oauth-tools: build, test, install. GNU make.

PREFIX ?= /usr/local
BINDIR = $(DESTDIR)$(PREFIX)/bin
MANDIR = $(DESTDIR)$(PREFIX)/share/man
CARGO ?= cargo

TOOLS = $(patsubst src/bin/%.rs,%,$(wildcard src/bin/oauth-*.rs))
PAGES = $(wildcard man/*.[157])
SCRIPTS = $(wildcard tests/suite/*.sh benches/*.sh demo/*.sh) .ci/run

.PHONY: all build demo test check bench install uninstall clean

all: build

build:
	$(CARGO) build --release --locked

# The pipeline of the manual, on a rehearsal account.
demo: build
	PATH="$(CURDIR)/target/release:$$PATH" sh demo/demo.sh

test:
	$(CARGO) test --locked

# mandoc and shellcheck are needed here: Debian packages mandoc, shellcheck.
check:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	mandoc -T lint -W warning $(PAGES)
	shellcheck $(SCRIPTS)
	$(CARGO) test --locked --test structure

# Ratios in one run, against curl and jq (Debian packages curl, jq).
bench: build
	PATH="$(CURDIR)/target/release:$$PATH" sh benches/bench.sh

install: build
	install -d "$(BINDIR)" "$(MANDIR)/man1" "$(MANDIR)/man5" "$(MANDIR)/man7"
	install -m 755 $(TOOLS:%=target/release/%) "$(BINDIR)"
	for page in $(PAGES); do install -m 644 "$$page" "$(MANDIR)/man$${page##*.}"; done

uninstall:
	for tool in $(TOOLS); do rm -f "$(BINDIR)/$$tool"; done
	for page in $(notdir $(PAGES)); do rm -f "$(MANDIR)/man$${page##*.}/$$page"; done

clean:
	$(CARGO) clean
