//! The mesh router: one binary, one loop, one identity.

fn main() {}
