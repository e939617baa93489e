#!/bin/sh
# Packs Buildroot's kernel, root and boot loader with the packer that every image is packed with.
# Buildroot calls it with the directory of its images and the architecture.
set -eu

images=$1
architecture=$2
: "${BR2_EXTERNAL_MESH_NODE_PATH:?}"

while IFS='=' read -r fact value; do
	case $fact in kernel | loader) [ -f "$images/$value" ] || {
		echo "post-image: $images has no $value" >&2
		exit 1
	} ;; esac
done <"$BR2_EXTERNAL_MESH_NODE_PATH/board/$architecture/facts"

exec mesh-image pack --manifest "$BR2_EXTERNAL_MESH_NODE_PATH/../image/$architecture.toml" \
	--buildroot "$images" --out "$images/mesh-node"
