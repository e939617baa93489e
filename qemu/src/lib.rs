//! The lab: boots the image in QEMU, wires machines up, breaks them, watches them.
