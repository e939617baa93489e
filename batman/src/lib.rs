//! What the mesh should be, what it is, and the steps between, over netlink.
