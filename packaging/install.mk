# Installs what is already built. GNU make; needs no cargo.
#
# The Makefile of the sources includes this file, and a release archive has it as its Makefile. A line that begins
# with two hashes is what `make help` prints about the target or the variable in the next line.

## where everything goes below
PREFIX ?= /usr/local
## put in front of PREFIX, to stage an installation for a package
DESTDIR ?=
## the folder of programs to install as they are
BUILT ?= bin

BINDIR = $(DESTDIR)$(PREFIX)/bin
SHAREDIR = $(DESTDIR)$(PREFIX)/share
MANDIR = $(SHAREDIR)/man
BASHDIR = $(SHAREDIR)/bash-completion/completions
FISHDIR = $(SHAREDIR)/fish/vendor_completions.d
ZSHDIR = $(SHAREDIR)/zsh/site-functions

PAGES = $(wildcard man/*.[157])
# Each tool has a page of its name.
TOOLS = $(patsubst man/%.1,%,$(filter %.1,$(PAGES)))

.PHONY: help install uninstall

## print these lines
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

## remove what install has put there; takes the same PREFIX and DESTDIR
uninstall:
	for tool in $(TOOLS); do \
		rm -f "$(BINDIR)/$$tool" "$(BASHDIR)/$$tool" "$(FISHDIR)/$$tool.fish" || exit 1; \
	done
	for page in $(notdir $(PAGES)); do rm -f "$(MANDIR)/man$${page##*.}/$$page" || exit 1; done
	rm -f "$(ZSHDIR)/_oauth_tools"
