#!/bin/sh
# Takes out of the target what only the build needed, and puts in what only a build makes. Buildroot calls it with the
# target's directory.
set -eu

target=$1

# The router's own rcS starts what runs: Buildroot's start scripts would never be called.
rm -f "$target"/etc/init.d/S[0-9]*
# EFI Boot Guard is linked with pciutils' library; the router has no use for the rest.
rm -f "$target"/usr/bin/lspci "$target"/usr/bin/setpci "$target"/usr/bin/update-pciids
rm -f "$target"/usr/lib/libpci.so* "$target"/usr/share/pci.ids*
# Of e2fsprogs, only the doctor.
for program in badblocks dumpe2fs e2freefrag e2label e2mmpstatus e2undo e4crypt filefrag logsave mke2fs mkfs.ext2 \
	mkfs.ext3 mkfs.ext4 mklost+found tune2fs; do
	rm -f "$target/sbin/$program" "$target/usr/sbin/$program"
done
# Everything the kernel needs is built in, and rcS reads the list.
: >"$target/etc/modules"

# What a data partition beyond repair is replaced by; the node lets it grow. The same in each build.
template=$target/usr/share/mesh-node/data.ext4
mkdir -p "${template%/*}"
rm -f "$template"
E2FSPROGS_FAKE_TIME=${SOURCE_DATE_EPOCH:-1} mke2fs -q -t ext4 -b 4096 -I 256 -m 0 -L data \
	-U 6d657368-6e6f-4465-8461-746100000000 \
	-E hash_seed=6d657368-6e6f-4465-8461-746100000001,root_owner=0:0,lazy_itable_init=0 "$template" 16M
