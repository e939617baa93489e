################################################################################
#
# efibootguard
#
################################################################################

EFIBOOTGUARD_VERSION = 0.22
EFIBOOTGUARD_SITE = $(call github,siemens,efibootguard,v$(EFIBOOTGUARD_VERSION))
EFIBOOTGUARD_LICENSE = GPL-2.0
EFIBOOTGUARD_LICENSE_FILES = COPYING
EFIBOOTGUARD_INSTALL_TARGET = NO
EFIBOOTGUARD_INSTALL_IMAGES = YES
EFIBOOTGUARD_DEPENDENCIES = gnu-efi host-autoconf-archive host-pkgconf pciutils

# configure is not in the archive.
EFIBOOTGUARD_AUTORECONF = YES
EFIBOOTGUARD_AUTORECONF_OPTS = --include=$(HOST_DIR)/share/autoconf-archive

# Tests and completions are git submodules, which the archive leaves out.
EFIBOOTGUARD_CONF_OPTS = \
	--disable-completion \
	--disable-tests \
	--with-gnuefi-sys-dir=$(STAGING_DIR) \
	--with-gnuefi-include-dir=$(STAGING_DIR)/usr/include/efi \
	--with-gnuefi-lib-dir=$(STAGING_DIR)/usr/lib

ifeq ($(BR2_x86_64),y)
EFIBOOTGUARD_MACHINE = x64
else ifeq ($(BR2_aarch64),y)
EFIBOOTGUARD_MACHINE = aa64
else ifeq ($(BR2_arm),y)
EFIBOOTGUARD_MACHINE = arm
endif

# The loader alone, and not its tools, which would need a file each in the root.
EFIBOOTGUARD_MAKE_OPTS = efibootguard$(EFIBOOTGUARD_MACHINE).efi

define EFIBOOTGUARD_INSTALL_IMAGES_CMDS
	$(INSTALL) -D -m 0644 \
		$(@D)/efibootguard$(EFIBOOTGUARD_MACHINE).efi \
		$(BINARIES_DIR)/efibootguard$(EFIBOOTGUARD_MACHINE).efi
endef

$(eval $(autotools-package))
