################################################################################
#
# mesh-node's external tree
#
################################################################################

# A defconfig here is only what an architecture adds to the fragments.
ifeq ($(BR2_PACKAGE_MESH_NODE),)
$(error the fragments are missing: configure with $(BR2_EXTERNAL_MESH_NODE_PATH)/Makefile)
endif

include $(sort $(wildcard $(BR2_EXTERNAL_MESH_NODE_PATH)/package/*/*.mk))

# Kconfig drops in silence what it cannot give.
define LINUX_MESH_NODE_KEPT
	$(BR2_EXTERNAL_MESH_NODE_PATH)/kept.sh $(@D)/.config \
		$(LINUX_KCONFIG_FILE) $(LINUX_KCONFIG_FRAGMENT_FILES)
endef
LINUX_POST_CONFIGURE_HOOKS += LINUX_MESH_NODE_KEPT

define BUSYBOX_MESH_NODE_KEPT
	$(BR2_EXTERNAL_MESH_NODE_PATH)/kept.sh $(@D)/.config \
		$(BUSYBOX_KCONFIG_FRAGMENT_FILES)
endef
BUSYBOX_POST_CONFIGURE_HOOKS += BUSYBOX_MESH_NODE_KEPT
