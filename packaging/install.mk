# Installs programs that are already built. Needs GNU make, but not cargo.
#
# The Makefile of the sources includes this file; in a release archive, it is the Makefile. A line that starts with two
# hashes is the text of `make help` for the target or variable on the next line.

## the folder to install into
PREFIX ?= /usr/local
## a folder to put before PREFIX, for building packages
DESTDIR ?=
## the folder of the built programs
BUILT ?= bin

BINDIR = $(DESTDIR)$(PREFIX)/bin
SHAREDIR = $(DESTDIR)$(PREFIX)/share
MANDIR = $(SHAREDIR)/man
BASHDIR = $(SHAREDIR)/bash-completion/completions
FISHDIR = $(SHAREDIR)/fish/vendor_completions.d
ZSHDIR = $(SHAREDIR)/zsh/site-functions

PAGES = $(wildcard man/*.[157])
# Each tool has a man page with its name.
TOOLS = $(patsubst man/%.1,%,$(filter %.1,$(PAGES)))

.PHONY: help install uninstall

## print this help
help:
	@awk '/^## / { text = substr($$0, 4); next } \
		text { \
			name = $$1; sub(/:.*/, "", name); \
			line = sprintf("  %-14s %s\n", name, text); text = ""; \
			if (name ~ /^[A-Z]/) variables = variables line; else targets = targets line \
		} \
		END { printf "Targets:\n%s\nVariables:\n%s", targets, variables }' $(MAKEFILE_LIST)

## install programs, man pages and completions below PREFIX
install:
	install -d -m 755 "$(BINDIR)" "$(MANDIR)/man1" "$(MANDIR)/man5" "$(MANDIR)/man7" \
		"$(BASHDIR)" "$(FISHDIR)" "$(ZSHDIR)"
	install -m 755 $(TOOLS:%="$(BUILT)/%") "$(BINDIR)"
	for page in $(PAGES); do install -m 644 "$$page" "$(MANDIR)/man$${page##*.}" || exit 1; done
	for tool in $(TOOLS); do \
		install -m 644 completions/oauth-tools.bash "$(BASHDIR)/$$tool" && \
		install -m 644 completions/oauth-tools.fish "$(FISHDIR)/$$tool.fish" || exit 1; \
	done
	install -m 644 completions/_oauth_tools "$(ZSHDIR)"

## remove everything that install installed; use the same PREFIX and DESTDIR
uninstall:
	for tool in $(TOOLS); do \
		rm -f "$(BINDIR)/$$tool" "$(BASHDIR)/$$tool" "$(FISHDIR)/$$tool.fish" || exit 1; \
	done
	for page in $(notdir $(PAGES)); do rm -f "$(MANDIR)/man$${page##*.}/$$page" || exit 1; done
	rm -f "$(ZSHDIR)/_oauth_tools"
