//! What is on the device: partition layout, root file system, provisioning.
