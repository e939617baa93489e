################################################################################
#
# mesh-node
#
################################################################################

MESH_NODE_VERSION = 0.1.0
MESH_NODE_SITE = $(BR2_EXTERNAL_MESH_NODE_PATH)/..
MESH_NODE_SITE_METHOD = local
MESH_NODE_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = --exclude=/target
HOST_MESH_NODE_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = --exclude=/target
MESH_NODE_LICENSE = Apache-2.0 or MIT

# The packer is a program of this workspace for the host, and post-image.sh runs it.
MESH_NODE_DEPENDENCIES = host-mesh-node

# Buildroot vendors what it downloads, and a local site is not downloaded: it
# is vendored here instead. Cargo.lock has each crate's hash, and cargo checks
# them. The repository's own settings, for another linker, are written over.
define MESH_NODE_VENDOR
	mkdir -p $(BR_CARGO_HOME)
	cd $(@D) && \
		$(HOST_MAKE_ENV) CARGO_HOME=$(BR_CARGO_HOME) \
		flock $(BR_CARGO_HOME)/.br-lock \
		cargo vendor --locked VENDOR >vendored.toml
	mkdir -p $(@D)/.cargo
	mv $(@D)/vendored.toml $(@D)/.cargo/config.toml
endef
MESH_NODE_PRE_CONFIGURE_HOOKS += MESH_NODE_VENDOR
HOST_MESH_NODE_PRE_CONFIGURE_HOOKS += MESH_NODE_VENDOR

# Buildroot sets every package's profile; ours is the release profile of
# Cargo.toml. The only C is cryptography, and that is compiled for speed.
MESH_NODE_CARGO_ENV = \
	AWS_LC_SYS_NO_JITTER_ENTROPY=1 \
	CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
	CARGO_PROFILE_RELEASE_LTO=fat \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=z \
	CFLAGS="$(TARGET_CFLAGS) -O3"
MESH_NODE_CARGO_BUILD_OPTS = --package mesh-node --bin mesh-node
HOST_MESH_NODE_CARGO_BUILD_OPTS = --package image --bin mesh-image

MESH_NODE_PROFILE = $(if $(BR2_ENABLE_DEBUG),debug,release)

define MESH_NODE_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 \
		$(@D)/target/$(RUSTC_TARGET_NAME)/$(MESH_NODE_PROFILE)/mesh-node \
		$(TARGET_DIR)/usr/bin/mesh-node
endef

define HOST_MESH_NODE_INSTALL_CMDS
	$(INSTALL) -D -m 0755 $(@D)/target/release/mesh-image \
		$(HOST_DIR)/bin/mesh-image
endef

$(eval $(cargo-package))
$(eval $(host-cargo-package))
