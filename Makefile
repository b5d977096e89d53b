# make install puts the programs, their manual pages and completion scripts below PREFIX, or for a
# package below DESTDIR. Tests are run by tools/test, releases made by tools/release.
PREFIX ?= /usr/local
TOOLS := mkcowfs cowfsck cowdb
SHARE := $(DESTDIR)$(PREFIX)/share
BUILD := build

all: $(TOOLS:%=$(BUILD)/%)

$(BUILD)/%: FORCE
	CGO_ENABLED=0 go build -trimpath -o $@ ./cmd/$*

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(SHARE)/man/man8 $(SHARE)/bash-completion/completions \
		$(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	for t in $(TOOLS); do \
		install -m 755 $(BUILD)/$$t $(DESTDIR)$(PREFIX)/bin/$$t && \
		$(BUILD)/$$t --man >$(SHARE)/man/man8/$$t.8 && \
		$(BUILD)/$$t --completion bash >$(SHARE)/bash-completion/completions/$$t && \
		$(BUILD)/$$t --completion zsh >$(SHARE)/zsh/site-functions/_$$t && \
		$(BUILD)/$$t --completion fish >$(SHARE)/fish/vendor_completions.d/$$t.fish || exit 1; \
	done

clean:
	rm -rf $(BUILD)

FORCE:
.PHONY: all install clean FORCE
