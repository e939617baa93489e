#!/bin/sh
# Takes out of the target what only the build needed. Buildroot calls it with the target's directory.
set -eu

target=$1

# The router's own rcS starts what runs: Buildroot's start scripts would never be called.
rm -f "$target"/etc/init.d/S[0-9]*
# EFI Boot Guard is linked with pciutils' library; the router has no use for the rest.
rm -f "$target"/usr/bin/lspci "$target"/usr/bin/setpci "$target"/usr/bin/update-pciids
rm -f "$target"/usr/lib/libpci.so* "$target"/usr/share/pci.ids*
# Of e2fsprogs, only the doctor.
for program in badblocks debugfs dumpe2fs e2freefrag e2image e2label e2mmpstatus e2undo e4crypt filefrag logsave mke2fs \
	mkfs.ext2 mkfs.ext3 mkfs.ext4 mklost+found resize2fs tune2fs; do
	rm -f "$target/sbin/$program" "$target/usr/sbin/$program" "$target/bin/$program"
done
# Everything the kernel needs is built in, and rcS reads the list.
: >"$target/etc/modules"
