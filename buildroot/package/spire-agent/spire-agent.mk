################################################################################
#
# spire-agent
#
################################################################################

# The Go module that names upstream's release, the same for every image.
SPIRE_AGENT_VERSION = 1.15.3
SPIRE_AGENT_SITE = $(BR2_EXTERNAL_MESH_NODE_PATH)/../image/spire
SPIRE_AGENT_SITE_METHOD = local
SPIRE_AGENT_LICENSE = Apache-2.0

# Buildroot vendors what it downloads, and a local site is not downloaded: it
# is vendored here instead. go.sum has each module's hash, and go checks them.
define SPIRE_AGENT_VENDOR
	cd $(@D) && \
		$(HOST_GO_TARGET_ENV) GOFLAGS=-mod=mod GOPROXY=direct \
		$(GO_BIN) mod vendor -modcacherw
endef
SPIRE_AGENT_PRE_CONFIGURE_HOOKS += SPIRE_AGENT_VENDOR

# Without cgo it is static, whatever the C library.
SPIRE_AGENT_GO_ENV = CGO_ENABLED=0
SPIRE_AGENT_GOMOD = github.com/spiffe/spire
SPIRE_AGENT_BUILD_TARGETS = cmd/spire-agent
SPIRE_AGENT_LDFLAGS = -s -w

$(eval $(golang-package))
